import type { Connection } from '../../../gen/switchyard/v1/connection.js';
import { Reason } from '../../../gen/switchyard/v1/error.js';
import type { LinkType } from '../../../gen/switchyard/v1/link.js';
import type { Order } from '../../../gen/switchyard/v1/session.js';
import { AnswerRequest } from '../../../gen/switchyard/v1/session_service.js';
import { asError } from '../../base/errors.js';
import type { Tracer } from '../../tracing/tracer.js';
import type { Endorsement } from '../../trust/endorsement.js';
import type { PeerStream } from '../connection/peer-stream.js';
import { SwitchyardError } from '../error.js';
import { LIMITS } from '../limits.js';
import { orderSpan, traceOf } from './order-span.js';
import { Scope } from './scope.js';

/** A name of `switchyard.v1.Reason` that an order can be refused with. */
export type ReasonName = Exclude<keyof typeof Reason, 'UNSPECIFIED' | 'UNRECOGNIZED'>;

/** Thrown by a handler: the order is not carried out, for a reason that its giver is told. */
export class Refusal extends Error {
  constructor(
    readonly reason: ReasonName,
    description: string,
  ) {
    super(description);
    this.name = 'Refusal';
  }
}

/** A connection that a peer asks for. */
export interface ConnectionOffer {
  /** Who asks. */
  readonly cvid: number;
  readonly type: LinkType;
  /** Who that has proved to be, as the server has verified it; absent: its session was opened without a proof. */
  readonly peer?: VerifiedPeer | undefined;
  /** The key that stands for the peer's key of this connection, as the peer itself has signed: no word of the server's. Absent: none does. */
  readonly endorsement?: Endorsement | undefined;
  /** Why no key does, for people. */
  readonly endorsementProblem?: string | undefined;
}

/** What a program says to an offer. */
export type Acceptance = boolean | 'endorsed';

/** An identity that the server has verified. */
export interface VerifiedPeer {
  /** In lower case. */
  readonly identityUuid: string;
  /** What it may do, as an administrator or a ticket said. */
  readonly roles: readonly string[];
  /** The key of its session: SHA-256, 64 hexadecimal digits. */
  readonly keyId: string;
  /** What an administrator or a ticket says of it, never what it says of itself. */
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Which ports of this end the network's policy lets it reach, for a program that opens ports to its peers and has to refuse others;
   * absent: all of them. {@link mayReachPort} reads it.
   */
  readonly ports?: { readonly ranges: readonly { readonly first: number; readonly last: number }[] } | undefined;
}

/** Whether the network's policy lets the peer of an offer reach a port of this end. */
export function mayReachPort({ peer }: Pick<ConnectionOffer, 'peer'>, port: number): boolean {
  const ranges = peer?.ports?.ranges;
  return ranges === undefined || ranges.some(({ first, last }) => first <= port && port <= last);
}

/**
 * What an instance does with its orders. Each handler may be set or changed at any time. The signal is aborted when the
 * session ends; what is answered then reaches nobody.
 *
 * An order may be given again after its answer was forgotten here, so carrying it out twice must be harmless.
 */
export interface OrderHandlers {
  /**
   * Establish a direct connection: resolves with the answer's data, or none, to accept, throws a {@link Refusal} to
   * refuse. Absent, as it mostly is: the instance carries them out itself, as `accept` and `accepted` say.
   */
  connection?: (connection: Connection, signal: AbortSignal) => Promise<Uint8Array | undefined>;
  /**
   * Whether to take a connection that a peer asks for. `endorsed`: only from the holder of the key that `endorsement` names, on every path
   * and encrypted between the ends. Absent: every one is refused with PEER_REFUSED.
   */
  accept?: (offer: ConnectionOffer) => Acceptance | Promise<Acceptance>;
  /** A connection that a peer asked for stands; with what was told of it when it was accepted. */
  accepted?: (stream: PeerStream, offer: ConnectionOffer) => void;
  /** The session is about to end: the last moment to tidy up. It is answered with success whatever comes of it. */
  terminate?: (reason: string, signal: AbortSignal) => Promise<void>;
}

/** What {@link OrderTaker} needs of its instance. */
export interface OrderDesk {
  readonly handlers: OrderHandlers;
  /** Carries out an order about a connection, when no handler does. `answered`: resolves once the server has the answer, or can no longer get it. */
  connection(connection: Connection, answered: () => Promise<void>): Promise<Uint8Array | undefined>;
  /** Brings an answer to the server, as often as it takes. Rejects when that is no longer possible. */
  answer(
    request: AnswerRequest,
    about: { readonly signal: AbortSignal; readonly traceparent: string | undefined },
  ): Promise<void>;
  tracer(): Tracer | undefined;
  /** An order to end the session was answered. */
  terminated(reason: string): void;
  /** Something went wrong that nobody waits for. */
  problem(error: Error): void;
}

/**
 * The orders of one session that want an answer: each is carried out once, and answered as often as it is given.
 *
 * An order that is given again while it is carried out, or while its answer is on its way, is the same order. Answers
 * are remembered within the bounds of {@link LIMITS}, the oldest forgotten first.
 */
export class OrderTaker {
  readonly #running = new Map<string, Promise<void>>();
  readonly #answers = new Map<string, AnswerRequest>();
  #answersBytes = 0;

  readonly #scope: Scope;

  constructor(
    private readonly desk: OrderDesk,
    life: AbortSignal,
  ) {
    this.#scope = new Scope(life);
  }

  /** How many orders are being carried out or answered, and how many answers are remembered. */
  get size(): { readonly running: number; readonly answers: number; readonly answersBytes: number } {
    return { running: this.#running.size, answers: this.#answers.size, answersBytes: this.#answersBytes };
  }

  /** Takes an order. Returns at once; what goes wrong is told to the desk. */
  take(order: Order): void {
    if (this.#running.has(order.orderId)) return;
    if (this.#running.size >= LIMITS.ordersAtOnce) {
      // Not refused: the server gives it again after the next attachment, and perhaps there is room then.
      this.desk.problem(new Error(`order ${order.orderId} is left: ${LIMITS.ordersAtOnce} are being carried out`));
      return;
    }
    this.#running.set(order.orderId, Promise.resolve());
    const served = this.#serve(order)
      .catch((error: unknown) => {
        if (!this.#scope.signal.aborted) this.desk.problem(asError(error));
      })
      .finally(() => this.#running.delete(order.orderId));
    this.#running.set(order.orderId, served);
  }

  /** The session is over: nobody waits for its answers any more. */
  end(reason: unknown): void {
    this.#scope.abort(reason);
  }

  async #serve(order: Order): Promise<void> {
    const remembered = this.#answers.get(order.orderId);
    const { signal } = this.#scope;
    const span = orderSpan(this.desk.tracer(), order);
    const traceparent = span?.traceparent ?? traceOf(order);
    const answer =
      remembered ??
      (await this.#carryOut(order).catch((error: unknown) => {
        // The session is over, and nobody hears of it: the trace does.
        span?.end('CANCELLED');
        throw error;
      }));
    span?.end(answer.code === Reason.UNSPECIFIED ? undefined : (Reason[answer.code] ?? 'UNKNOWN'));
    signal.throwIfAborted();
    if (!remembered) this.#remember(answer);
    try {
      await this.desk.answer(answer, { signal, traceparent });
    } catch (error) {
      // The server no longer waits for it: answered before, or too late. That is as good as answered.
      if (!(error instanceof SwitchyardError) || error.reason !== 'ORDER_NOT_FOUND') throw error;
    }
    if (order.kind?.$case === 'terminateSession') this.desk.terminated(order.kind.value.reason);
  }

  async #carryOut({ orderId, kind }: Order): Promise<AnswerRequest> {
    const answer = { orderId, code: Reason.UNSPECIFIED, description: '', data: Buffer.alloc(0) };
    try {
      switch (kind?.$case) {
        case 'connection': {
          const answered = async () => this.#running.get(orderId);
          const { connection = (order) => this.desk.connection(order, answered) } = this.desk.handlers;
          return { ...answer, data: Buffer.from((await connection(kind.value, this.#scope.signal)) ?? []) };
        }
        case 'terminateSession':
          await this.#tidyUp(kind.value.reason);
          return answer;
        default:
          throw new Refusal('UNIMPLEMENTED', 'this client does not know this order');
      }
    } catch (error) {
      this.#scope.signal.throwIfAborted();
      if (error instanceof Refusal) return { ...answer, code: Reason[error.reason], description: error.message };
      this.desk.problem(asError(error));
      return { ...answer, code: Reason.INTERNAL, description: 'the order could not be carried out' };
    }
  }

  /** A program that cannot tidy up has to end all the same. */
  async #tidyUp(reason: string): Promise<void> {
    try {
      await this.desk.handlers.terminate?.(reason, this.#scope.signal);
    } catch (error) {
      this.desk.problem(asError(error));
    }
  }

  #remember(answer: AnswerRequest): void {
    this.#answers.set(answer.orderId, answer);
    this.#answersBytes += sizeOf(answer);
    for (const [orderId, oldest] of this.#answers) {
      const fits = this.#answers.size <= LIMITS.answersRemembered;
      if (fits && this.#answersBytes <= LIMITS.answersRememberedBytes) break;
      this.#answers.delete(orderId);
      this.#answersBytes -= sizeOf(oldest);
    }
  }
}

function sizeOf(answer: AnswerRequest): number {
  return AnswerRequest.encode(answer).finish().length;
}
