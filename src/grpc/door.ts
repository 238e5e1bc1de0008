import type { ServerHttp2Session } from 'node:http2';
import { type SecureContextOptions, type TLSSocket, Server as TlsServer } from 'node:tls';
import {
  type ConnectionInjector,
  Server,
  type ServerCredentials,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { HealthService } from '../../gen/grpc/health/v1/health.js';
import { ServerServiceService } from '../../gen/switchyard/v1/server.js';
import { TransportServiceService } from '../../gen/switchyard/v1/transport_service.js';
import type { Admission } from '../admission/admission.js';
import type { ConnectionGate } from '../admission/connection-gate.js';
import type { DoorListener } from '../admission/door-listener.js';
import { lastQuarter } from '../admission/limits.js';
import { Place } from '../admission/place.js';
import type { Address } from '../base/address.js';
import { Fault } from '../core/model/fault.js';
import type { NetworkRef } from '../core/model/network.js';
import type { CertificateClaim } from '../core/model/trust/certificate.js';
import type { Backing } from './backing.js';
import { onCallEnd } from './call-end.js';
import { internalFault } from './call-faults.js';
import { Calls } from './call-handlers.js';
import { type CallLogDeps, logCall, noteLocalCall } from './call-log.js';
import { OWN_SERVICES, traceCall } from './call-span.js';
import { isPassingBytes, shareFrames } from './encode/encoded.js';
import { CertifiedConnections } from './http2/certified-connections.js';
import { CUT_OFF_MS } from './http2/closing-bound.js';
import { ASKED_PATH, boundWire, http2ServerOf, UNKNOWN_PATH, wireLimits } from './http2/limits.js';
import type { HeldKind } from './http2/peer-holdings.js';
import { Peers } from './http2/peers.js';
import { LocalCalls } from './local-calls.js';
import { NetworkRouter } from './network-router.js';
import { identityDefinition } from './services/audit.js';
import { Health } from './services/health.js';
import { identityService } from './services/identity-service.js';
import { networkDefinition, networkService } from './services/network-service.js';
import { Reflection } from './services/reflection.js';
import { serverService } from './services/server-service.js';
import { sessionDefinition, sessionService } from './services/session-service.js';
import { streamDefinition, streamService } from './services/stream-service.js';
import { transportService } from './services/transport-service.js';
import { toError, withDetails } from './status.js';

/** A ping on a quiet connection, so that a peer that vanished is noticed and its watches are let go of. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

/** Methods that make something, which is taken back when nobody hears of it; and that which is cut off while its client takes nothing. */
export const WATCHED_PATHS: ReadonlySet<string> = new Set([
  sessionDefinition.session.path,
  networkDefinition.directConnection.path,
  streamDefinition.createStream.path,
  identityDefinition.issueTicket.path,
  TransportServiceService.exchange.path,
]);
const RELAY_PATHS: ReadonlySet<string> = new Set([streamDefinition.relay.path]);

/** Not a service but asked for like one, by `grpc.health.v1`: whether commands can be stored. */
const JOURNAL = 'switchyard.journal';
const NO_HTTP2 = 'connections are closed: what came is no HTTP/2: TLS, or another protocol, for a port in plain text';
/** The services that each network has: their definitions, and what makes them. */
export const NETWORK_SERVICES: readonly { readonly definition: ServiceDefinition; make(calls: Calls): object }[] = [
  { definition: sessionDefinition, make: sessionService },
  { definition: networkDefinition, make: networkService },
  { definition: streamDefinition, make: streamService },
  { definition: TransportServiceService, make: transportService },
  { definition: identityDefinition, make: identityService },
  { definition: ServerServiceService, make: serverService },
];
const SERVICES = [
  'SessionService',
  'NetworkService',
  'StreamService',
  'TransportService',
  'IdentityService',
  'ServerService',
] as const;

/** Services that do nothing without the server that leads. */
const STORING: ReadonlySet<string> = new Set(['switchyard.v1.SessionService', 'switchyard.v1.StreamService']);

/**
 * The gRPC door: the services and their standard companions, on one port.
 *
 * It goes down in steps: {@link drain} refuses new calls and tells the balancers; the owner of the feeds ends the watches;
 * {@link close} waits for the rest, and cuts off what is left at the deadline.
 */
export class GrpcDoor {
  private readonly server: Server;
  private readonly calls: Calls;
  /** The services of each network, by its number. */
  private readonly networks = new Map<number, { readonly backing: Backing; readonly calls: Calls }>();
  private readonly router: NetworkRouter;
  private readonly health = new Health([...SERVICES.map((name) => `switchyard.v1.${name}`), JOURNAL]);
  private readonly reflection = new Reflection();
  private readonly paths = new Set<string>();
  private readonly answerPaths = new Set<string>();
  private readonly watchPaths = new Set<string>();
  private readonly peers: Peers;
  private readonly certified = new CertifiedConnections();
  /** The same services, for the doors of this process that pass calls on. */
  readonly local: LocalCalls;
  private listener: DoorListener | undefined;
  private gate: ConnectionGate | undefined;
  private injector: ConnectionInjector | undefined;
  private http2Server: ReturnType<typeof http2ServerOf> | undefined;

  constructor(
    private readonly backing: Backing,
    /** Who may connect. */
    private readonly admission: Admission,
    messageBytesMax: number,
  ) {
    const { clock, limits } = backing;
    const disconnected = (connection: string) => {
      for (const { backing } of this.networks.values()) {
        backing.shares.disconnected(connection);
        backing.gatekeeper.shown.forget(connection);
      }
    };
    this.peers = new Peers(
      clock,
      wireLimits(limits, messageBytesMax),
      { answers: this.answerPaths, watches: this.watchPaths, watched: WATCHED_PATHS, relays: RELAY_PATHS },
      (why, address) => {
        backing.cutOff?.(why);
        admission.reports.report({ door: 'grpc', cause: 'expelled', kind: why, why, address });
      },
      disconnected,
      backing.turns,
      admission.fence,
      (name) => {
        for (const { backing } of this.networks.values()) backing.gatekeeper.shown.forget(name);
      },
    );
    const { gatekeeper, adminToken, refused, audit } = backing;
    this.router = new NetworkRouter({
      mode: () => gatekeeper.mode,
      adminToken,
      stopped: (network) => backing.networks?.stopped(network),
      refused,
      audit,
    });
    this.calls = this.addNetwork(backing);
    this.local = new LocalCalls({
      disconnected,
      turns: backing.turns,
      tracer: backing.tracer,
      clock,
      ended: ({ path, peer }, code, ms) =>
        noteLocalCall({ path: this.paths.has(path) ? path : UNKNOWN_PATH, peer }, { code, ms }, backing),
      failed: (path, error) => internalFault(backing, path, error),
    });
    this.server = new Server({
      interceptors: [detailed(backing), shareFrames()],
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.max_receive_message_length': messageBytesMax,
      // Ours are bounded where they are made; a revision of a gateway that goes may be larger than what we take.
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': backing.limits.callsPerConnectionMax,
      // Bookkeeping for a debugging service that we do not offer, in every call.
      'grpc.enable_channelz': 0,
    });
    for (const { definition } of NETWORK_SERVICES) this.add(definition);
    this.health.addTo(this.server);
    this.reflection.addTo(this.server, backing.offersReflection);
    for (const { path, responseStream } of Object.values(HealthService)) {
      this.paths.add(path);
      backing.callTimes?.add(path, !responseStream);
    }
    for (const version of ['v1', 'v1alpha']) {
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      this.paths.add(path);
      this.answerPaths.add(path);
      backing.callTimes?.add(path, false);
    }
    backing.callTimes?.add(UNKNOWN_PATH, false);
    this.server.register(UNKNOWN_PATH, answerUnknown, Buffer.from, Buffer.from, 'bidi');
  }

  /**
   * Begins to listen. Resolves with the address, its port a real one. With `certificateOf` clients are asked for a certificate, and
   * need none.
   */
  async listen(
    wanted: Address,
    credentials: ServerCredentials,
    certificateOf?: (socket: TLSSocket) => CertificateClaim | undefined,
  ): Promise<Address> {
    const { admission } = this;
    const { limits } = this.backing;
    this.injector = this.server.createConnectionInjector(credentials);
    const http2Server = http2ServerOf(this.server);
    this.http2Server = http2Server;
    if (certificateOf !== undefined) this.askForCertificates(http2Server, certificateOf);
    boundWire(http2Server, limits, this.paths, this.peers);
    http2Server.on('sessionError', (error: NodeJS.ErrnoException, session: ServerHttp2Session) => {
      if (!/client magic/.test(error.message)) return;
      const address = Place.of(session.socket)?.address;
      admission.reports.report({ door: 'grpc', cause: 'protocol', why: NO_HTTP2, address });
    });
    const { connectionsMax, connectionsPerAddressMax } = limits;
    this.gate = admission.gate({
      door: 'grpc',
      places: { connectionsMax, connectionsPerAddressMax, connectionsKept: lastQuarter(connectionsMax) },
      options: { all: '--connections-max', address: '--connections-per-address' },
    });
    this.listener = admission.listener('grpc', this.gate, http2Server);
    return this.listener.listen(wanted);
  }

  /**
   * Shows another certificate to those who connect from now on; connections that stand keep theirs. Node's own server has it: the
   * credentials of grpc-js that can change theirs are experimental, and declare their parameters the wrong way round in 1.14.7.
   */
  renew(files: SecureContextOptions): void {
    if (this.http2Server instanceof TlsServer) this.http2Server.setSecureContext(files);
  }

  /** Bytes that watches have written and their clients have not taken. */
  get watchBytes(): number {
    return this.calls.outflows.bytes;
  }

  /** How many client connections are open. */
  get connectionCount(): number {
    return this.gate?.count ?? 0;
  }

  /** Bytes that are held for clients: what is not complete of theirs, and what they do not take, by kind. */
  heldBytes(): Record<HeldKind, number> {
    return this.peers.holdings.totals();
  }

  /** Offers the services in one more network. */
  addNetwork(backing: Backing): Calls {
    const { network } = backing.gatekeeper;
    const calls = new Calls(backing, this.peers, this.certified, this.networks.get(0)?.calls.outflows);
    const handlers = new Map<string, UntypedServiceImplementation[string]>();
    for (const { definition, make } of NETWORK_SERVICES) {
      const service = make(calls) as UntypedServiceImplementation;
      for (const [name, { path }] of Object.entries(definition)) handlers.set(path, service[name]);
    }
    this.networks.set(network.number, { backing, calls });
    this.router.add({ network, handlers });
    return calls;
  }

  /** Offers them there no more: calls that have not done anything yet end with `why`, the others with what they are about. */
  removeNetwork(network: NetworkRef, why: Fault): void {
    this.networks.get(network.number)?.calls.drain(why);
    this.networks.delete(network.number);
    this.router.remove(network);
  }

  /** Refuses new calls, and says NOT_SERVING to whoever asks after our health. */
  drain(): void {
    for (const { calls } of this.networks.values()) calls.drain();
    this.stopServing();
  }

  /** Says NOT_SERVING to whoever asks after our health. */
  stopServing(): void {
    this.health.stopServing();
  }

  /** Says to whoever asks after the health of {@link JOURNAL} whether it takes commands. */
  setWritable(isWritable: boolean): void {
    this.health.setServing(JOURNAL, isWritable);
  }

  /**
   * Says to whoever asks after the health of the services which of them are served. A server that is not ready serves none; one that
   * cannot store sessions goes on to tell what it knows.
   */
  setHealth({ isReady, storesSessions }: { readonly isReady: boolean; readonly storesSessions: boolean }): void {
    for (const name of ['', ...SERVICES.map((service) => `switchyard.v1.${service}`)]) {
      this.health.setServing(name, isReady && (storesSessions || !STORING.has(name)));
    }
  }

  /** Resolves when every call has ended, or the deadline has and they were cut off. */
  async close(deadlineMs: number): Promise<void> {
    this.health.endWatches();
    this.reflection.end();
    await this.peers.departed();
    // In this order: drain forgets connections that tryShutdown has begun to close, and forceShutdown knows none at all
    // without channelz.
    this.injector?.drain(deadlineMs);
    // A drain ends at its deadline, whatever grpc-js waits for.
    await new Promise<void>((resolve) => {
      this.server.tryShutdown(() => resolve());
      this.listener?.close();
      this.backing.clock.after(deadlineMs + CUT_OFF_MS, resolve);
    });
  }

  /** grpc-js either requires certificates or asks for none, so Node's own server is told. */
  private askForCertificates(
    server: ReturnType<typeof http2ServerOf>,
    certificateOf: (socket: TLSSocket) => CertificateClaim | undefined,
  ): void {
    Object.assign(server, { requestCert: true, rejectUnauthorized: false });
    server.prependListener('secureConnection', (socket: TLSSocket) =>
      this.certified.add(socket, certificateOf(socket)),
    );
  }

  private add(definition: ServiceDefinition): void {
    const handlers = Object.entries(definition).map(([name, { path }]) => [name, this.router.handler(path)]);
    const service: UntypedServiceImplementation = Object.fromEntries(handlers);
    this.server.addService(definition, service);
    this.local.add(definition, service);
    for (const method of Object.values(definition)) {
      this.paths.add(method.path);
      this.backing.callTimes?.add(method.path, !method.requestStream && !method.responseStream);
      if (!method.requestStream && !method.responseStream) this.answerPaths.add(method.path);
      else if (isPassingBytes(method)) this.watchPaths.add(method.path);
    }
  }
}

/**
 * Gives the errors that grpc-js makes by itself their details: they go through the call's own `sendStatus`, past every
 * interceptor's. Where calls are counted, traced, and at level debug logged, that is done here, too.
 */
function detailed(deps: CallLogDeps & Pick<Backing, 'callTimes' | 'tracer'>): ServerInterceptor {
  const { callTimes, clock, tracer } = deps;
  return ({ path }, call) => {
    call.sendStatus = sendDetailed;
    if (callTimes !== undefined) onCallEnd(call, clock, (code, ms) => callTimes.record(path, code, ms));
    if (tracer !== undefined && path.startsWith(OWN_SERVICES)) traceCall(call, path, tracer);
    if (deps.log.isLevelEnabled('debug')) logCall(call, path, deps);
    // The interceptor adds nothing else, so the call itself will do; its declared type is only wider than what is used.
    return call as ReturnType<ServerInterceptor>;
  };
}

/** The same for all calls, and hidden behind it in each the method that it stands for. */
function sendDetailed(this: ServerInterceptingCallInterface, status: Parameters<typeof withDetails>[0]): void {
  const { sendStatus } = Object.getPrototypeOf(this) as ServerInterceptingCallInterface;
  sendStatus.call(this, withDetails(status));
}

function answerUnknown(call: { metadata: { get(key: string): unknown[] }; emit(event: 'error', error: Error): void }) {
  const [path] = call.metadata.get(ASKED_PATH);
  call.emit('error', toError(new Fault('UNIMPLEMENTED', `there is no method ${JSON.stringify(String(path))}`)));
}
