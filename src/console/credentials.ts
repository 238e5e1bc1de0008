import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../base/clock.js';
import { DEFAULT_NETWORK, NETWORK_NAME } from '../core/model/network.js';
import type { ConsoleRole, ConsoleUser } from './calls-port.js';
import { CONSOLE_LIMITS } from './limits.js';

/*
 * Codes and logins, both signed with a key that is made of the administrator's token: whoever can read that can make a code
 * without asking the server, and a login outlives a restart of it.
 *
 *     expiry 6 B | role 1 B | random | name of the network | HMAC-SHA-256 over purpose and all before it, 32 B
 *
 * Without a name it is about the network `default`: so were those of before.
 */

const ROLES: readonly ConsoleRole[] = ['viewer', 'administrator'];
const PURPOSE = { code: 'switchyard-console-code-1', login: 'switchyard-console-login-1' } as const;
/** Bytes of what is random: of a code, which lives for a minute and can be tried five times; and of a login. */
const RANDOM_BYTES = { code: 9, login: 32 } as const;
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

/** Makes a login, which a browser keeps as a cookie. */
export function makeLogin(adminToken: string, whom: ConsoleUser, expiresMs: number, random: Random): string {
  return sign('login', adminToken, { ...whom, expiresMs }, random);
}

/** Reads a code or a login; undefined when it is forged, garbled or past its time. */
export function readCredential(kind: Kind, adminToken: string, text: string, nowMs: number): Credential | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const networkAt = EXPIRY_BYTES + 1 + RANDOM_BYTES[kind];
  const macAt = bytes.length - MAC_BYTES;
  if (macAt < networkAt) return undefined;
  if (!timingSafeEqual(macOf(kind, adminToken, bytes.subarray(0, macAt)), bytes.subarray(macAt))) return undefined;
  const expiresMs = bytes.readUIntBE(0, EXPIRY_BYTES);
  const role = ROLES[bytes[EXPIRY_BYTES]];
  const network = bytes.toString('latin1', networkAt, macAt) || DEFAULT_NETWORK;
  // A code of a clock that is ahead would live longer than it may.
  if (role === undefined || expiresMs <= nowMs || !NETWORK_NAME.test(network)) return undefined;
  if (kind === 'code' && expiresMs > nowMs + CONSOLE_LIMITS.codeMs) return undefined;
  return { id: bytes.toString('base64url', 0, macAt), role, network, expiresMs };
}

function sign(
  kind: Kind,
  adminToken: string,
  { role, network, expiresMs }: ConsoleUser & Pick<Credential, 'expiresMs'>,
  random: Random,
): string {
  const head = Buffer.alloc(EXPIRY_BYTES + 1);
  head.writeUIntBE(Math.floor(expiresMs), 0, EXPIRY_BYTES);
  head[EXPIRY_BYTES] = ROLES.indexOf(role);
  const name = Buffer.from(network === DEFAULT_NETWORK ? '' : network);
  const body = Buffer.concat([head, random.bytes(RANDOM_BYTES[kind]), name]);
  return Buffer.concat([body, macOf(kind, adminToken, body)]).toString('base64url');
}

function macOf(kind: Kind, adminToken: string, body: Uint8Array): Buffer {
  return createHmac('sha256', adminToken).update(`${PURPOSE[kind]}\0`).update(body).digest();
}
