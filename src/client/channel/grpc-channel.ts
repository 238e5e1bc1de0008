import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  type ChannelCredentials,
  Client,
  type ClientReadableStream,
  type ClientWritableStream,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
  type VerifyOptions,
} from '@grpc/grpc-js';
import { failureWords } from '../../base/failure-words.js';
import { OWN_SERVER_NAME } from '../../trust/pin.js';
import { keyIdOf } from '../../trust/public-key.js';
import { SwitchyardError } from '../error.js';
import { LIMITS } from '../limits.js';
import type { LocalAddresses } from '../local-addresses.js';
import { StatusCode } from '../status.js';
import { AddressBound } from './address-bound.js';
import type { Call, Method } from './channel.js';
import type { ServerChannel } from './channel-pool.js';
import { KnownPins, PinLearner, type TakePins } from './known-pins.js';
import { PinnedCredentials } from './pinned-credentials.js';
import { addressOfTarget } from './pinned-root.js';
import { ProcessHold } from './process-hold.js';
import { SingleConnection } from './single-connection.js';
import { systemAuthorities } from './system-authorities.js';

/** How to know the server, and how to be known to it. All PEM. */
export interface TlsOptions {
  /** Whom to trust. Absent: the system's own list. */
  readonly ca?: Buffer;
  /**
   * Instead of `ca`: by what to know the server's authority, SHA-256 of its SubjectPublicKeyInfo, 32 bytes each. Its certificate
   * is then fetched from the server, which must be HOST:PORT, and is the only one that is trusted; `serverName` is `switchyard` by default.
   */
  readonly pins?: readonly Uint8Array[];
  /**
   * Gets the pins that a server tells, of its authority and the next one, each time that it is asked, over connections that were verified by
   * `pins` or by what that server has told before. To be kept in the place of `pins`, so that the next authority is known when it is used.
   * Called after the answer is delivered; what it throws, or rejects with, becomes a warning of the process and fails no call.
   */
  readonly onPins?: TakePins;
  /** This client's certificate chain, with its `key`. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** The name to expect in the server's certificate when it is not the one that is dialled. */
  readonly serverName?: string;
  /** A further check of the server's certificate, after the usual ones. */
  readonly checkServerIdentity?: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/** How a {@link GrpcChannel} keeps its connection. */
export interface GrpcChannelOptions {
  readonly isSingle?: boolean;
  /** The connection ends when this machine loses its address; absent: nobody looks. */
  readonly addresses?: LocalAddresses;
  /** What the channels of one client know of their servers. Absent: what the TLS options say. */
  readonly pins?: KnownPins | undefined;
  /** Asks the server for its pins, at the first call where that does not ask for them; false: it was away, and may be asked again now. Never rejects. */
  readonly ask?: ((channel: GrpcChannel) => Promise<boolean>) | undefined;
}

/**
 * A channel over grpc-js: one TCP connection, never shared with another channel of the process.
 *
 * grpc-js looks for a lost server on its own schedule, up to 120 s apart; it is kept to a second here so that the
 * waits of the client, which know about jitter and RetryInfo, are the ones that count.
 */
export class GrpcChannel implements ServerChannel {
  readonly host: string | undefined;
  readonly #client: Client;
  #closed = false;
  readonly #hold = new ProcessHold();
  #leafKeyId: Buffer | undefined;
  readonly #learner: PinLearner | undefined;
  readonly another: () => GrpcChannel | undefined;
  readonly #single: SingleConnection | undefined;

  /**
   * `server` is HOST:PORT, or any other target of gRPC's naming (`unix:PATH`, `dns:…`). With `isSingle` there is one connection,
   * over TLS or to a loopback address, and calls fail when it has ended.
   */
  constructor(server: string, tls?: TlsOptions | true, options: GrpcChannelOptions = {}) {
    const { isSingle = false, addresses, pins = knownPinsOf(tls), ask } = options;
    this.#learner = pins && new PinLearner({ server, known: pins, ask: ask && (() => ask(this)) });
    const make = () => new GrpcChannel(server, tls, { isSingle: true, pins });
    this.another = () => (this.#learner?.isGivenUp ? make() : undefined);
    this.host = hostOf(server);
    const seen = (certificate: Buffer, root: Buffer) => {
      this.#leafKeyId = leafKeyIdOf(certificate);
      this.#learner?.seen(certificate, root);
    };
    const base = tls ? secure(server, tls === true ? {} : tls, { pins, seen }) : credentials.createInsecure();
    const serverName = tls && tls !== true ? serverNameOf(tls) : undefined;
    this.#single = isSingle ? new SingleConnection(base) : undefined;
    const bound = addresses && new AddressBound(base, addresses);
    this.#client = new Client(server, this.#single ?? bound ?? base, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': LIMITS.reconnectMs / 10,
      'grpc.max_reconnect_backoff_ms': LIMITS.reconnectMs,
      'grpc.dns_min_time_between_resolutions_ms': LIMITS.reconnectMs,
      'grpc.keepalive_time_ms': LIMITS.pingAfterMs,
      'grpc.keepalive_timeout_ms': LIMITS.pingTimeoutMs,
      'grpc.max_receive_message_length': LIMITS.messageBytesMax,
      'grpc-node.flow_control_window': LIMITS.windowBytes,
      'grpc.service_config_disable_resolution': 1,
      ...(serverName === undefined ? {} : { 'grpc.ssl_target_name_override': serverName }),
    });
  }

  leafKeyId(): Uint8Array | undefined {
    return this.#single === undefined ? this.#leafKeyId : this.#single.leafKeyId;
  }

  unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#begin(method.path, call.signal);
      const cancel = () => sent.cancel();
      const sent = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(call),
        { deadline: deadlineOf(call) },
        (error, response) => {
          call.signal.removeEventListener('abort', cancel);
          if (!error) {
            resolve(response!);
            this.#learner?.answered(method.path, response, sent.getAuthContext());
          } else reject(call.signal.aborted ? call.signal.reason : errorOf(error));
        },
      );
      call.signal.addEventListener('abort', cancel, { once: true });
    });
  }

  async *serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncGenerator<Response, void, undefined> {
    this.#begin(method.path, call.signal);
    const stream = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataOf(call),
      { deadline: deadlineOf(call) },
    );
    yield* received(stream, call.signal);
  }

  async *duplex<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    call: Call,
  ): AsyncGenerator<Response, void, undefined> {
    this.#begin(method.path, call.signal);
    const stream = this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadataOf(call),
      { deadline: deadlineOf(call) },
    );
    let failed: unknown;
    send(stream, requests).catch((error: unknown) => {
      failed = error;
      stream.cancel();
    });
    try {
      yield* received(stream, call.signal);
    } catch (error) {
      throw failed ?? error;
    }
  }

  hold(): () => void {
    return this.#hold.take();
  }

  ready(signal: AbortSignal, timeoutMs: number): Promise<boolean> {
    const channel = this.#client.getChannel();
    const untilMs = Date.now() + timeoutMs;
    return new Promise((resolve) => {
      const done = (isReady: boolean) => {
        signal.removeEventListener('abort', look);
        resolve(isReady);
      };
      const look = () => {
        // Of a channel that is closed, or a call that is given up, the call says so.
        if (this.#closed || signal.aborted) return done(true);
        const state = channel.getConnectivityState(true);
        if (state === connectivityState.READY) done(true);
        else if (state === connectivityState.TRANSIENT_FAILURE || Date.now() >= untilMs) done(false);
        else channel.watchConnectivityState(state, untilMs, look);
      };
      signal.addEventListener('abort', look, { once: true });
      look();
    });
  }

  close(): void {
    this.#closed = true;
    this.#hold.close();
    this.#client.close();
  }

  #begin(path: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed) throw new SwitchyardError(StatusCode.CANCELLED, 'the client is closed');
    this.#learner?.calling(path);
  }
}

/** The messages of a call, read one after another, up to its end. Leaving the loop ends the call. */
async function* received<Response>(
  stream: AsyncIterable<Response> & Pick<ClientReadableStream<Response>, 'cancel' | 'on'>,
  signal: AbortSignal,
): AsyncGenerator<Response, void, undefined> {
  const cancel = () => stream.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  // The loop below reports errors. One that comes after it, of the cancelling itself, must find a listener or it is
  // thrown; that Node's iterator leaves one behind is nowhere promised.
  stream.on('error', () => {});
  try {
    // Iterating reads one message after another: what is not asked for stays with grpc-js (16 messages at most), then
    // in HTTP/2's window, then with the server.
    for await (const message of stream) {
      signal.throwIfAborted();
      yield message;
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : errorOf(error as ServiceError);
  } finally {
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

/** Requests that are written and not yet on their way: with one, each would wait for a wake-up of its own. */
const SENDING_MAX = 4;

/** Writes every request, a few ahead of what is on its way. Ends without an error when the call is over first. */
async function send<Request>(stream: ClientWritableStream<Request>, requests: AsyncIterable<Request>): Promise<void> {
  let sending = 0;
  let wake = () => {};
  const sent = () => {
    sending -= 1;
    wake();
  };
  stream.once('close', () => wake());
  for await (const request of requests) {
    if (stream.destroyed) return;
    sending += 1;
    stream.write(request, sent);
    while (sending >= SENDING_MAX && !stream.destroyed) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  stream.end();
}

/** The pins of TLS options; undefined: the server is known by other means. */
export function knownPinsOf(tls: TlsOptions | true | undefined): KnownPins | undefined {
  if (tls === undefined || tls === true) return undefined;
  const { pins = [], onPins } = tls;
  return pins.length === 0 ? undefined : new KnownPins(pins, onPins);
}

/** What a channel does with what it sees of its server. */
interface Seeing {
  readonly pins: KnownPins | undefined;
  /** Gets the server's certificate of each connection, and the root that was trusted, once the certificate is known to be good. */
  readonly seen: (certificate: Buffer, root: Buffer) => void;
}

function secure(server: string, tls: TlsOptions, { pins, seen }: Seeing): ChannelCredentials {
  const check = tls.checkServerIdentity ?? checkServerIdentity;
  const trusting = (ca: Buffer) => {
    const verify: VerifyOptions = {
      checkServerIdentity: (host, certificate) => {
        const wrong = check(host, certificate);
        if (wrong === undefined) seen(certificate.raw, ca);
        return wrong;
      },
    };
    return credentials.createSsl(ca, tls.key ?? null, tls.cert ?? null, verify);
  };
  if (pins === undefined) return trusting(tls.ca ?? systemAuthorities());
  const address = addressOfTarget(server);
  if (address === undefined) throw new TypeError(`${server}: a server with a pin must be HOST:PORT`);
  return new PinnedCredentials({ address, pins: () => pins.of(server), trusting });
}

/** The name to expect in the server's certificate; undefined: the one that is dialled. */
function serverNameOf({ serverName, pins = [] }: TlsOptions): string | undefined {
  return serverName ?? (pins.length > 0 ? OWN_SERVER_NAME : undefined);
}

function leafKeyIdOf(certificate: Buffer): Buffer {
  return keyIdOf(new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' }));
}

/** What a value of metadata has to be. */
const SENDABLE = /^[\x20-\x7e]*$/;

function metadataOf(call: Call): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(call.metadata)) {
    // grpc-js would say the value, which is a secret.
    if (!SENDABLE.test(value)) {
      throw new SwitchyardError(StatusCode.INVALID_ARGUMENT, `${key} has characters other than printable ASCII`);
    }
    metadata.set(key, value);
  }
  return metadata;
}

function deadlineOf(call: Call): number {
  // A deadline beyond 24 days overflows the timers at both ends.
  return call.timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + Math.min(call.timeoutMs, 0x7fff_ffff);
}

function errorOf(error: ServiceError): SwitchyardError {
  if (typeof error.code !== 'number') throw error;
  const [details] = error.metadata.get('grpc-status-details-bin');
  return SwitchyardError.of({
    code: error.code,
    message: details === undefined ? failureWords(error.details) : error.details,
    details: typeof details === 'string' ? undefined : details,
  });
}

/** The host of a target: HOST:PORT or [V6]:PORT, with or without `dns:` before it. */
function hostOf(server: string): string | undefined {
  const found = /^(?:dns:(?:\/\/[^/]*\/)?)?(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]]+))(?::\d+)?$/.exec(server);
  return found?.[1] ?? found?.[2];
}
