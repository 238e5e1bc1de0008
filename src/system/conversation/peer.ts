import type { Holdings } from '../../base/holdings.js';
import type { Charge, SharedBytes } from '../../base/shared-bytes.js';
import { Fault } from '../../core/model/fault.js';
import type { Position } from '../../core/model/position.js';
import type { CloseReason, Session } from '../../core/model/session.js';
import type { Stream } from '../../core/model/stream.js';
import type { Asker } from '../../replica/gatekeeper.js';
import type { Origin } from '../../shares/origin.js';
import type { Pipe, Receiver } from '../../transport/pipe.js';
import { ByteWriter } from '../codec/bytes.js';
import type { EventBody, SystemEvent } from '../codec/event.js';
import { writeBlock, writeEvent } from '../codec/send.js';
import { closedBody } from '../encode/message.js';
import { type AnswerBody, refusal } from './answer.js';
import type { Answers } from './answers.js';
import type { Backing, CutCause } from './backing.js';
import { Flows, type OutgoingBlock } from './flows.js';
import { Inbox } from './inbox.js';
import { Outbox, type Sender } from './outbox.js';
import { PendingAnswers } from './pending-answers.js';
import type { Sent } from './request.js';
import { Vigil } from './vigil.js';

type WatchBody = NonNullable<EventBody<'Session'>['watch']>;

/** What a peer asks of the door that holds it. */
export interface Host {
  readonly backing: Backing;
  /** This connection is the session's now. */
  entered(peer: Peer, sid: number): void;
  /** It has shown a valid credential. */
  vouch(): void;
  /** What was answered to a session's requests, over whichever connections. */
  answersOf(sid: number): Answers;
  /** Packets that are not complete, on all connections. */
  readonly partials: Holdings<Peer>;
  /** What waits to be sent, on all connections. */
  readonly unsent: Holdings<Peer>;
  /** The part of it that connections share. */
  readonly sharedUnsent: SharedBytes<Peer>;
  left(peer: Peer): void;
}

/** One writer for all: what it writes is copied out before anybody else can write. */
const writer = new ByteWriter();

/**
 * A client at the other end of a pipe, and everything that is known of the conversation with it.
 *
 *     [ new ] -> [ in session ] -> [ over ]
 *
 * While it has a session, its connection is the session's attachment. When the connection breaks, only what is here goes:
 * the session has its grace, and its streams and answers stay.
 */
export class Peer implements Receiver, Sender, Asker {
  /** Neither has a session nor is opening one. */
  isNew = true;
  /** The session that it is in. */
  sid: number | undefined;
  /** The identity that has shown itself on this connection by a proof. */
  private shown: string | undefined;
  /** When the connection began to close; undefined before. */
  private endingMs: number | undefined;
  private outbox: Outbox | undefined;
  /** The conversation ends when its identity may not have a session any more; that is forgotten with this. */
  private letGo: (() => void) | undefined;
  private flows: Flows | undefined;
  private stirred = false;
  private readonly inbox: Inbox;
  private readonly vigil: Vigil;
  private terminatingMs: number | undefined;
  /** Whether it was cut off, which is counted once. */
  private isCut = false;
  /** The client has said all that it will. */
  private hasEnded = false;
  private partialBytes = 0;
  private readonly pending = new PendingAnswers();
  /** What it has on its way of what connections share. A transport that breaks does not say that it let go of it. */
  private readonly charges = new Set<Charge>();

  constructor(
    private readonly host: Host,
    private readonly pipe: Pipe,
  ) {
    const { clock, limits } = host.backing;
    this.vigil = new Vigil(clock, limits);
    this.inbox = new Inbox({
      backing: host.backing,
      peer: this,
      pipe,
      vigil: this.vigil,
      answersOf: (sid) => host.answersOf(sid),
      flows: () => this.flows,
      answered: (packetId, body) => this.pending.answered(packetId, body),
      close: (why, cause) => this.close(why, cause),
      cut: (cause) => this.cut(cause),
      settled: () => this.endIfAnswered(),
    });
  }

  /** Whether it is closing or closed: nothing more is said or taken. */
  get isOver(): boolean {
    return this.endingMs !== undefined;
  }

  /** Its session is being opened, or taken up by a proof: what it says next belongs to that session, and waits for it. */
  get isOpening(): boolean {
    return !this.isNew && this.sid === undefined;
  }

  /** Its session is being terminated by its own wish: nothing more is asked. */
  get isTerminating(): boolean {
    return this.terminatingMs !== undefined;
  }

  get remote(): string {
    return this.pipe.remote;
  }

  /** By what its sessions are counted. */
  get origin(): Origin {
    return { address: this.pipe.remote, connection: this.pipe.connection };
  }

  /** There are no administrators here. */
  get isAdmin(): boolean {
    return false;
  }

  /** Whether an identity has shown itself on this connection. */
  hasShown(uuid: string): boolean {
    return this.shown === uuid;
  }

  /** An identity has shown itself. A connection is of one session, and so of one identity. */
  show(uuid: string): void {
    this.shown = uuid;
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
    this.endingMs ??= this.host.backing.clock.nowMs();
    this.host.partials.forget(this);
    this.host.unsent.forget(this);
    for (const charge of this.charges) charge.drop();
    this.charges.clear();
    this.letGo?.();
    this.outbox?.close();
    this.inbox.closed();
    this.pending.closed();
    this.host.left(this);
  }

  /** The connection is the session's from now on. */
  enter(sid: number, watch: WatchBody | undefined, packetId: number | undefined): void {
    if (this.endingMs !== undefined) return;
    const { backing } = this.host;
    this.isNew = false;
    this.sid = sid;
    backing.shares.attached(sid, this.origin);
    this.flows = new Flows(backing, sid, () => this.stir());
    this.outbox = new Outbox(backing, this, backing.replica.attachments.open(sid), this.flows);
    this.host.entered(this, sid);
    this.letGo = backing.gatekeeper.hold('KeepAlive', this, (fault) => {
      // The end of a session is told by itself, with its position.
      if (backing.replica.state.sessions.has(sid)) this.close(fault);
    });
    if (watch !== undefined) this.watch(watch, packetId);
    this.stir();
  }

  /** The client has shown a valid token. */
  vouch(): void {
    this.host.vouch();
  }

  /** The client wants its session to end: nothing more is asked, and the answer has its time to be delivered. */
  terminating(): void {
    this.terminatingMs = this.host.backing.clock.nowMs();
  }

  /** Its session could not be ended: the client is told so, and may go on. */
  goesOn(): void {
    this.terminatingMs = undefined;
  }

  /** Begins to watch. */
  watch(watch: WatchBody, packetId: number | undefined): void {
    this.outbox?.watch(watch, packetId);
  }

  /** The client wants the data of this branch. */
  openBranch(stream: Stream, id: number): void {
    this.flows?.openSinks(stream, id);
  }

  /** The client wants the data of every stream that leads here, now and later. */
  openAll(): void {
    this.flows?.openAll();
  }

  /** A stream leads here now. */
  streamPut(stream: Stream): void {
    this.flows?.streamPut(stream);
  }

  /** The session is over, and the connection with it. Whoever did not end it itself is told; whoever did is answered first. */
  sessionClosed(session: Session, reason: CloseReason, position: Position): void {
    if (this.isTerminating) return;
    const isKnown = this.outbox?.isAskedToEnd === true;
    if (!isKnown && this.endingMs === undefined) {
      this.send({ type: 'EndpointClosed', body: closedBody(session, reason, position) });
    }
    this.end();
  }

  /** Looks whether a bound has been passed by doing nothing. */
  check(nowMs: number): void {
    const closingMs = this.endingMs ?? (this.pending.hasUndelivered ? this.terminatingMs : undefined);
    if (closingMs !== undefined && nowMs - closingMs >= this.host.backing.limits.closingMs) this.cut('closing');
    if (this.endingMs !== undefined) return;
    const { bufferedBytes } = this.pipe;
    const hasSession = this.sid !== undefined;
    const passed = this.vigil.passed(nowMs, { hasSession, isPaused: this.inbox.isPaused, bufferedBytes });
    if (passed === 'slow' || passed === 'stalled') this.cut(passed);
    else if (passed === 'idle') this.close(new Fault('OUT_OF_ORDER', 'nothing was heard for too long'), passed);
    else if (passed === 'handshake') this.close(new Fault('OUT_OF_ORDER', 'no session in time'), passed);
  }

  /** The server goes down: whatever is left to say, and then the end, with this. */
  drain(fault: Fault): void {
    this.outbox?.pump();
    this.close(fault);
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
    if (this.endingMs !== undefined) return;
    this.endingMs = this.host.backing.clock.nowMs();
    this.pipe.end();
  }

  hasRoom(): boolean {
    return this.endingMs === undefined && this.pipe.bufferedBytes < this.host.backing.limits.outBytesMax;
  }

  stir(): void {
    if (this.stirred || this.outbox === undefined) return;
    this.stirred = true;
    this.host.backing.clock.soon(() => {
      this.stirred = false;
      if (this.endingMs !== undefined) return;
      this.outbox?.pump();
      this.inbox.goOn();
      this.endIfAnswered();
    });
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
    if (this.endingMs !== undefined) {
      sent?.(false);
      return;
    }
    writeEvent(writer, { type: 'Answer', body }, { streamId, packetId });
    this.write(writer.finish(), sent && this.pending.onceDelivered(sent));
  }

  detached(why: Fault): void {
    if (why.reason === 'DRAINING') this.outbox?.drain();
    // The end of a session is told by itself, with its position.
    if (!why.reason.startsWith('SESSION_')) this.close(why);
  }

  /** A client that has ended its side, as `nc -N` does, gets its answers before the connection is closed. */
  private endIfAnswered(): void {
    if (this.hasEnded && this.inbox.isIdle) this.end();
  }

  /** Tells the client why, and closes. */
  private close(why: Fault, cause?: CutCause): void {
    if (this.endingMs !== undefined) return;
    if (cause !== undefined) this.host.backing.cutOff?.(cause, this.pipe.remote);
    this.answer(undefined, refusal(why));
    this.end();
  }

  private cut(cause: CutCause): void {
    if (this.isCut) return;
    this.isCut = true;
    this.endingMs ??= this.host.backing.clock.nowMs();
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
