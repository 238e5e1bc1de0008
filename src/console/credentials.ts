import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../base/clock.js';
import type { ConsoleRole } from './calls-port.js';
import { CONSOLE_LIMITS } from './limits.js';

/*
 * Codes and logins, both signed with a key that is made of the administrator's token: whoever can read that can make a code
 * without asking the server, and a login outlives a restart of it.
 *
 *     expiry 6 B | role 1 B | random | HMAC-SHA-256 over purpose and all before it, 32 B
 */

const ROLES: readonly ConsoleRole[] = ['viewer', 'administrator'];
const PURPOSE = { code: 'switchyard-console-code-1', login: 'switchyard-console-login-1' } as const;
/** Bytes of what is random: of a code, which lives for a minute and can be tried five times; and of a login. */
const RANDOM_BYTES = { code: 9, login: 32 } as const;
const EXPIRY_BYTES = 6;
const MAC_BYTES = 32;

type Kind = keyof typeof PURPOSE;

/** What a good code or login says. */
export interface Credential {
  /** Names it among all of its kind. */
  readonly id: string;
  readonly role: ConsoleRole;
  /** By the wall clock. */
  readonly expiresMs: number;
}

/** Makes a code by which a page logs in once. */
export function makeCode(adminToken: string, role: ConsoleRole, clock: Pick<Clock, 'wallMs'>, random: Random): string {
  return sign('code', adminToken, { role, expiresMs: clock.wallMs() + CONSOLE_LIMITS.codeMs }, random);
}

/** Makes a login, which a browser keeps as a cookie. */
export function makeLogin(adminToken: string, role: ConsoleRole, expiresMs: number, random: Random): string {
  return sign('login', adminToken, { role, expiresMs }, random);
}

/** Reads a code or a login; undefined when it is forged, garbled or past its time. */
export function readCredential(kind: Kind, adminToken: string, text: string, nowMs: number): Credential | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const macAt = EXPIRY_BYTES + 1 + RANDOM_BYTES[kind];
  if (bytes.length !== macAt + MAC_BYTES) return undefined;
  if (!timingSafeEqual(macOf(kind, adminToken, bytes.subarray(0, macAt)), bytes.subarray(macAt))) return undefined;
  const expiresMs = bytes.readUIntBE(0, EXPIRY_BYTES);
  const role = ROLES[bytes[EXPIRY_BYTES]];
  // A code of a clock that is ahead would live longer than it may.
  if (role === undefined || expiresMs <= nowMs) return undefined;
  if (kind === 'code' && expiresMs > nowMs + CONSOLE_LIMITS.codeMs) return undefined;
  return { id: bytes.toString('base64url', 0, macAt), role, expiresMs };
}

function sign(
  kind: Kind,
  adminToken: string,
  { role, expiresMs }: Pick<Credential, 'role' | 'expiresMs'>,
  random: Random,
): string {
  const head = Buffer.alloc(EXPIRY_BYTES + 1);
  head.writeUIntBE(Math.floor(expiresMs), 0, EXPIRY_BYTES);
  head[EXPIRY_BYTES] = ROLES.indexOf(role);
  const body = Buffer.concat([head, random.bytes(RANDOM_BYTES[kind])]);
  return Buffer.concat([body, macOf(kind, adminToken, body)]).toString('base64url');
}

function macOf(kind: Kind, adminToken: string, body: Uint8Array): Buffer {
  return createHmac('sha256', adminToken).update(`${PURPOSE[kind]}\0`).update(body).digest();
}
