import type { Fault } from '../../core/model/fault.js';
import type { AnswerData, EventBody, EventName } from '../codec/event.js';
import type { Backing } from './backing.js';
import type { Peer } from './peer.js';

/** What a request came with. */
export interface Request<N extends EventName> {
  readonly backing: Backing;
  readonly peer: Peer;
  readonly body: EventBody<N>;
  readonly packetId: number | undefined;
}

/** A success, and what is to happen besides. */
export interface Reply<N extends EventName> {
  readonly data: AnswerData<N>;
  /** Right after the Answer was sent. */
  readonly after?: () => void;
  /** Once the Answer has left this machine's hands, or (false) cannot any more. */
  readonly delivered?: Sent;
}

/** Hears whether something has left this machine's hands. */
export type Sent = (isSent: boolean) => void;

/** What comes of a request. */
export type Outcome<N extends EventName> = Fault | Reply<N>;

/** Does what a type of request asks for. */
export type Handler<N extends EventName> = (request: Request<N>) => Outcome<N> | Promise<Outcome<N>>;

/** The same for types that need a session, and have it. */
export type SessionHandler<N extends EventName> = (
  request: Request<N>,
  sid: number,
) => Outcome<N> | Promise<Outcome<N>>;
