import type { Command } from '../../core/model/command.js';
import { type Connection, ConnectionRole, connectionName, sideOf, startAfterMs } from '../../core/model/connection.js';
import { Fault } from '../../core/model/fault.js';
import type { Order } from '../../core/model/order.js';
import { type VerifiedEnd, verifiedEnd } from '../../replica/access/connection-end.js';
import { decodeBody } from '../codec/body.js';
import { type AnswerData, EVENTS, type EventBody } from '../codec/event.js';
import { Flaw } from '../codec/flaw.js';
import type { AnswerBody } from './answer.js';
import type { SystemBacking } from './backing.js';

const NO_BYTES = new Uint8Array(0);
/** Connections of system events stay on the path that they were made on. */
export const RELAYED_AS_THEY_ARE = { relayVersion: 0 } as const;
/** The single byte of a body without cells. */
const EMPTY_BODY = Uint8Array.of(0);

/** A connection as one of its ends is told of it, with what that end has to do. */
export function connectionBody(
  { rendezvous, gatekeeper, replica }: Pick<SystemBacking, 'rendezvous' | 'gatekeeper' | 'replica'>,
  connection: Connection,
  sid: number,
  role: ConnectionRole,
): EventBody<'Connection'> {
  const side = sideOf(connection, sid);
  const other = side === 'caller' ? connection.peer : connection.caller;
  const { publicKey, endorsement } = other;
  const body: EventBody<'Connection'> = {
    type: connection.link === 0 ? undefined : connection.link,
    connectionId: connectionName(connection.id),
    peerCvid: other.sid,
    role,
    peerPublicKey: publicKey === '' ? undefined : Buffer.from(publicKey, 'latin1'),
    peer: peerRecord(verifiedEnd({ gatekeeper, state: replica.state }, other.sid, side === 'peer' ? sid : undefined)),
    peerEndorsement: endorsement === undefined ? undefined : Buffer.from(endorsement, 'latin1'),
  };
  switch (role) {
    case ConnectionRole.DIAL:
      return { ...body, ...connection.listening };
    case ConnectionRole.LISTEN:
      return { ...body, port: connection.listening.port };
    case ConnectionRole.GATHER: {
      const places = rendezvous.map(({ host, port }) => ({ host: host === '' ? undefined : host, port }));
      return { ...body, rendezvous: places };
    }
    case ConnectionRole.RELAY: {
      const { fromCaller, fromPeer } = connection.relay!;
      const [send, receive] = side === 'caller' ? [fromCaller, fromPeer] : [fromPeer, fromCaller];
      return { ...body, relayStreamId: send.streamId, relayBranchId: receive.branchId };
    }
    default: {
      const attempt = connection.attempts.at(-1);
      if (attempt === undefined) return { ...body, candidates: other.candidates };
      const nonce = Buffer.from(attempt.nonce, 'latin1');
      const startAfter = Math.round(startAfterMs(connection, side));
      return { ...body, candidates: other.candidates, startAfterMs: startAfter, nonce, attempt: attempt.number };
    }
  }
}

/** As a cell holds it. */
function peerRecord(end: VerifiedEnd | undefined): EventBody<'Connection'>['peer'] {
  if (end === undefined) return undefined;
  const { labels, ports, ...rest } = end;
  const told = Object.entries(labels).map(([key, value]) => ({ key, value }));
  return { ...rest, labels: told, ports: ports && { ranges: ports } };
}

/** The command for the successful answer to an order of a connection. What cannot be used is a refusal of the order. */
export function answerConnection(
  { asking }: SystemBacking,
  order: Order,
  answer: AnswerBody,
  host: string,
): Command | Fault {
  const { id, sid, body } = order;
  const decoded = decodeBody(EVENTS.Connection.answerTable, answer.data ?? EMPTY_BODY);
  if (decoded instanceof Flaw) return new Fault(decoded.reason, decoded.description);
  const data = decoded as AnswerData<'Connection'>;
  const { candidates = [], publicKey = NO_BYTES, endorsement, roundTripMs = 0, connected = false, tookMs = 0 } = data;
  const brought = { candidates: withPriority(candidates), publicKey, endorsement, roundTripMs };
  switch (body.kind === 'connection' ? body.role : undefined) {
    case ConnectionRole.GATHER:
      return asking.gathered(sid, id, { ...brought, ...RELAYED_AS_THEY_ARE }, host);
    case ConnectionRole.PUNCH_CONTROLLING:
    case ConnectionRole.PUNCH_CONTROLLED:
      return asking.tried(sid, id, { connected, pairs: [], tookMs, roundTripMs });
    default:
      return { kind: 'AnswerOrder', sid, orderId: id, code: undefined, description: '', data: NO_BYTES };
  }
}

/** Candidates as the core has them: one without a priority has the lowest. */
export function withPriority(candidates: NonNullable<EventBody<'DirectConnection'>['candidates']>) {
  return candidates.map(({ priority = 0, ...candidate }) => ({ ...candidate, priority }));
}
