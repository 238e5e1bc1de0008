import { hash, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../base/clock.js';
import { Fault } from '../../core/model/fault.js';
import { CloseReason } from '../../core/model/session.js';
import type { StateView } from '../../core/store/state-view.js';
import { endedFault } from '../attachments.js';

/*
 * The text of a session token: `sw1_` and then, in base64url without padding,
 *
 *    0        4                                  28
 *   +--------+-----------------------------------+
 *   |  SID   |              secret               |
 *   +--------+-----------------------------------+
 *
 * That of a network other than the default one is `sw2_`, and has the network's number in 4 bytes before the SID.
 *
 * Number and SID, big-endian, say where to look and prove nothing; the secret is 192 random bits. The prefix
 * lets a scanner for leaked secrets know what it has found.
 */
const PREFIX = 'sw1_';
const SECRET_BYTES = 24;
const TEXT_LENGTH = PREFIX.length + 38;
const NETWORK_PREFIX = 'sw2_';
const NETWORK_TEXT_LENGTH = NETWORK_PREFIX.length + 43;

/** The secret of a session's token, drawn before the session has a SID. */
export interface Secret {
  readonly bytes: Uint8Array;
  /** What the journal keeps of it: SHA-256, as 32 latin1 characters. */
  readonly hash: string;
}

/** Draws the secret of a new session. */
export function drawSecret(random: Random): Secret {
  const bytes = random.bytes(SECRET_BYTES);
  return { bytes, hash: hashOf(bytes).toString('latin1') };
}

/** The token that a client keeps. */
export function tokenText(sid: number, secret: Secret, network = 0): string {
  const bytes = Buffer.alloc(8 + SECRET_BYTES);
  bytes.writeUInt32BE(network);
  bytes.writeInt32BE(sid, 4);
  bytes.set(secret.bytes, 8);
  return network === 0 ? PREFIX + bytes.toString('base64url', 4) : NETWORK_PREFIX + bytes.toString('base64url');
}

/** The number of the network that a token names, which proves nothing; 0 for one that names none. */
export function networkOfToken(text: string): number {
  if (text.length !== NETWORK_TEXT_LENGTH || !text.startsWith(NETWORK_PREFIX)) return 0;
  const head = Buffer.from(text.slice(NETWORK_PREFIX.length, NETWORK_PREFIX.length + 8), 'base64url');
  return head.length < 4 ? 0 : head.readUInt32BE();
}

/**
 * The SID of the session that a token is of, or a fault: why the session ended, or that the token was never issued.
 *
 * The secret's hash is compared in constant time. The time of the whole call may show whether a SID is live, which is no
 * secret: the graph shows it, too.
 */
export function authenticate(state: StateView, text: string, network = 0): number | Fault {
  const [prefix, length] = network === 0 ? [PREFIX, TEXT_LENGTH] : [NETWORK_PREFIX, NETWORK_TEXT_LENGTH];
  if (text.length !== length || !text.startsWith(prefix)) return invalid();
  const whole = Buffer.from(text.slice(prefix.length), 'base64url');
  // Refuses characters outside of base64url and spare bits in the last one, so that a secret has one spelling.
  if (whole.toString('base64url') !== text.slice(prefix.length)) return invalid();
  if (network !== 0 && whole.readUInt32BE() !== network) return invalid();
  const bytes = network === 0 ? whole : whole.subarray(4);
  const sid = bytes.readInt32BE();
  if (sid <= 0) return invalid();
  const session = state.sessions.get(sid);
  const hashed = hashOf(bytes.subarray(4));
  if (session === undefined) return wasGiven(state, sid, hashed) ? overFault(state, sid) : invalid();
  return timingSafeEqual(hashed, Buffer.from(session.tokenHash, 'latin1')) ? sid : invalid();
}

/**
 * Whether the token of a session that does not live was ever issued, as far as is known: of a remembered session the hash is
 * compared; of a forgotten one it is only known that its SID was in use.
 */
function wasGiven({ servers, ended, sids }: StateView, sid: number, hashed: Buffer): boolean {
  if (ended.get(sid) !== undefined) return !ended.isForeign(sid, hashed.toString('latin1'));
  return !servers.has(sid) && sids.wasGiven(sid);
}

/** The fault for a session that does not live. One that is no longer remembered counts as expired. */
export function overFault(state: StateView, sid: number): Fault {
  return endedFault(sid, state.ended.get(sid) ?? CloseReason.EXPIRED);
}

function invalid(): Fault {
  return new Fault('SESSION_TOKEN_INVALID', "the session token is not one of this server's");
}

function hashOf(secret: Uint8Array): Buffer {
  return hash('sha256', secret, 'buffer');
}
