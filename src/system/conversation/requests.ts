import { Fault } from '../../core/model/fault.js';
import { answerCurrently } from '../../replica/currency.js';
import type { SystemEvent } from '../codec/event.js';
import { type AnswerBody, refusal, type Sent, success } from './answer.js';
import type { Answers } from './answers.js';
import type { SystemBacking } from './backing.js';
import type { Conversation } from './conversation.js';
import { handle, isRemembered } from './handlers.js';
import { routeRequest } from './network-routing.js';
import type { Reply, RequestOutcome } from './request.js';

type Tell = (answer: AnswerBody, sent?: Sent) => void;

/** What the requests of one connection stand on. */
export interface RequestsDeps {
  readonly backing: SystemBacking;
  readonly conversation: Conversation;
  /** Sends an Answer. */
  answer(packetId: number | undefined, body: AnswerBody, options: { readonly sent?: Sent | undefined }): void;
  /** What was answered to a session's requests, over whichever connections. */
  answersOf(sid: number): Answers;
  /** Why no request begins any more; undefined where they do. */
  leaving(): Fault | undefined;
  /** A request that took its time is done. */
  done(): void;
}

/** The requests of one connection: each is done once and answered, in whatever order they are done. */
export class Requests {
  private working = 0;

  private readonly deps: RequestsDeps;

  constructor(deps: RequestsDeps) {
    this.deps = deps;
  }

  /** Whether none is being worked on. */
  get isIdle(): boolean {
    return this.working === 0;
  }

  /** Whether as many are being worked on as may. */
  get isFull(): boolean {
    return this.working >= this.deps.backing.limits.requestsMax;
  }

  /** Does what is asked; or answers again, when it was asked before with this packet id. */
  take(event: SystemEvent, packetId: number | undefined, bytes: Uint8Array): void {
    const { sid } = this.deps.conversation;
    const tell: Tell = (answer, sent) => this.deps.answer(packetId, answer, { sent });
    const isKept = sid !== undefined && packetId !== undefined && isRemembered(event.type);
    const answers = isKept ? this.deps.answersOf(sid) : undefined;
    const leaving = this.deps.leaving();
    if (leaving !== undefined && !(isKept && answers?.knows(packetId))) {
      // Not remembered: it was not begun, so it may be asked again with this packet id.
      this.note(event, leaving, this.deps.backing.clock.nowMs());
      tell(refusal(leaving));
      return;
    }
    if (!isKept || answers === undefined) {
      this.work(event, packetId, tell);
      return;
    }
    const begun = answers.begin(packetId, bytes, tell);
    if (begun === 'new') this.work(event, packetId, (answer, sent) => answers.settle(packetId, answer, sent));
    else if (begun === 'other') {
      tell(refusal(new Fault('OUT_OF_ORDER', `packet id ${packetId} was that of another request not long ago`)));
    }
  }

  private work(event: SystemEvent, packetId: number | undefined, tell: Tell): void {
    this.working++;
    const fromMs = this.deps.backing.clock.nowMs();
    const settle = (outcome: RequestOutcome<never>) => {
      this.working--;
      const answer = outcome instanceof Fault ? outcome : this.encode(event, outcome);
      this.note(event, answer, fromMs);
      if (answer instanceof Fault) return tell(refusal(answer));
      const { delivered, after } = outcome as Reply<never>;
      tell(answer, delivered);
      after?.();
    };
    const outcome = this.handleCurrently(event, packetId);
    if (!(outcome instanceof Promise)) settle(outcome);
    else {
      outcome
        .catch((error) => this.internal(event, error))
        .then(settle)
        .then(() => this.deps.done());
    }
  }

  private handleCurrently(
    event: SystemEvent,
    packetId: number | undefined,
  ): RequestOutcome<never> | Promise<RequestOutcome<never>> {
    const { currency, state } = this.deps.backing.replica;
    if (currency === undefined) return this.handle(event, packetId);
    const { sid } = this.deps.conversation;
    const { body } = event;
    const isOnce = ('proof' in body && body.proof !== undefined) || 'oldProof' in body;
    const wanted = { isOfSession: sid !== undefined || event.type === 'KeepAlive', isOnce };
    return answerCurrently({ currency, state }, wanted, () => this.handle(event, packetId));
  }

  private handle(
    event: SystemEvent,
    packetId: number | undefined,
  ): RequestOutcome<never> | Promise<RequestOutcome<never>> {
    try {
      const { conversation } = this.deps;
      const refused = routeRequest(event, conversation, this.deps.backing);
      if (refused !== undefined) return refused;
      // Of the network that it is about now.
      const { backing } = this.deps;
      return handle(event, { backing, packetId }, conversation);
    } catch (error) {
      return this.internal(event, error);
    }
  }

  /** The Answer to a success. Where it cannot be encoded the client never hears of what was done, which is undone. */
  private encode(event: SystemEvent, { data, delivered }: Reply<never>): AnswerBody | Fault {
    try {
      return success(event.type, data as never);
    } catch (error) {
      delivered?.(false);
      return this.internal(event, error);
    }
  }

  /** Logs what was refused and, at level debug, every request. */
  private note(event: SystemEvent, answer: AnswerBody | Fault, fromMs: number): void {
    const { type } = event;
    const { log, clock, refused } = this.deps.backing;
    const { origin, sid } = this.deps.conversation;
    const reason = answer instanceof Fault ? answer.reason : undefined;
    if (answer instanceof Fault) refused?.(answer, type, origin);
    this.audit(event, answer);
    if (!log.isLevelEnabled('debug')) return;
    log.debug({ method: type, sid, address: origin.address, reason, ms: clock.nowMs() - fromMs }, 'a request');
  }

  /** Tells the audit log of a key that was bound or replaced, and of who was refused. */
  private audit({ type, body }: SystemEvent, answer: AnswerBody | Fault): void {
    const { audit, gatekeeper } = this.deps.backing;
    if (audit === undefined) return;
    const act = {
      who: gatekeeper.nameOf(this.deps.conversation),
      from: this.deps.conversation.origin.address,
      what: type,
    };
    if (answer instanceof Fault) audit.refused(act, answer.reason);
    else if (type === 'Enroll') audit.done({ ...act, on: `identity ${body.proof.identityUuid}` });
    else if (type === 'RotateKey') audit.done({ ...act, on: `identity ${body.oldProof.identityUuid}` });
  }

  /** A fault of ours. The client gets an id, and the log gets the rest under it. */
  private internal(event: SystemEvent, error: unknown): Fault {
    const { random, log } = this.deps.backing;
    const fault = Buffer.from(random.bytes(4)).toString('hex');
    log.error({ fault, event: event.type, err: error }, 'a request failed');
    return new Fault('INTERNAL', `fault ${fault}`);
  }
}
