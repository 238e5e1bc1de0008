import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Proof } from '../../../gen/switchyard/v1/identity.js';
import {
  type AnswerRequest,
  type AnswerResponse,
  type AttachRequest,
  type AttachResponse,
  type GetSessionRequest,
  type GetSessionResponse,
  type KeepAliveRequest,
  type KeepAliveResponse,
  type ListSessionsRequest,
  type SessionRequest,
  type SessionResponse,
  type SessionServiceServer,
  SessionServiceService,
  type TerminateSessionRequest,
  type TerminateSessionResponse,
  type WatchSessionsRequest,
} from '../../../gen/switchyard/v1/session_service.js';
import { Checked } from '../../core/decide/check.js';
import { RELAY_FIRST_FROM } from '../../core/model/connection.js';
import { Fault, REASON_OF_CODE } from '../../core/model/fault.js';
import { CloseReason, identityOf } from '../../core/model/session.js';
import type { Subscription } from '../../feed/subscription.js';
import type { Attachment, Message } from '../../replica/attachments.js';
import type { Origin } from '../../shares/origin.js';
import type { Backing } from '../backing.js';
import type { Answer, Calls, MadeForCaller } from '../call-handlers.js';
import { signalOf } from '../call-signal.js';
import { type Caller, renew } from '../caller.js';
import { durationOf, msOf } from '../encode/duration.js';
import { passingBytes } from '../encode/encoded.js';
import { connectionPeer, principalMessage } from '../encode/identity-message.js';
import { orderMessage, positionMessage, sessionMessage } from '../encode/message.js';
import { readAnswer } from './direct-connection.js';
import { sessionEnd } from './ending.js';
import { readAfter, watchedNodes } from './network-service.js';
import { pageOfSessions } from './session-pages.js';

/** Longer than any order's id. */
const ORDER_ID_BYTES_MAX = 64;
/** Connections close, and with them goes what is remembered of them. */
const SHOWN_RETRY_MS = 10_000;

/** SessionService's definition, with pages of sessions that are bytes already. */
export const sessionDefinition = {
  ...SessionServiceService,
  listSessions: passingBytes(SessionServiceService.listSessions),
  watchSessions: passingBytes(SessionServiceService.watchSessions),
};

/** SessionService, as session_service.proto documents it. */
export function sessionService(calls: Calls): SessionServiceServer {
  const { backing } = calls;
  return {
    session: calls.makingForAnyone((request: SessionRequest, caller) => open(backing, request, caller)),
    keepAlive: calls.session((request: KeepAliveRequest, sid, _, caller) =>
      shownThen(backing, { method: 'KeepAlive', ...request, sid, caller }, () => renewed(backing, sid)),
    ),
    attach: calls.sessionStream(
      (request: AttachRequest, sid, caller) =>
        shownThen(backing, { method: 'Attach', ...request, sid, caller }, () => attach(backing, sid, caller.origin)),
      (message: Message): AttachResponse => ({
        order: orderMessage(message, {
          rendezvous: backing.rendezvous,
          traceOf: (connection) => backing.asking.traces.of(connection),
          verified: (sid, asked) =>
            connectionPeer({ gatekeeper: backing.gatekeeper, state: backing.replica.state }, sid, asked),
        }),
      }),
    ),
    answer: calls.session((request: AnswerRequest, sid, call) => answerOrder(backing, request, sid, call.getPeer())),
    terminateSession: calls.sessionOrAdmin((request: TerminateSessionRequest, caller, call) =>
      terminate(backing, request, caller, call),
    ),
    getSession: calls.anyone((request: GetSessionRequest, caller) => read(backing, request, caller)),
    listSessions: calls.costly((request: ListSessionsRequest) => pageOfSessions(backing, request)),
    watchSessions: calls.watch((request: WatchSessionsRequest) => watch(backing, request)),
  };
}

async function open(
  { replica, opening, gatekeeper, rendezvous }: Backing,
  request: SessionRequest,
  caller: Caller,
): Promise<MadeForCaller<SessionResponse> | Fault> {
  const { instanceUuid: uuid, instanceType: type, instanceFlavor: flavor, ttl, name, labels, proof } = request;
  const { vouched } = caller;
  const wanted = { uuid, type, flavor, ttlMs: msOf(ttl), name, labels, proof, vouched };
  const opened = await opening.open(wanted, caller.origin);
  if (opened instanceof Fault) return opened;
  const { session, token, position } = opened;
  const { keyId } = session;
  if (keyId !== undefined) caller.show(identityOf(session), keyId === vouched?.keyId ? vouched.untilMs : undefined);
  const response = {
    instanceSid: session.sid,
    ...replica.homes.shown(session),
    sessionToken: token,
    ttl: durationOf(session.ttlMs),
    streamId: session.streamId,
    position: positionMessage(position),
    rendezvous: [...rendezvous],
    identity: principalMessage(replica.state, gatekeeper.network.name, { uuid: identityOf(session), keyId }),
    servers: [...replica.attachments.neighbours.addresses],
    relayVersion: RELAY_FIRST_FROM,
  };
  const { sid } = session;
  return {
    response,
    takeBack: () => replica.takeBack({ kind: 'CloseSession', sid, reason: CloseReason.TERMINATED }),
  };
}

function renewed({ replica: { state } }: Backing, sid: number): KeepAliveResponse {
  return { ttl: durationOf(state.sessions.living(sid).ttlMs), position: positionMessage(state.position) };
}

/** A call about a session, which may hold a proof that shows the session's identity on the call's connection. */
interface ShowingCall {
  readonly method: 'Attach' | 'KeepAlive';
  readonly proof?: Proof | undefined;
  readonly sid: number;
  readonly caller: Caller;
}

/** Does what a call asks for once its proof, if it has one, is verified, and its session counts on this connection. */
function shownThen<A>(
  backing: Backing,
  showing: ShowingCall,
  work: () => A | Fault | Promise<A | Fault>,
): A | Fault | Promise<A | Fault> {
  const { method, proof, caller } = showing;
  // Whoever is vouched for on this connection needs none.
  if (proof !== undefined && caller.vouched === undefined) return proveThen(backing, showing, proof, work);
  return backing.gatekeeper.admitShown(method, caller) ?? work();
}

async function proveThen<A>(
  backing: Backing,
  { method, sid, caller }: ShowingCall,
  proof: Proof,
  work: () => A | Fault | Promise<A | Fault>,
): Promise<A | Fault> {
  const { gatekeeper, opening, replica } = backing;
  const { origin } = caller;
  const wrong = await opening.prover.proveHolder(proof, sid, origin);
  if (wrong !== undefined) return wrong;
  const identity = identityOf(replica.state.sessions.living(sid));
  if (!caller.show(identity))
    return new Fault('RATE_LIMITED', 'this connection is of too many identities', [], SHOWN_RETRY_MS);
  return gatekeeper.admitShown(method, caller) ?? renew(backing, sid, origin) ?? work();
}

/** Attaches a session here, once it is at this server. */
function attach(
  { replica, shares }: Backing,
  sid: number,
  origin: Origin,
): Attachment | Fault | Promise<Attachment | Fault> {
  const open = () => {
    shares.attached(sid, origin);
    return replica.attachments.open(sid);
  };
  return replica.adopt(sid)?.then((fault) => fault ?? open()) ?? open();
}

async function answerOrder(
  backing: Backing,
  request: AnswerRequest,
  sid: number,
  peer: string,
): Promise<AnswerResponse | Fault> {
  const { orderId, code, description, data } = request;
  const { replica } = backing;
  const { limits } = replica.state;
  const checked = new Checked(limits);
  if (orderId === '') checked.wrong('order_id', 'the id that came with the order is needed');
  else if (Buffer.byteLength(orderId) > ORDER_ID_BYTES_MAX) checked.wrong('order_id', 'no order has so long an id');
  const reason = REASON_OF_CODE.get(code);
  if (code !== 0 && reason === undefined) checked.wrong('code', `${code} is not a reason`);
  checked.description('description', description);
  if (data.length > limits.answerDataBytesMax) {
    checked.wrong('data', `${data.length} bytes; ${limits.answerDataBytesMax} are the limit`);
  }
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const brought = reason === undefined ? await readAnswer(backing, { sid, orderId, data, peer }) : undefined;
  if (brought instanceof Fault) return brought;
  const plain = { kind: 'AnswerOrder', sid, orderId, code: reason, description, data } as const;
  const outcome = await replica.submit(brought ?? plain);
  return outcome instanceof Fault ? outcome : {};
}

function terminate(
  backing: Backing,
  request: TerminateSessionRequest,
  caller: Caller,
  call: ServerUnaryCall<TerminateSessionRequest, TerminateSessionResponse>,
): Answer<TerminateSessionResponse> {
  const { cvid, reason } = request;
  const checked = new Checked(backing.replica.state.limits);
  if (cvid !== 0) checked.sid('cvid', cvid);
  checked.description('reason', reason);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  if (caller.sid !== undefined && (cvid === 0 || cvid === caller.sid)) return terminateOwn(backing, caller.sid);
  if (cvid === 0) {
    return new Fault('SESSION_TOKEN_MISSING', 'without cvid, the session to end is the one of switchyard-session');
  }
  return backing.gatekeeper.refuseTermination(caller, cvid) ?? terminateOther(backing, cvid, { reason, caller, call });
}

/** The end is durable before it is answered: a success that a full disk undoes would be none. */
async function terminateOwn({ replica, relay }: Backing, sid: number): Promise<TerminateSessionResponse | Fault> {
  const ended = await replica.enforce({ kind: 'CloseSession', sid, reason: CloseReason.TERMINATED });
  // It may have ended meanwhile for another reason: that is what was asked for.
  if (ended instanceof Fault && replica.state.sessions.get(sid) !== undefined) return ended;
  if (!(ended instanceof Fault)) await relay.settled(ended);
  return { position: positionMessage(replica.state.position) };
}

/** How another's session is to be ended. */
interface Termination {
  readonly reason: string;
  readonly caller: Caller;
  readonly call: ServerUnaryCall<TerminateSessionRequest, TerminateSessionResponse>;
}

async function terminateOther(
  backing: Backing,
  sid: number,
  { reason, caller, call }: Termination,
): Promise<TerminateSessionResponse | Fault> {
  const { replica, orderDeadlineMs } = backing;
  // An order waits for its answer. Nobody is there to answer one that goes to a session without an attachment.
  const deadlineMs = (await replica.attachments.isAttachedAnywhere(sid)) ? orderDeadlineMs : 0;
  const asked = await replica.submit({ kind: 'RequestTermination', sid, reason, deadlineMs, ...caller.by });
  if (asked instanceof Fault) return asked;
  const ended = await sessionEnd(backing, sid, signalOf(call));
  return ended instanceof Fault ? ended : { position: positionMessage(ended) };
}

function read({ replica }: Backing, request: GetSessionRequest, caller: Caller): GetSessionResponse | Fault {
  const { state, attachments } = replica;
  const checked = new Checked(state.limits);
  if (request.cvid !== 0) checked.sid('cvid', request.cvid);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const sid = request.cvid === 0 ? caller.sid : request.cvid;
  if (sid === undefined) {
    return new Fault('SESSION_TOKEN_MISSING', 'without cvid, the session to read is the one of switchyard-session');
  }
  const session = caller.sees(sid) ? state.sessions.get(sid) : undefined;
  if (session === undefined) return noSession(sid);
  return {
    session: sessionMessage(session, state.epoch, attachments.isKnownAttached(sid)),
    position: positionMessage(state.position),
  };
}

function noSession(sid: number): Fault {
  return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
}

function watch({ replica, feeds, limits }: Backing, request: WatchSessionsRequest): Subscription | Fault {
  const checked = new Checked(replica.state.limits);
  const after = readAfter(checked, request.after);
  const sids = watchedNodes(checked, request.cvids, limits.watchedNodesMax);
  const wrong = Fault.fields(checked.violations);
  return wrong ?? feeds.sessions.subscribe({ after, sids });
}
