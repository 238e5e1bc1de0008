import type { ServerUnaryCall } from '@grpc/grpc-js';
import {
  type Candidate as CandidateMessage,
  GatherAnswer,
  PunchAnswer,
} from '../../../gen/switchyard/v1/connection.js';
import type {
  DirectConnectionRequest,
  DirectConnectionResponse,
  GetConnectionRequest,
  GetConnectionResponse,
  ListConnectionsRequest,
  ListConnectionsResponse,
} from '../../../gen/switchyard/v1/network_service.js';
import { Checked } from '../../core/decide/check.js';
import type { Command } from '../../core/model/command.js';
import { type Connection, ConnectionRole, isEnd, sideOf } from '../../core/model/connection.js';
import { Fault } from '../../core/model/fault.js';
import { originOfPeer } from '../../shares/origin.js';
import { TRACEPARENT } from '../../tracing/traceparent.js';
import type { Backing } from '../backing.js';
import type { MadeForCaller, Step } from '../call-handlers.js';
import { signalOf } from '../call-signal.js';
import type { Caller } from '../caller.js';
import { connectionMessage } from '../encode/connection-message.js';
import { msOf } from '../encode/duration.js';
import { connectionPeer } from '../encode/identity-message.js';
import { connectionSize } from '../encode/size.js';
import { recordFor } from './connection-record.js';
import { FirstKeys, fillPage, nextTokenOf, readPage } from './page.js';

/** `c` and a revision. */
const CONNECTION_NAME = /^c([1-9]\d{0,15})$/;
/** Page tokens ascend, and the newest comes first: so a page is counted from here down. */
const NEWEST = Number.MAX_SAFE_INTEGER;

/** What ListConnections lists: it has no filter. */
const ALL_CONNECTIONS = { method: 'ListConnections', filter: {} };

/** Who asks for a connection, and by which call. */
interface Asker {
  readonly sid: number;
  readonly caller: Caller;
  readonly call: ServerUnaryCall<DirectConnectionRequest, DirectConnectionResponse>;
}

/** Asks for a connection, and answers once the peer has accepted. A call that is cancelled cancels the connection. */
export async function directConnection(
  backing: Backing,
  request: DirectConnectionRequest,
  { sid, caller, call }: Asker,
): Promise<MadeForCaller<DirectConnectionResponse> | Fault> {
  const { connectionId, roundTrip, ...asked } = request;
  const relayed = readConnectionId(connectionId);
  if (connectionId !== '' && relayed === 0) return noConnection(connectionId);
  const [traceparent = ''] = call.metadata.get(TRACEPARENT);
  const known = { sid, relayed, roundTripMs: msOf(roundTrip), asker: caller, traceparent: String(traceparent) };
  const wish = { ...asked, ...known };
  const made = await backing.asking.ask(wish, signalOf(call));
  if (made instanceof Fault) return made;
  const { connection: decided, takeBack } = made;
  const side = sideOf(decided, sid);
  const role = asked.port > 0 ? ConnectionRole.LISTEN : controlling(side);
  // The attempts are ordered on the attachment; this only says which connection they will be about.
  const verified = (cvid: number, asked?: number) =>
    connectionPeer({ gatekeeper: backing.gatekeeper, state: backing.replica.state }, cvid, asked);
  const response = { request: connectionMessage({ ...decided, attempts: [] }, side, role, [], { verified }) };
  return { response, takeBack };
}

/** Reads one connection, for its ends and for administrators. */
export function getConnection(
  { replica }: Backing,
  { connectionId }: GetConnectionRequest,
  caller: Caller,
): GetConnectionResponse | Fault {
  const connection = replica.state.connections.get(readConnectionId(connectionId));
  if (connection === undefined || !maySee(connection, caller)) return noConnection(connectionId);
  return { connection: recordFor(connection, caller) };
}

/** How many ids a step of a list looks at: some tenths of a millisecond. */
const LOOKS_PER_STEP = 4_096;

/** Lists connections, the newest first, in steps: of all ids it holds no more than two pages at a time. */
export function listConnections(
  { replica, limits }: Backing,
  request: ListConnectionsRequest,
  caller: Caller,
): Step<ListConnectionsResponse> | Fault {
  const { state } = replica;
  const checked = new Checked(state.limits);
  const wanted = readPage(checked, limits, ALL_CONNECTIONS, request);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const ids = state.connections.ids(caller.may('network.read') ? undefined : caller.sid!)[Symbol.iterator]();
  const newest = new FirstKeys(wanted.after, wanted.size + 1);
  return () => {
    for (let looks = 0; ; looks++) {
      if (looks === LOOKS_PER_STEP) return 'more';
      const { value: id, done } = ids.next();
      if (done) break;
      newest.add(NEWEST - id);
    }
    // One may have been forgotten since its id was looked at.
    const found = newest.take().flatMap((key) => state.connections.get(NEWEST - key) ?? []);
    const filled = fillPage(found, wanted, connectionSize);
    return {
      connections: filled.page.map((connection) => recordFor(connection, caller)),
      nextPageToken: nextTokenOf(ALL_CONNECTIONS, filled, ({ id }) => NEWEST - id),
    };
  };
}

/** The id of a connection by its name; 0 when it is none. */
export function readConnectionId(name: string): number {
  return Number(CONNECTION_NAME.exec(name)?.[1] ?? 0);
}

/** A connection that is not there, or not the caller's to see. */
export function noConnection(name: string): Fault {
  return new Fault('CONNECTION_NOT_FOUND', `no connection ${JSON.stringify(name.slice(0, 20))}`);
}

/**
 * The command for the successful answer to an order of a connection, whose data depends on the role; undefined for an
 * order that has none.
 */
export async function readAnswer(
  backing: Backing,
  answer: { readonly sid: number; readonly orderId: string; readonly data: Uint8Array; readonly peer: string },
): Promise<Command | Fault | undefined> {
  const { sid, orderId, data } = answer;
  const order = await backing.asking.orderFor(sid, orderId);
  if (order instanceof Fault) return order;
  const body = order?.body;
  if (body?.kind !== 'connection') return undefined;
  try {
    switch (body.role) {
      case ConnectionRole.DIAL:
      case ConnectionRole.GATHER: {
        // Older clients answer the order to dial with nothing but a yes.
        if (body.role === ConnectionRole.DIAL && data.length === 0) return undefined;
        const { roundTrip, ...gathered } = GatherAnswer.decode(data);
        const brought = { ...gathered, roundTripMs: msOf(roundTrip) };
        return backing.asking.gathered(sid, orderId, brought, originOfPeer(answer.peer).address);
      }
      case ConnectionRole.PUNCH_CONTROLLING:
      case ConnectionRole.PUNCH_CONTROLLED: {
        const { pairs, took, connected, roundTrip } = PunchAnswer.decode(data);
        const whole = pairs.map(({ local = NOBODY, remote = NOBODY, outcome }) => ({ local, remote, outcome }));
        const tried = { connected, pairs: whole, tookMs: msOf(took), roundTripMs: msOf(roundTrip) };
        return backing.asking.tried(sid, orderId, tried);
      }
      default:
        return undefined;
    }
  } catch {
    const { DIAL, GATHER } = ConnectionRole;
    const message = body.role === DIAL || body.role === GATHER ? 'GatherAnswer' : 'PunchAnswer';
    return Fault.fields([{ field: 'data', description: `not an encoded ${message}` }]);
  }
}

const NOBODY: CandidateMessage = { host: '', port: 0, type: 0, priority: 0 };
function controlling(side: 'caller' | 'peer'): ConnectionRole {
  return side === 'caller' ? ConnectionRole.PUNCH_CONTROLLING : ConnectionRole.PUNCH_CONTROLLED;
}

function maySee(connection: Connection, caller: Caller): boolean {
  return caller.may('network.read') || (caller.sid !== undefined && isEnd(connection, caller.sid));
}
