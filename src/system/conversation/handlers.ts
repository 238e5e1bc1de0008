import { Fault } from '../../core/model/fault.js';
import { METHODS, type Method } from '../../core/model/trust/permission.js';
import { EVENTS, type EventName, type SystemEvent } from '../codec/event.js';
import { directConnection } from './connection-requests.js';
import type { Conversation } from './conversation.js';
import { challenge, enroll, rotateKey } from './identity-requests.js';
import type { Handler, Request, RequestOutcome, SessionHandler } from './request.js';
import { keepAlive, session, terminateSession } from './session-requests.js';
import { createStream, open, stopStream, terminateStream, updateStreamParams } from './stream-requests.js';

const enumerateTransport: Handler<'EnumerateTransport'> = ({ backing, body }) => {
  const transports = backing.transports.list(body);
  return transports instanceof Fault ? transports : { data: { transports } };
};

/** A request without a row in the table of methods does not compile. */
type Ruled = EventName & Method;

/** What can be asked without a session. */
const FOR_ANYONE: { readonly [N in Ruled]?: Handler<N> } = {
  EnumerateTransport: enumerateTransport,
  Session: session,
  KeepAlive: keepAlive,
  Challenge: challenge,
  Enroll: enroll,
  RotateKey: rotateKey,
};

/** What needs one. */
const FOR_SESSIONS: { readonly [N in Ruled]?: SessionHandler<N> } = {
  CreateStream: createStream,
  UpdateStreamParams: updateStreamParams,
  TerminateStream: terminateStream,
  StopStream: stopStream,
  Open: open,
  TerminateSession: terminateSession,
  DirectConnection: directConnection,
};

/**
 * Whether a request that comes again must not be done again. The others may be done as often as they are asked; what is opened is
 * opened on one connection, so on another it has to be done again.
 */
export function isRemembered(type: EventName): boolean {
  return isRuled(type) && FOR_SESSIONS[type] !== undefined && type !== 'Open';
}

/** Does what an event asks for. */
export function handle(
  event: SystemEvent,
  { backing, packetId }: Omit<Request<never>, 'body'>,
  conversation: Conversation,
): RequestOutcome<never> | Promise<RequestOutcome<never>> {
  const asked = { backing, packetId, body: event.body } as Request<never>;
  if (!isRuled(event.type)) throw new Error(`type ${EVENTS[event.type].number} has no rule`);
  const { sid } = conversation;
  const refused = backing.gatekeeper.admit(event.type, conversation, event);
  if (refused !== undefined) return refused;
  const forAnyone = FOR_ANYONE[event.type] as Handler<never> | undefined;
  if (forAnyone !== undefined) return forAnyone(asked, conversation);
  const forSession = FOR_SESSIONS[event.type] as SessionHandler<never> | undefined;
  if (forSession === undefined) throw new Error(`type ${EVENTS[event.type].number} has no handler`);
  if (sid === undefined) return new Fault('SESSION_TOKEN_MISSING', `${event.type} needs a session on this connection`);
  return forSession({ ...asked, sid }, conversation);
}

function isRuled(type: EventName): type is Ruled {
  return Object.hasOwn(METHODS, type);
}
