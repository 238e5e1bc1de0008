import type { Clock } from '../../base/clock.js';
import type { Holdings } from '../../base/holdings.js';
import type { Charge, SharedBytes } from '../../base/shared-bytes.js';
import { Fault } from '../../core/model/fault.js';
import type { Pipe, Receiver } from '../../transport/pipe.js';
import { ByteWriter } from '../codec/bytes.js';
import type { SystemEvent } from '../codec/event.js';
import { writeBlock, writeEvent } from '../codec/send.js';
import { type AnswerBody, refusal, type Sent } from './answer.js';
import type { Answers } from './answers.js';
import type { CutCause, SystemBacking } from './backing.js';
import { Conversation } from './conversation.js';
import type { OutgoingBlock } from './flows.js';
import { Inbox } from './inbox.js';
import type { OutboxSender } from './outbox.js';
import { PendingAnswers } from './pending-answers.js';
import { Vigil } from './vigil.js';

/** What a peer asks of the door that holds it. */
export interface Host {
  readonly backing: SystemBacking;
  /** The time in which the process looked after its connections: what bounds a client is measured by it. */
  readonly time: Pick<Clock, 'nowMs'>;
  /** This connection is the session's now. */
  entered(peer: SystemPeer, sid: number): void;
  /** It is about another network from now on. False: there is none of that name or number. */
  moveTo(network: string | number): boolean;
  /** It has shown a valid credential. */
  vouch(): void;
  /** What was answered to a session's requests, over whichever connections. */
  answersOf(sid: number): Answers;
  /** Packets that are not complete, on all connections. */
  readonly partials: Holdings<SystemPeer>;
  /** What waits to be sent, on all connections. */
  readonly unsent: Holdings<SystemPeer>;
  /** The part of it that connections share. */
  readonly sharedUnsent: SharedBytes<SystemPeer>;
  /** The same, and a throw ends this connection and nothing else. For what is called in a turn of its own. */
  guard(part: () => void): () => void;
  left(peer: SystemPeer): void;
}

/**
 * How long a connection may still answer that its session has left, where the server goes on: the session gets no orders before the client
 * comes back.
 */
const LEFT_MS = 2_000;

/** One writer for all: what it writes is copied out before anybody else can write. */
const writer = new ByteWriter();

/**
 * A client at the other end of a pipe: what goes in and out on its connection, and when that ends. What is said there, and in
 * which session, is its {@link Conversation}.
 */
export class SystemPeer implements Receiver, OutboxSender {
  readonly conversation: Conversation;
  private stirred = false;
  private readonly pumpGuarded: () => void;
  private readonly inbox: Inbox;
  private readonly vigil: Vigil;
  /** Whether it was cut off, which is counted once. */
  private isCut = false;
  /** The client has said all that it will. */
  private hasEnded = false;
  /** It closes, with this as its last word, once what is under way is answered. */
  private leaving: { readonly why: Fault; readonly untilMs: number } | undefined;
  private partialBytes = 0;
  private readonly pending = new PendingAnswers();
  /** What it has on its way of what connections share. A transport that breaks does not say that it let go of it. */
  private readonly charges = new Set<Charge>();

  constructor(
    private readonly host: Host,
    private readonly pipe: Pipe,
  ) {
    this.vigil = new Vigil(host.time, host.backing.limits);
    this.pumpGuarded = host.guard(() => this.pump());
    this.conversation = new Conversation({
      get backing() {
        return host.backing;
      },
      origin: { address: pipe.remote, connection: pipe.connection },
      certificate: pipe.certificate,
      time: host.time,
      sender: this,
      owner: {
        entered: (sid) => host.entered(this, sid),
        vouch: () => host.vouch(),
        moveTo: (network) => host.moveTo(network),
        end: () => this.end(),
        close: (why) => this.close(why),
      },
    });
    this.inbox = new Inbox({
      get backing() {
        return host.backing;
      },
      conversation: this.conversation,
      pipe,
      vigil: this.vigil,
      answersOf: (sid) => host.answersOf(sid),
      hasRoom: () => this.hasRoom(),
      answer: (packetId, body, options) => this.answer(packetId, body, options),
      answered: (packetId, body) => this.pending.answered(packetId, body),
      leaving: () => this.leaving?.why,
      close: (why, cause) => this.close(why, cause),
      cut: (cause) => this.cut(cause),
      settled: () => this.endIfAnswered(),
      guard: host.guard,
    });
  }

  get remote(): string {
    return this.pipe.remote;
  }

  packet(bytes: Uint8Array): void {
    this.vigil.heard();
    this.inbox.packet(bytes);
  }

  garbled(fault: Fault): void {
    this.close(fault, 'frame');
  }

  partial(bytes: number): void {
    const more = bytes - this.partialBytes;
    this.partialBytes = bytes;
    this.vigil.partial(bytes);
    this.host.partials.add(this, more);
  }

  ended(): void {
    this.hasEnded = true;
    this.endIfAnswered();
  }

  drained(): void {
    this.inbox.goOn();
    this.stir();
    this.endIfAnswered();
  }

  closed(): void {
    this.host.partials.forget(this);
    this.host.unsent.forget(this);
    for (const charge of this.charges) charge.drop();
    this.charges.clear();
    this.conversation.closed();
    this.inbox.closed();
    this.pending.closed();
    this.host.left(this);
  }

  /** Looks whether a bound has been passed by doing nothing. */
  check(nowMs: number): void {
    const { state, sinceMs } = this.conversation;
    const isClosing = state === 'over' || (state === 'terminating' && this.pending.hasUndelivered);
    if (isClosing && nowMs - sinceMs >= this.host.backing.limits.closingMs) this.cut('closing');
    if (this.isOver) return;
    if (this.leaving !== undefined && nowMs >= this.leaving.untilMs) {
      this.giveUp();
      return;
    }
    const { bufferedBytes } = this.pipe;
    const hasSession = this.conversation.sid !== undefined;
    const { isPaused } = this.inbox;
    const isHeld = isPaused && this.hasRoom();
    const passed = this.vigil.passed(nowMs, { hasSession, isPaused, isHeld, bufferedBytes });
    if (passed === 'slow' || passed === 'stalled') this.cut(passed);
    else if (passed === 'idle') this.close(new Fault('OUT_OF_ORDER', 'nothing was heard for too long'), passed);
    else if (passed === 'handshake') this.close(new Fault('OUT_OF_ORDER', 'no session in time'), passed);
  }

  /**
   * The server or its network goes down: requests under way are answered, new ones and data are refused with this, and it is the last that
   * is said.
   */
  drain(fault: Fault): void {
    this.conversation.outbox?.pump();
    this.leave(this.leaving?.why ?? fault, this.host.backing.limits.closingMs);
  }

  /** It was to close once all is answered, and that takes too long: its last word goes out without the answers. */
  giveUp(): void {
    if (this.leaving !== undefined) this.close(this.leaving.why);
  }

  /** Closes at once. */
  destroy(): void {
    this.pipe.destroy();
  }

  /** Closes at once, as it holds the most of something of which all connections together hold too much. */
  expel(cause: 'untaken' | 'partial'): void {
    this.cut(cause);
  }

  /** Closes once everything that was sent is gone. */
  end(): void {
    if (this.conversation.move('end')) this.pipe.end();
  }

  hasRoom(): boolean {
    return !this.isOver && this.pipe.bufferedBytes < this.host.backing.limits.outBytesMax;
  }

  stir(): void {
    if (this.stirred || this.conversation.outbox === undefined) return;
    this.stirred = true;
    this.host.backing.clock.soon(this.pumpGuarded);
  }

  send(event: SystemEvent, answered?: (answer: AnswerBody) => void): void {
    writeEvent(writer, event, { packetId: answered && this.pending.ask(answered) });
    this.write(writer.finish());
  }

  sendBlock({ streamId, block, compressed, confirm }: OutgoingBlock): void {
    const packetId = confirm && this.pending.ask(({ code }) => confirm(code === 0));
    writeBlock(writer, block, streamId, { compressed, packetId });
    this.write(writer.finish());
  }

  sendFrames(frames: Uint8Array): void {
    if (this.pipe.copiesFrames) {
      this.write(frames);
      return;
    }
    const charge = this.host.sharedUnsent.take(this, frames);
    this.charges.add(charge);
    this.pipe.write(frames, () => {
      if (this.charges.delete(charge)) charge.drop();
    });
  }

  answer(
    packetId: number | undefined,
    body: AnswerBody,
    { streamId = 0, sent }: { readonly streamId?: number; readonly sent?: Sent | undefined } = {},
  ): void {
    if (this.isOver) {
      sent?.(false);
      return;
    }
    writeEvent(writer, { type: 'Answer', body }, { streamId, packetId });
    this.write(writer.finish(), sent && this.pending.onceDelivered(sent));
  }

  detached(why: Fault): void {
    if (why.reason === 'DRAINING') {
      this.conversation.outbox?.drain();
      // It is told with every look.
      if (this.leaving === undefined) this.leave(why, LEFT_MS);
    }
    // The end of a session is told by itself, with its position. What is under way is answered on the connection that asks again.
    else if (!why.reason.startsWith('SESSION_')) this.close(why);
  }

  private get isOver(): boolean {
    return this.conversation.state === 'over';
  }

  /** Sends what there is, and goes on reading when that has made room. */
  private pump(): void {
    this.stirred = false;
    if (this.isOver) return;
    this.conversation.outbox?.pump();
    this.inbox.goOn();
    this.endIfAnswered();
  }

  private leave(why: Fault, withinMs: number): void {
    this.leaving = { why, untilMs: this.host.time.nowMs() + withinMs };
    this.conversation.flows?.close();
    // What was read and has not begun is refused now, where it waits for room only.
    this.inbox.goOn();
    this.endIfAnswered();
  }

  /** A client that is to go, or has ended its side as `nc -N` does, gets its answers before the connection is closed. */
  private endIfAnswered(): void {
    if (!this.inbox.isIdle) return;
    if (this.leaving !== undefined) this.close(this.leaving.why);
    else if (this.hasEnded) this.end();
  }

  /** Tells the client why, and closes. */
  private close(why: Fault, cause?: CutCause): void {
    if (this.isOver) return;
    if (cause !== undefined) this.host.backing.cutOff?.(cause, this.pipe.remote);
    this.answer(undefined, refusal(why));
    this.end();
  }

  private cut(cause: CutCause): void {
    if (this.isCut) return;
    this.isCut = true;
    this.conversation.move('end');
    this.host.backing.cutOff?.(cause, this.pipe.remote);
    this.pipe.destroy();
  }

  /** Sends frames of its own, which count until the transport has let them go. */
  private write(frames: Uint8Array, sent?: Sent): void {
    this.pipe.write(frames, () => {
      this.host.unsent.add(this, -frames.length);
      sent?.(true);
    });
    this.host.unsent.add(this, frames.length);
  }
}
