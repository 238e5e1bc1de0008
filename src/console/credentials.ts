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
 *     expiry 6 B | role 1 B | random | identity | name of the network | HMAC-SHA-256 over purpose and all before it, 32 B
 *
 * Only the role `identity` has an identity: its UUID, 16 B, and in a login the id of its key, 32 B. Without a name it is about
 * the network `default`: so were those of before.
 */

const ROLES: readonly ConsoleRole[] = ['viewer', 'administrator', 'identity'];
const PURPOSE = { code: 'switchyard-console-code-1', login: 'switchyard-console-login-1' } as const;
const IDENTITY_CODE_PURPOSE = 'switchyard-console-identity-code-1';
/** Bytes of what is random: of a code, which lives for a minute and can be tried five times; and of a login. */
const RANDOM_BYTES = { code: 9, login: 32 } as const;
const UUID_BYTES = 16;
/** Bytes of what says which identity. */
const IDENTITY_BYTES = { code: UUID_BYTES, login: UUID_BYTES + 32 } as const;
const EXPIRY_BYTES = 6;
const MAC_BYTES = 32;

type Kind = keyof typeof PURPOSE;

/** What a good code or login says. */
export interface Credential extends ConsoleUser {
  /** Names it among all of its kind. */
  readonly id: string;
  /** By the wall clock. */
  readonly expiresMs: number;
}

/** Makes a code by which a page logs in once. */
export function makeCode(adminToken: string, whom: ConsoleUser, clock: Pick<Clock, 'wallMs'>, random: Random): string {
  return sign('code', adminToken, { ...whom, expiresMs: clock.wallMs() + CONSOLE_LIMITS.codeMs }, random);
}

/** Makes a code by which the identity of an access token logs in once. */
export function makeIdentityCode(
  accessToken: string,
  { uuid, network }: { readonly uuid: string; readonly network: string },
  clock: Pick<Clock, 'wallMs'>,
  random: Random,
): string {
  const expiresMs = clock.wallMs() + CONSOLE_LIMITS.codeMs;
  const body = bodyOf('code', { role: 'identity', network, expiresMs, identity: { uuid, keyId: '' } }, random);
  return sealed(body, macOf(IDENTITY_CODE_PURPOSE, hash('sha256', accessToken, 'buffer'), body));
}

/** Makes a login, which a browser keeps as a cookie. */
export function makeLogin(adminToken: string, whom: ConsoleUser, expiresMs: number, random: Random): string {
  return sign('login', adminToken, { ...whom, expiresMs }, random);
}

/** Where the secrets of an identity's codes are found. */
type SecretsOf = (network: string, uuid: string) => readonly CodeSecret[];

/** Reads a code or a login; undefined when it is forged, garbled or past its time. */
export function readCredential(
  kind: Kind,
  adminToken: string,
  text: string,
  nowMs: number,
  secretsOf: SecretsOf = () => [],
): Credential | undefined {
  const found = partsOf(kind, Buffer.from(text, 'base64url'));
  if (found === undefined) return undefined;
  const { role, network, expiresMs, body, mac } = found;
  const id = body.toString('base64url');
  // A code of a clock that is ahead would live longer than it may.
  if (kind === 'code' && expiresMs > nowMs + longestMs(role)) return undefined;
  if (expiresMs <= nowMs || !NETWORK_NAME.test(network)) return undefined;
  if (kind === 'code' && found.identity !== undefined) {
    const { uuid } = found.identity;
    const signer = secretsOf(network, uuid).find(({ secret }) =>
      timingSafeEqual(macOf(IDENTITY_CODE_PURPOSE, secret, body), mac),
    );
    return signer && { id, role, network, expiresMs, identity: { uuid, keyId: signer.keyId } };
  }
  if (!timingSafeEqual(macOf(PURPOSE[kind], adminToken, body), mac)) return undefined;
  return { id, role, network, expiresMs, identity: found.identity };
}

/** How long a code may be good: that of an identity comes from a machine whose clock may be ahead. */
function longestMs(role: ConsoleRole): number {
  return CONSOLE_LIMITS.codeMs + (role === 'identity' ? CONSOLE_LIMITS.codeAheadMs : 0);
}

/** What a text says, whoever has signed it; undefined where it is too short, or of no role. */
interface Parts extends Omit<Credential, 'id'> {
  readonly body: Buffer;
  readonly mac: Buffer;
}

function partsOf(kind: Kind, bytes: Buffer): Parts | undefined {
  const role = ROLES[bytes[EXPIRY_BYTES]];
  const identityAt = EXPIRY_BYTES + 1 + RANDOM_BYTES[kind];
  const networkAt = identityAt + (role === 'identity' ? IDENTITY_BYTES[kind] : 0);
  const macAt = bytes.length - MAC_BYTES;
  if (role === undefined || macAt < networkAt) return undefined;
  return {
    role,
    network: bytes.toString('latin1', networkAt, macAt) || DEFAULT_NETWORK,
    expiresMs: bytes.readUIntBE(0, EXPIRY_BYTES),
    identity: role === 'identity' ? readIdentity(bytes.subarray(identityAt, networkAt)) : undefined,
    body: bytes.subarray(0, macAt),
    mac: bytes.subarray(macAt),
  };
}

function sign(kind: Kind, adminToken: string, what: Omit<Credential, 'id'>, random: Random): string {
  const body = bodyOf(kind, what, random);
  return sealed(body, macOf(PURPOSE[kind], adminToken, body));
}

function bodyOf(kind: Kind, { role, network, expiresMs, identity }: Omit<Credential, 'id'>, random: Random): Buffer {
  const head = Buffer.alloc(EXPIRY_BYTES + 1);
  head.writeUIntBE(Math.floor(expiresMs), 0, EXPIRY_BYTES);
  head[EXPIRY_BYTES] = ROLES.indexOf(role);
  const who =
    identity === undefined
      ? ''
      : identity.uuid.replaceAll('-', '') + Buffer.from(identity.keyId, 'latin1').toString('hex');
  const name = Buffer.from(network === DEFAULT_NETWORK ? '' : network);
  return Buffer.concat([head, random.bytes(RANDOM_BYTES[kind]), Buffer.from(who, 'hex'), name]);
}

function readIdentity(bytes: Buffer): ConsoleIdentity {
  const hex = bytes.toString('hex', 0, UUID_BYTES);
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { uuid, keyId: bytes.toString('latin1', UUID_BYTES) };
}

function sealed(body: Buffer, mac: Buffer): string {
  return Buffer.concat([body, mac]).toString('base64url');
}

function macOf(purpose: string, key: string | Uint8Array, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${purpose}\0`).update(body).digest();
}
