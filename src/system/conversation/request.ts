import type { Fault } from '../../core/model/fault.js';
import type { AnswerData, EventBody, EventName } from '../codec/event.js';
import type { Sent } from './answer.js';
import type { SystemBacking } from './backing.js';
import type { Conversation } from './conversation.js';

/** What a client asks for. */
export interface Request<N extends EventName> {
  readonly backing: SystemBacking;
  readonly body: EventBody<N>;
  readonly packetId: number | undefined;
}

/** The same of a client that has a session. */
export interface SessionRequest<N extends EventName> extends Request<N> {
  readonly sid: number;
}

/** A success, and what is to happen besides. */
export interface Reply<N extends EventName> {
  readonly data: AnswerData<N>;
  /** Right after the Answer was sent. */
  readonly after?: () => void;
  /** Once the Answer has left this machine's hands, or (false) cannot any more. */
  readonly delivered?: Sent;
}

/** What comes of a request. */
export type RequestOutcome<N extends EventName> = Fault | Reply<N>;

/** Does what a type of request asks for, in the conversation in which it is asked. */
export type Handler<N extends EventName> = (
  request: Request<N>,
  conversation: Conversation,
) => RequestOutcome<N> | Promise<RequestOutcome<N>>;

/** The same for types that need a session, and have it. */
export type SessionHandler<N extends EventName> = (
  request: SessionRequest<N>,
  conversation: Conversation,
) => RequestOutcome<N> | Promise<RequestOutcome<N>>;
