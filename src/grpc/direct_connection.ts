import type { ServerUnaryCall } from '@grpc/grpc-js';
import { type Candidate as CandidateMessage, GatherAnswer, PunchAnswer } from '../../gen/switchyard/v1/connection.js';
import type {
  DirectConnectionRequest,
  DirectConnectionResponse,
  GetConnectionRequest,
  GetConnectionResponse,
  ListConnectionsRequest,
  ListConnectionsResponse,
} from '../../gen/switchyard/v1/network_service.js';
import { crossingOf } from '../core/broker.js';
import { Checked } from '../core/check.js';
import type { AskConnection, Command, LinkType } from '../core/command.js';
import { type Connection, ConnectionRole, isOver, sideOf } from '../core/connection.js';
import { Fault } from '../core/fault.js';
import { checkCandidates, checkPairs, checkPublicKey, checkRoundTrip } from '../replica/candidates.js';
import { plainAddress } from '../stun/address.js';
import type { Backing } from './backing.js';
import type { Caller } from './caller.js';
import { connectionMessage, connectionRecordMessage } from './connection_message.js';
import { msOf } from './duration.js';
import { firstAfter, pageTokenOf, readPage } from './page.js';

const NONCE_BYTES = 16;
/** `c` and a revision. */
const CONNECTION_NAME = /^c([1-9]\d{0,15})$/;
/** Page tokens ascend, and the newest comes first: so a page is counted from here down. */
const NEWEST = Number.MAX_SAFE_INTEGER;

/** Asks for a connection, and answers once the peer has accepted. A call that is cancelled cancels the connection. */
export async function directConnection(
  backing: Backing,
  request: DirectConnectionRequest,
  sid: number,
  call: ServerUnaryCall<DirectConnectionRequest, DirectConnectionResponse>,
): Promise<DirectConnectionResponse | Fault> {
  const command = readRequest(backing, request, sid, call.getPeer());
  if (command instanceof Fault) return command;
  const { replica, acceptances } = backing;
  const absent = refuseAbsent(backing, command);
  if (absent !== undefined) return absent;
  const outcome = await replica.submit(command);
  if (outcome instanceof Fault) return outcome;
  const asked =
    outcome.changes.flatMap((change) => (change.kind === 'ConnectionPut' ? change.connection : [])).at(-1) ??
    crossingOf(replica.state, command);
  if (asked === undefined)
    return new Fault('CONNECTION_REPLACED', 'the connection that this would have joined is over');
  const giveUp = () => void replica.submit(cancellation(asked, sid));
  call.once('cancelled', giveUp);
  if (call.cancelled) giveUp();
  const decided = await acceptances.decided(asked);
  call.off('cancelled', giveUp);
  if (decided instanceof Fault) return decided;
  if (isOver(decided)) return new Fault(decided.reason!, decided.description);
  const side = sideOf(decided, sid)!;
  const role = command.port > 0 ? ConnectionRole.LISTEN : controlling(side);
  // The attempts are ordered on the attachment; this only says which connection they will be about.
  return { request: connectionMessage({ ...decided, attempts: [] }, side, role, []) };
}

/** Reads one connection, for its ends and for administrators. */
export function getConnection(
  { replica }: Backing,
  { connectionId }: GetConnectionRequest,
  caller: Caller,
): GetConnectionResponse | Fault {
  const connection = replica.state.connections.get(readConnectionId(connectionId));
  if (connection === undefined || !maySee(connection, caller)) return noConnection(connectionId);
  return { connection: connectionRecordMessage(connection) };
}

/** Lists connections, the newest first. */
export function listConnections(
  { replica, limits }: Backing,
  request: ListConnectionsRequest,
  caller: Caller,
): ListConnectionsResponse | Fault {
  const { state } = replica;
  const checked = new Checked(state.limits);
  const { after, size } = readPage(checked, limits, request);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const mine = caller.isAdmin ? state.connections.all() : state.connections.of(caller.sid!);
  const keys = firstAfter(
    [...mine].map(({ id }) => NEWEST - id),
    after,
    size + 1,
  );
  const page = keys.slice(0, size);
  return {
    connections: page.map((key) => connectionRecordMessage(state.connections.get(NEWEST - key)!)),
    nextPageToken: keys.length > size ? pageTokenOf(page.at(-1)!) : '',
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
export function readAnswer(
  backing: Backing,
  answer: { readonly sid: number; readonly orderId: string; readonly data: Uint8Array; readonly peer: string },
): Command | Fault | undefined {
  const { sid, orderId, data } = answer;
  const body = backing.replica.state.orders.get(sid, orderId)?.body;
  if (body?.kind !== 'connection') return undefined;
  try {
    switch (body.role) {
      case ConnectionRole.GATHER:
        return readGathered(backing, sid, orderId, GatherAnswer.decode(data), answer.peer);
      case ConnectionRole.PUNCH_CONTROLLING:
      case ConnectionRole.PUNCH_CONTROLLED:
        return readTried(backing, sid, orderId, PunchAnswer.decode(data));
      default:
        return undefined;
    }
  } catch {
    const message = body.role === ConnectionRole.GATHER ? 'GatherAnswer' : 'PunchAnswer';
    return Fault.fields([{ field: 'data', description: `not an encoded ${message}` }]);
  }
}

function readRequest(
  backing: Backing,
  request: DirectConnectionRequest,
  sid: number,
  from: string,
): AskConnection | Fault {
  const { limits } = backing.replica.state;
  const { cvid, type, port, publicKey, roundTrip } = request;
  const checked = new Checked(limits);
  checked.sid('cvid', cvid);
  checked.linkType('type', type);
  if (port < 0 || port > 65_535) checked.wrong('port', `${port}; 0 (the server coordinates) to 65535 are allowed`);
  const coordinated = port === 0;
  const gathered = {
    candidates: coordinated ? checkCandidates(checked, limits, request.candidates, observedBy(backing, from)) : [],
    publicKey: checkPublicKey(checked, limits, publicKey, true),
    roundTripMs: coordinated ? checkRoundTrip(checked, msOf(roundTrip)) : 0,
  };
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  return {
    kind: 'AskConnection',
    sid,
    peer: cvid,
    link: type as number as LinkType,
    host: hostOf(from),
    port,
    ...gathered,
    deadlineMs: Math.min(backing.orderDeadlineMs, ACCEPT_MS),
    ...draw(backing),
  };
}

/** How long a peer may take to accept and to gather: an attempt must begin while the rendezvous holds the mappings. */
const ACCEPT_MS = 10_000;

function readGathered(
  backing: Backing,
  sid: number,
  orderId: string,
  { candidates, publicKey, roundTrip }: GatherAnswer,
  from: string,
): Command | Fault {
  const { limits } = backing.replica.state;
  const checked = new Checked(limits);
  const gathered = {
    candidates: checkCandidates(checked, limits, candidates, observedBy(backing, from)),
    publicKey: checkPublicKey(checked, limits, publicKey),
    roundTripMs: checkRoundTrip(checked, msOf(roundTrip)),
  };
  const wrong = Fault.fields(checked.violations);
  return wrong ?? { kind: 'AnswerGather', sid, orderId, ...gathered, ...draw(backing) };
}

function readTried(
  backing: Backing,
  sid: number,
  orderId: string,
  { pairs, took, connected, roundTrip }: PunchAnswer,
): Command | Fault {
  const { limits } = backing.replica.state;
  const checked = new Checked(limits);
  const whole = pairs.map(({ local, remote, outcome }) => ({
    local: local ?? NOBODY,
    remote: remote ?? NOBODY,
    outcome,
  }));
  checked.duration('took', msOf(took));
  const tried = {
    connected,
    pairs: checkPairs(checked, limits, whole),
    tookMs: Math.min(Math.round(msOf(took)), TOOK_MS_MAX),
    roundTripMs: checkRoundTrip(checked, msOf(roundTrip)),
  };
  const wrong = Fault.fields(checked.violations);
  return wrong ?? { kind: 'AnswerAttempt', sid, orderId, ...tried, ...draw(backing) };
}

const NOBODY: CandidateMessage = { host: '', port: 0, type: 0, priority: 0 };
/** No attempt lasts so long; what is said beyond it is not worth 64 bits. */
const TOOK_MS_MAX = 60_000;

/** Whoever has no attachment cannot be ordered anything; the caller of a coordinated connection is ordered as well. */
function refuseAbsent({ replica }: Backing, { sid, peer, port }: AskConnection): Fault | undefined {
  const { state, attachments } = replica;
  const absent = [peer, ...(port === 0 ? [sid] : [])].find(
    (end) => state.sessions.get(end) !== undefined && !attachments.isAttached(end),
  );
  return absent === undefined ? undefined : new Fault('NOT_ATTACHED', `session ${absent} is not attached`);
}

function cancellation({ id, caller, peer, link }: Connection, sid: number): Command {
  const other = caller.sid === sid ? peer.sid : caller.sid;
  const brokered = { connection: id, path: 0, roundTripMs: 0, failed: false } as const;
  return { kind: 'ReportLink', sid, peer: other, link, established: false, brokered };
}

function controlling(side: 'caller' | 'peer'): ConnectionRole {
  return side === 'caller' ? ConnectionRole.PUNCH_CONTROLLING : ConnectionRole.PUNCH_CONTROLLED;
}

function maySee(connection: Connection, { sid, isAdmin }: Caller): boolean {
  return isAdmin || (sid !== undefined && sideOf(connection, sid) !== undefined);
}

function draw({ random, clock }: Backing) {
  return { nonce: Buffer.from(random.bytes(NONCE_BYTES)).toString('latin1'), atMs: clock.wallMs() };
}

function observedBy({ isObserved }: Backing, from: string): (host: string) => boolean {
  const own = hostOf(from);
  return (host) => host === own || isObserved(host);
}

/** The host of what grpc-js calls a peer: `HOST:PORT` or `[HOST]:PORT`. */
function hostOf(peer: string): string {
  return plainAddress(peer.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
}
