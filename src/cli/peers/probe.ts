import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type Address, formatAddress } from '../../base/address.js';
import type { Clock } from '../../base/clock.js';
import { findPinnedRoot, PinMismatchError, type TlsOptions } from '../../client/index.js';
import { OWN_SERVER_NAME } from '../../trust/pin.js';

/** How long to wait for a server. Short, because the user has waited for a failed call already. */
const PATIENCE_MS = 3_000;
/** Bytes that are enough to recognise a protocol. */
const GREETING_BYTES = 16;

/** The beginning of every HTTP/2 connection (RFC 9113, section 3.4), with empty settings. */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const SETTINGS_TYPE = 4;

/** How a command tried to reach a server, and in which protocol. */
export interface Target {
  readonly address: Address;
  /** Undefined: in plain text. */
  readonly tls: TlsOptions | true | undefined;
  readonly speaks: 'grpc' | 'system' | 'websocket';
}

/** Why a server cannot be reached, and what to do about it. */
export interface Finding {
  readonly why: string;
  readonly advice?: string | undefined;
}

/**
 * Finds out why a server cannot be reached, by a connection of its own that sends no secret. gRPC's own error is the same for a
 * missing server, a wrong port and a refused certificate. Undefined when nothing is wrong now.
 */
export async function probe(target: Target, clock: Clock): Promise<Finding | undefined> {
  const { address, tls } = target;
  const where = formatAddress(address);
  const heard = await listen(() => connect(address), PREFACE, clock);
  if (heard.kind === 'unreachable') return unreachable(where, heard.code);
  const language = heard.kind === 'said' ? languageOf(heard.bytes) : heard.kind;
  const isSecure = language === 'tls' || (language === 'closed' && (await speaksTls(address, clock)));
  if (tls === undefined) return isSecure ? wantsTls(where, target) : plainFinding(where, language, target);
  if (!isSecure) return noTls(where, language, target);
  if (tls !== true && tls.pins !== undefined) return probePinned(target, tls, clock);
  const ending = await listen(() => connectTls(secured(address, tls, target)), PREFACE, clock);
  if (ending.kind === 'unreachable') return certificateFinding(where, ending.code, ending.message);
  return ending.kind === 'said'
    ? plainFinding(where, languageOf(ending.bytes), target)
    : plainFinding(where, 'closed', target);
}

/** The same for a server that is known by a pin. */
async function probePinned(target: Target, tls: TlsOptions, clock: Clock): Promise<Finding | undefined> {
  const { address } = target;
  try {
    return await probe({ ...target, tls: await rootedAt(address, tls) }, clock);
  } catch (error) {
    if (error instanceof PinMismatchError) return { why: error.message, advice: PIN_ADVICE };
    const { code = '', message } = error as NodeJS.ErrnoException;
    return certificateFinding(formatAddress(address), code, message);
  }
}

const PIN_ADVICE =
  'The server may have changed its authority while this machine was away: `switchyard cert show` on it tells. Then a machine that has enrolled enrols again, with `switchyard enroll --uuid UUID` and a ticket that an administrator makes by `switchyard ticket issue --for UUID`; where you gave --pin, give the present one.';

/** TLS options by a root instead of by pins, for connections that can only have a root. */
export async function rootedAt(address: Address, { pins = [], ...tls }: TlsOptions): Promise<TlsOptions> {
  if (pins.length === 0) return tls;
  const ca = await findPinnedRoot(address, pins);
  return { serverName: OWN_SERVER_NAME, ...tls, ca };
}

type Language = 'http2' | 'tls' | 'http1' | 'ssh' | 'other' | 'closed' | 'silent';

type Heard =
  | { readonly kind: 'said'; readonly bytes: Buffer }
  | { readonly kind: 'closed' | 'silent' }
  | { readonly kind: 'unreachable'; readonly code: string; readonly message: string };

/** Connects, sends something, and returns what comes first. */
function listen(open: () => Socket, words: Buffer, clock: Clock): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = open();
    let isOpen = false;
    const finish = (heard: Heard) => {
      timer.cancel();
      socket.destroy();
      resolve(heard);
    };
    const timer = clock.after(PATIENCE_MS, () =>
      finish(isOpen ? { kind: 'silent' } : { kind: 'unreachable', code: 'ETIMEDOUT', message: 'no answer' }),
    );
    const opened = () => {
      isOpen = true;
      socket.write(words);
    };
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', opened);
    socket.once('data', (bytes: Buffer) => finish({ kind: 'said', bytes: bytes.subarray(0, GREETING_BYTES) }));
    socket.once('close', () => finish({ kind: 'closed' }));
    // The listener stays after the end: an error without a listener would end the process.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const { code = '', message } = error;
      const isReset = code === 'ECONNRESET' || code === 'EPIPE';
      finish(isReset ? { kind: 'closed' } : { kind: 'unreachable', code, message });
    });
  });
}

/** A server's protocol, by its first bytes in answer to the HTTP/2 preface. */
function languageOf(bytes: Buffer): Language {
  const text = bytes.toString('latin1');
  if (text.startsWith('HTTP/1.')) return 'http1';
  if (text.startsWith('SSH-')) return 'ssh';
  // A fatal TLS alert: the server expected a ClientHello.
  if (bytes[0] === 0x15 && bytes[1] === 0x03) return 'tls';
  return bytes.length >= 9 && bytes[3] === SETTINGS_TYPE && bytes.readUInt32BE(5) === 0 ? 'http2' : 'other';
}

/** Whether a server that closes at plain text answers a ClientHello. */
async function speaksTls(address: Address, clock: Clock): Promise<boolean> {
  const options = { ...secured(address, {}, { speaks: 'grpc' }), rejectUnauthorized: false };
  const heard = await listen(() => connectTls(options), PREFACE, clock);
  return heard.kind === 'said' || heard.kind === 'silent' || (heard.kind === 'unreachable' && /ALERT/.test(heard.code));
}

function secured(
  { host, port }: Address,
  tls: TlsOptions | true,
  { speaks }: Pick<Target, 'speaks'>,
): ConnectionOptions {
  const { ca, cert, key, serverName, checkServerIdentity } = tls === true ? ({} as TlsOptions) : tls;
  // An IP address must not be sent as server name (RFC 6066, section 3); the certificate is still checked against it.
  const servername = serverName ?? (isIP(host) === 0 ? host : undefined);
  return {
    ...{ host, port, ca, cert, key },
    ...(servername === undefined ? {} : { servername }),
    ...(checkServerIdentity === undefined ? {} : { checkServerIdentity }),
    ...(speaks === 'grpc' ? { ALPNProtocols: ['h2'] } : {}),
  };
}

const START = 'Start one with "switchyard serve", or name another with --server HOST:PORT.';

function unreachable(where: string, code: string): Finding {
  switch (code) {
    case 'ECONNREFUSED':
      return { why: `nobody listens at ${where}`, advice: `Is the server running? ${START}` };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { why: `there is no address for the name in ${where}`, advice: 'Look at its spelling and at DNS.' };
    case 'ETIMEDOUT':
      return {
        why: `no answer from ${where}`,
        advice: 'Is the machine up, and does a firewall let this port through?',
      };
    default:
      return { why: `${where} cannot be reached: ${code || 'the connection failed'}` };
  }
}

function wantsTls(where: string, { speaks }: Target): Finding {
  const advice =
    speaks === 'grpc'
      ? 'Encrypt with --pin, --tls or, for an authority of your own, --tls-ca FILE.'
      : `Use ${speaks === 'system' ? 'tls' : 'wss'}:// and, for an authority of your own, --tls-ca FILE.`;
  return { why: `${where} speaks TLS, and was spoken to in plain text`, advice };
}

function noTls(where: string, language: Language, { speaks }: Target): Finding {
  const why = `${where} does not speak TLS`;
  if (language === 'http2' && speaks === 'grpc') {
    return { why: `${why}: it takes gRPC in plain text`, advice: 'Leave out --tls, --tls-ca and --tls-cert.' };
  }
  if (speaks !== 'grpc') return { why, advice: 'Use tcp:// or ws:// for plain text, or look at the port.' };
  return { why: `${why}, nor gRPC`, advice: 'Is this the right port? --server names the one of --listen.' };
}

/** What is wrong with a server that answers. */
function plainFinding(where: string, language: Language, { speaks }: Target): Finding | undefined {
  if (speaks === 'grpc') return language === 'http2' ? undefined : notGrpc(where, language);
  if (language === 'http2') {
    return {
      why: `${where} speaks gRPC`,
      advice: 'Leave out --via and use --server, or name a port for system events.',
    };
  }
  if (language === 'http1') {
    if (speaks === 'system') return { why: `${where} speaks HTTP`, advice: 'Is it a port for ws:// or wss://?' };
    return {
      why: `${where} speaks HTTP, but takes no WebSocket of system events here`,
      advice: 'Is this the right port?',
    };
  }
  if (language === 'ssh') return { why: `an SSH server listens at ${where}` };
  return undefined;
}

function notGrpc(where: string, language: Language): Finding {
  const advice = 'Is this the right port? --server names the one of --listen.';
  switch (language) {
    case 'http1':
      return { why: `${where} speaks HTTP/1, not gRPC: a web server, or the port of --metrics-listen`, advice };
    case 'ssh':
      return { why: `an SSH server listens at ${where}`, advice };
    case 'silent':
      return { why: `${where} takes connections and says nothing`, advice };
    case 'closed':
      return { why: `${where} closes connections at once: it has no place left, or is not for gRPC`, advice };
    default:
      return {
        why: `what listens at ${where} does not speak gRPC: it may be the port of --rendezvous-listen or for system events`,
        advice,
      };
  }
}

const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_UNTRUSTED|INVALID_CA/;

/** Why a handshake failed, by the code of Node's or OpenSSL's error. Their words are not for people. */
function certificateFinding(where: string, code: string, message: string): Finding {
  if (UNTRUSTED.test(code)) {
    const why = `the certificate of ${where} is refused: no authority that is trusted here has signed it`;
    const advice =
      'Name its authority with --tls-ca FILE, or by its pin with --pin. If the server has changed its authority, `switchyard cert export` on it writes the present one.';
    return { why, advice };
  }
  if (code === 'CERT_HAS_EXPIRED') return { why: `the certificate of ${where} is refused: it has expired` };
  if (code === 'CERT_NOT_YET_VALID') return { why: `the certificate of ${where} is refused: it is not valid yet` };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      why: `the certificate of ${where} is refused: it is for other names`,
      advice: 'Use a name that is in it.',
    };
  }
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/.test(code)) {
    return { why: `${where} asks for a certificate`, advice: 'Show one with --tls-cert FILE and --tls-key FILE.' };
  }
  if (/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|ACCESS_DENIED)/.test(code)) {
    return { why: `${where} refuses the certificate of --tls-cert` };
  }
  if (/NO_APPLICATION_PROTOCOL/.test(code))
    return { why: `${where} speaks TLS, but not gRPC`, advice: 'Is this the right port?' };
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/.test(code))
    return { why: `${where} speaks no version of TLS that is taken here` };
  return { why: `the TLS handshake with ${where} failed: ${code || message}` };
}
