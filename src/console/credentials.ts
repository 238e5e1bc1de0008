import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../base/clock.js';
import { DEFAULT_NETWORK, NETWORK_NAME } from '../core/model/network.js';
import type { CodeSecret, ConsoleIdentity, ConsoleRole, ConsoleUser } from './calls-port.js';
import { CONSOLE_LIMITS } from './limits.js';

/*
 * Codes and logins, both signed with a key that is made of the administrator's token: whoever can read that can make a code
 * without asking the server, and a login outlives a restart of it. The code of an identity is signed with the hash of one of its
 * access tokens, so that its holder makes one in the same way; the code opens nothing but the console, and leads to no token.
 *
 *     code:  expiry 6 B | role 1 B | random 9 B | UUID 16 B | network | HMAC-SHA-256 over purpose and all before it, 32 B
 *     login: expiry 6 B | role 1 B | end 6 B | family 16 B | random 16 B | UUID 16 B, key 32 B, bound 6 B | network | HMAC 32 B
 *
 * Only the role `identity` has a UUID, and in a login the id of its key and when that was bound. A login that is renewed keeps its
 * end and its family. Without a name it is about the network `default`: so were those of before.
 */

const ROLES: readonly ConsoleRole[] = ['viewer', 'administrator', 'identity'];
const PURPOSE = { code: 'switchyard-console-code-1', login: 'switchyard-console-login-2' } as const;
const IDENTITY_CODE_PURPOSE = 'switchyard-console-identity-code-1';
const TIME_BYTES = 6;
const ROLE_AT = TIME_BYTES;
const FAMILY_BYTES = 16;
/** Bytes of what is random: of a code, which lives for a minute and can be tried five times; and of a login. */
const RANDOM_BYTES = { code: 9, login: 16 } as const;
const LOGIN_END_AT = ROLE_AT + 1;
const FAMILY_AT = LOGIN_END_AT + TIME_BYTES;
/** Where what says which identity begins. */
const IDENTITY_AT = {
  code: ROLE_AT + 1 + RANDOM_BYTES.code,
  login: FAMILY_AT + FAMILY_BYTES + RANDOM_BYTES.login,
} as const;
const UUID_BYTES = 16;
const KEY_END = UUID_BYTES + 32;
/** Bytes of what says which identity. */
const IDENTITY_BYTES = { code: UUID_BYTES, login: KEY_END + TIME_BYTES } as const;
const MAC_BYTES = 32;

type Kind = keyof typeof PURPOSE;

/** What a good code says. */
export interface Code extends ConsoleUser {
  /** Names it among all codes. */
  readonly id: string;
  /** By the wall clock. */
  readonly expiresMs: number;
  /** How long a login by it may last; undefined: as long as any. */
  readonly leftMs?: number | undefined;
}

/** What a login says. */
export interface Login extends ConsoleUser {
  /** Shared by all into which one was renewed: they end together. */
  readonly family: string;
  /** By the wall clock. */
  readonly expiresMs: number;
  /** By the wall clock: when it is over however often it is renewed. */
  readonly endsMs: number;
}

/** Makes a code by which a page logs in once. */
export function makeCode(adminToken: string, whom: ConsoleUser, clock: Pick<Clock, 'wallMs'>, random: Random): string {
  const body = bodyOf('code', { ...whom, expiresMs: clock.wallMs() + CONSOLE_LIMITS.codeMs }, random);
  return sealed(body, macOf(PURPOSE.code, adminToken, body));
}

/** Makes a code by which the identity of an access token logs in once. */
export function makeIdentityCode(
  accessToken: string,
  { uuid, network }: { readonly uuid: string; readonly network: string },
  clock: Pick<Clock, 'wallMs'>,
  random: Random,
): string {
  const expiresMs = clock.wallMs() + CONSOLE_LIMITS.codeMs;
  const body = bodyOf(
    'code',
    { role: 'identity', network, expiresMs, identity: { uuid, keyId: '', boundAtMs: 0 } },
    random,
  );
  return sealed(body, macOf(IDENTITY_CODE_PURPOSE, hash('sha256', accessToken, 'buffer'), body));
}

/** Makes a family of logins. */
export function makeFamily(random: Random): string {
  return Buffer.from(random.bytes(FAMILY_BYTES)).toString('base64url');
}

/** Makes a login, which a browser keeps as a cookie. */
export function makeLogin(adminToken: string, login: Login, random: Random): string {
  const { endsMs, family } = login;
  const constant = Buffer.concat([timeOf(endsMs), Buffer.from(family, 'base64url')]);
  const body = bodyOf('login', login, random, constant);
  return sealed(body, macOf(PURPOSE.login, adminToken, body));
}

/** Where the secrets of an identity's codes are found. */
type SecretsOf = (network: string, uuid: string) => readonly CodeSecret[];

/** Reads a code; undefined when it is forged, garbled or past its time. */
export function readCode(adminToken: string, text: string, nowMs: number, secretsOf: SecretsOf): Code | undefined {
  const found = partsOf('code', text, nowMs);
  if (found === undefined) return undefined;
  const { role, network, expiresMs, body, mac } = found;
  // A code of a clock that is ahead would live longer than it may.
  if (expiresMs > nowMs + longestMs(role)) return undefined;
  const code = { id: body.toString('base64url'), role, network, expiresMs };
  if (found.identity === undefined) return isSigned(PURPOSE.code, adminToken, found) ? code : undefined;
  const { uuid } = found.identity;
  const signer = secretsOf(network, uuid).find(({ secret }) =>
    timingSafeEqual(macOf(IDENTITY_CODE_PURPOSE, secret, body), mac),
  );
  if (signer === undefined) return undefined;
  const { keyId, boundAtMs, leftMs } = signer;
  return { ...code, identity: { uuid, keyId, boundAtMs }, leftMs };
}

/** Reads a login; undefined when it is forged, garbled or past its time. */
export function readLogin(adminToken: string, text: string, nowMs: number): Login | undefined {
  const found = partsOf('login', text, nowMs);
  if (found === undefined || !isSigned(PURPOSE.login, adminToken, found)) return undefined;
  const { role, network, expiresMs, identity, body } = found;
  const family = body.toString('base64url', FAMILY_AT, FAMILY_AT + FAMILY_BYTES);
  return { role, network, expiresMs, identity, family, endsMs: body.readUIntBE(LOGIN_END_AT, TIME_BYTES) };
}

/** How long a code may be good: that of an identity comes from a machine whose clock may be ahead. */
function longestMs(role: ConsoleRole): number {
  return CONSOLE_LIMITS.codeMs + (role === 'identity' ? CONSOLE_LIMITS.codeAheadMs : 0);
}

/** What a text says, whoever has signed it. */
interface Parts extends ConsoleUser {
  readonly expiresMs: number;
  readonly body: Buffer;
  readonly mac: Buffer;
}

/** Takes a text apart; undefined where it is too short, of no role or network, or past its time. */
function partsOf(kind: Kind, text: string, nowMs: number): Parts | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const role = ROLES[bytes[ROLE_AT]];
  const identityAt = IDENTITY_AT[kind];
  const networkAt = identityAt + (role === 'identity' ? IDENTITY_BYTES[kind] : 0);
  const macAt = bytes.length - MAC_BYTES;
  if (role === undefined || macAt < networkAt) return undefined;
  const network = bytes.toString('latin1', networkAt, macAt) || DEFAULT_NETWORK;
  const expiresMs = bytes.readUIntBE(0, TIME_BYTES);
  if (expiresMs <= nowMs || !NETWORK_NAME.test(network)) return undefined;
  const identity = role === 'identity' ? readIdentity(bytes.subarray(identityAt, networkAt)) : undefined;
  return { role, network, expiresMs, identity, body: bytes.subarray(0, macAt), mac: bytes.subarray(macAt) };
}

function bodyOf(
  kind: Kind,
  { role, network, expiresMs, identity }: Omit<Parts, 'body' | 'mac'>,
  random: Random,
  constant = new Uint8Array(),
): Buffer {
  const head = [timeOf(expiresMs), Uint8Array.of(ROLES.indexOf(role)), constant, random.bytes(RANDOM_BYTES[kind])];
  const who = identity === undefined ? [] : [Buffer.from(identity.uuid.replaceAll('-', ''), 'hex')];
  if (identity !== undefined && kind === 'login') {
    who.push(Buffer.from(identity.keyId, 'latin1'), timeOf(identity.boundAtMs));
  }
  return Buffer.concat([...head, ...who, Buffer.from(network === DEFAULT_NETWORK ? '' : network)]);
}

function timeOf(ms: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(TIME_BYTES);
  bytes.writeUIntBE(Math.floor(ms), 0, TIME_BYTES);
  return bytes;
}

/** Of a code, which says only which identity it is of: without its key. */
function readIdentity(bytes: Buffer): ConsoleIdentity {
  const hex = bytes.toString('hex', 0, UUID_BYTES);
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if (bytes.length === IDENTITY_BYTES.code) return { uuid, keyId: '', boundAtMs: 0 };
  return {
    uuid,
    keyId: bytes.toString('latin1', UUID_BYTES, KEY_END),
    boundAtMs: bytes.readUIntBE(KEY_END, TIME_BYTES),
  };
}

function isSigned(purpose: string, key: string, { body, mac }: Parts): boolean {
  return timingSafeEqual(macOf(purpose, key, body), mac);
}

function sealed(body: Buffer, mac: Buffer): string {
  return Buffer.concat([body, mac]).toString('base64url');
}

function macOf(purpose: string, key: string | Uint8Array, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${purpose}\0`).update(body).digest();
}
