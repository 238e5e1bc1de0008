import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { Fault } from '../core/model/fault.js';
import { authenticate } from '../replica/token.js';
import { type Origin, originOfPeer } from '../shares/origin.js';
import type { Backing } from './backing.js';

/** The metadata that proves a session. */
export const SESSION_METADATA = 'switchyard-session';
/** The metadata that proves an administrator. */
export const ADMIN_METADATA = 'switchyard-admin';

/** Who makes a call, as its metadata proves it. */
export interface Caller {
  /** The session; undefined without a token. */
  readonly sid: number | undefined;
  readonly isAdmin: boolean;
  /** From where. */
  readonly origin: Origin;
}

/** What of a call says who makes it. */
interface Call {
  readonly metadata: Metadata;
  getPeer(): string;
}

/**
 * Finds out who calls. A token that comes must be good, also where none is needed; a good one renews its session, whatever
 * becomes of the call.
 */
export function identify({ replica, shares, adminToken }: Backing, call: Call): Caller | Fault {
  const { metadata } = call;
  const origin = originOfPeer(call.getPeer());
  const [admin] = metadata.get(ADMIN_METADATA);
  if (admin !== undefined && !isAdminToken(String(admin), adminToken)) {
    return new Fault('ADMIN_TOKEN_INVALID', 'the administrator token is wrong, or this server has none');
  }
  const [token] = metadata.get(SESSION_METADATA);
  if (token === undefined) return { sid: undefined, isAdmin: admin !== undefined, origin };
  const sid = authenticate(replica.state, String(token));
  if (sid instanceof Fault) return sid;
  if (!replica.leases.renew(sid)) return new Fault('SESSION_EXPIRED', `session ${sid} has expired`);
  shares.renewed(sid, origin);
  return { sid, isAdmin: admin !== undefined, origin };
}

/** Compares hashes, which have one length, so that neither content nor length shows in the time it takes. */
function isAdminToken(given: string, wanted: string | undefined): boolean {
  if (wanted === undefined) return false;
  return timingSafeEqual(hashOf(given), hashOf(wanted));
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
