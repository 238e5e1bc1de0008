import { ConnectionRole, sideOf } from '../../core/model/connection.js';
import { Fault } from '../../core/model/fault.js';
import { connectionBody, RELAYED_AS_THEY_ARE, withPriority } from './connection-body.js';
import type { SessionHandler } from './request.js';

const NO_BYTES = new Uint8Array(0);

/**
 * Asks for a connection to another node, and answers once that has accepted. A connection that breaks meanwhile does not
 * cancel it: the request may come again, with the same packet id.
 */
export const directConnection: SessionHandler<'DirectConnection'> = async ({ backing, body, sid }, conversation) => {
  const { cvid, type = 0, port = 0, candidates = [], publicKey = NO_BYTES, endorsement, roundTripMs = 0 } = body;
  const wish = {
    sid,
    cvid,
    type,
    port,
    candidates: withPriority(candidates),
    publicKey,
    endorsement,
    roundTripMs,
    asker: conversation,
    ...RELAYED_AS_THEY_ARE,
    relayed: 0,
    // A packet id does for the events what a request id does for the calls.
    requestId: '',
    fallback: 0,
  };
  const asked = await backing.asking.ask(wish);
  if (asked instanceof Fault) return asked;
  const decided = asked.connection;
  const side = sideOf(decided, sid);
  const role =
    port > 0
      ? ConnectionRole.LISTEN
      : side === 'caller'
        ? ConnectionRole.PUNCH_CONTROLLING
        : ConnectionRole.PUNCH_CONTROLLED;
  // The attempts are ordered by events of their own; this only says which connection they will be about.
  return { data: { request: connectionBody(backing, { ...decided, attempts: [] }, sid, role) } };
};
