import type { Stream } from '../core/change.js';
import type { CloseReason } from '../core/command.js';
import { Fault } from '../core/fault.js';
import type { Position } from '../core/position.js';
import type { Pipe, Receiver } from '../transport/pipe.js';
import { type AnswerBody, refusal } from './answer.js';
import type { Answers } from './answers.js';
import type { Backing, CutCause } from './backing.js';
import { ByteWriter } from './bytes.js';
import { decodeEvent, type EventBody, type SystemEvent } from './event.js';
import { Flaw } from './flaw.js';
import { Flows, type OutgoingBlock } from './flows.js';
import { Outbox, type Sender } from './outbox.js';
import { decodePacket, type Packet } from './packet.js';
import { Requests } from './requests.js';
import { writeBlock, writeEvent } from './send.js';
import { Vigil } from './vigil.js';

type WatchBody = NonNullable<EventBody<'Session'>['watch']>;

/** What a peer asks of the door that holds it. */
export interface Host {
  readonly backing: Backing;
  /** This connection is the session's now. */
  entered(peer: Peer, sid: number): void;
  /** What was answered to a session's requests, over whichever connections. */
  answersOf(sid: number): Answers;
  /** So many more bytes (or fewer) are held for packets that are not complete; false: that is too many. */
  holdPartial(bytes: number): boolean;
  left(peer: Peer): void;
}

/** How long a client should wait before it looks for the server again after a drain. */
const DRAIN_RETRY_MS = 1_000;

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
export class Peer implements Receiver, Sender {
  /** Neither has a session nor is opening one. */
  isNew = true;
  /** The session that it is in. */
  sid: number | undefined;
  /** Its session is being terminated by its own wish: nothing more is asked. */
  isTerminating = false;
  /** When the connection began to close; undefined before. */
  private endingMs: number | undefined;
  private outbox: Outbox | undefined;
  private flows: Flows | undefined;
  private stirred = false;
  private readonly requests: Requests;
  private readonly vigil: Vigil;
  /** Packets that were read while nothing could be done with them. */
  private unread: Uint8Array[] = [];
  private unreadBytes = 0;
  private isPaused = false;
  private partialBytes = 0;
  private lastPacketId = 0;
  /** What waits for the client's Answer, by the packet id of what was sent. */
  private readonly asked = new Map<number, (answer: AnswerBody) => void>();
  /** What is to happen once an Answer is delivered, and happens too when it cannot be any more. */
  private readonly undelivered = new Set<() => void>();

  constructor(
    private readonly host: Host,
    private readonly pipe: Pipe,
  ) {
    const { clock, limits } = host.backing;
    this.vigil = new Vigil(clock, limits);
    this.requests = new Requests(
      host.backing,
      this,
      (sid) => host.answersOf(sid),
      () => this.goOn(),
    );
  }

  /** Who is at the other end. */
  get remote(): string {
    return this.pipe.remote;
  }

  /** A packet came. */
  packet(bytes: Uint8Array): void {
    if (this.endingMs !== undefined) return;
    this.vigil.heard();
    if (!this.isHeld() && this.unread.length === 0) {
      this.take(bytes);
      this.pauseIfHeld();
      return;
    }
    this.unread.push(bytes.slice());
    this.unreadBytes += bytes.length;
    const { inBytesMax, packetBytesMax } = this.host.backing.limits;
    if (this.unreadBytes > inBytesMax + packetBytesMax) this.cut('unread');
  }

  garbled(fault: Fault): void {
    this.close(fault, 'frame');
  }

  partial(bytes: number): void {
    const isHeld = this.host.holdPartial(bytes - this.partialBytes);
    this.partialBytes = bytes;
    this.vigil.partial(bytes);
    if (!isHeld) this.cut('partial');
  }

  drained(): void {
    this.goOn();
    this.stir();
  }

  closed(): void {
    this.endingMs ??= this.host.backing.clock.nowMs();
    this.host.holdPartial(-this.partialBytes);
    this.partialBytes = 0;
    this.unread = [];
    this.outbox?.close();
    this.asked.clear();
    for (const delivered of this.undelivered) delivered();
    this.host.left(this);
  }

  /** The connection is the session's from now on. */
  enter(sid: number, watch: WatchBody | undefined, packetId: number | undefined): void {
    if (this.endingMs !== undefined) return;
    const { backing } = this.host;
    this.isNew = false;
    this.sid = sid;
    this.flows = new Flows(backing, sid, () => this.stir());
    this.outbox = new Outbox(backing, this, backing.replica.attachments.open(sid), this.flows);
    this.host.entered(this, sid);
    if (watch !== undefined) this.watch(watch, packetId);
    this.stir();
  }

  /** Begins to watch. */
  watch(watch: WatchBody, packetId: number | undefined): void {
    this.outbox?.watch(watch, packetId);
  }

  /** A stream leads here now. */
  streamPut(stream: Stream): void {
    this.flows?.openSinks(stream);
  }

  /** The session is over, and the connection with it. Whoever did not end it itself is told. */
  sessionClosed(sid: number, reason: CloseReason, position: Position): void {
    const isKnown = this.isTerminating || this.outbox?.isAskedToEnd === true;
    if (!isKnown && this.endingMs === undefined) {
      this.send({ type: 'EndpointClosed', body: { cvid: sid, reason, position } });
    }
    this.end();
  }

  /** Looks whether a bound has been passed by doing nothing. */
  check(nowMs: number): void {
    if (this.endingMs !== undefined) {
      if (nowMs - this.endingMs >= this.host.backing.limits.closingMs) this.cut('closing');
      return;
    }
    const passed = this.vigil.passed(nowMs, { hasSession: this.sid !== undefined, isPaused: this.isPaused });
    if (passed === 'slow') this.cut('slow');
    else if (passed === 'idle') this.close(new Fault('OUT_OF_ORDER', 'nothing was heard for too long'), passed);
    else if (passed === 'handshake') this.close(new Fault('OUT_OF_ORDER', 'no session in time'), passed);
  }

  /** The server goes down: whatever is left to say, and then the end. */
  drain(): void {
    this.outbox?.pump();
    this.close(new Fault('DRAINING', 'the server is draining', [], DRAIN_RETRY_MS));
  }

  /** Closes at once. */
  destroy(): void {
    this.pipe.destroy();
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
      this.goOn();
    });
  }

  send(event: SystemEvent, answered?: (answer: AnswerBody) => void): void {
    writeEvent(writer, event, { packetId: answered && this.ask(answered) });
    this.pipe.write(writer.finish());
  }

  sendBlock({ streamId, block, compressed, confirm }: OutgoingBlock): void {
    const packetId = confirm && this.ask(({ code }) => confirm(code === 0));
    writeBlock(writer, block, streamId, { compressed, packetId });
    this.pipe.write(writer.finish());
  }

  sendFrames(frames: Uint8Array): void {
    this.pipe.write(frames);
  }

  answer(
    packetId: number | undefined,
    body: AnswerBody,
    { streamId = 0, sent }: { readonly streamId?: number; readonly sent?: (() => void) | undefined } = {},
  ): void {
    if (this.endingMs !== undefined) {
      sent?.();
      return;
    }
    writeEvent(writer, { type: 'Answer', body }, { streamId, packetId });
    this.pipe.write(writer.finish(), sent && this.onceDelivered(sent));
  }

  detached(why: Fault): void {
    if (why.reason === 'DRAINING') this.outbox?.drain();
    // The end of a session is told by itself, with its position.
    if (!why.reason.startsWith('SESSION_')) this.close(why);
  }

  /** Tells the client why, and closes. */
  private close(why: Fault, cause?: CutCause): void {
    if (this.endingMs !== undefined) return;
    if (cause !== undefined) this.host.backing.cutOff?.(cause);
    this.answer(undefined, refusal(why));
    this.end();
  }

  private cut(cause: CutCause): void {
    this.endingMs ??= this.host.backing.clock.nowMs();
    this.host.backing.cutOff?.(cause);
    this.pipe.destroy();
  }

  private ask(answered: (answer: AnswerBody) => void): number {
    this.lastPacketId = (this.lastPacketId + 1) >>> 0;
    this.asked.set(this.lastPacketId, answered);
    return this.lastPacketId;
  }

  private take(bytes: Uint8Array): void {
    const packet = decodePacket(bytes);
    const isData = !(packet instanceof Flaw) && !packet.event && !packet.noise;
    if (isData && this.takeData(packet)) return;
    if (!this.vigil.take()) {
      const { packetsPerSecondMax } = this.host.backing.limits;
      this.close(new Fault('RATE_LIMITED', `${packetsPerSecondMax} packets per second are the limit`), 'rate');
    } else if (packet instanceof Flaw) this.answer(undefined, refusal(packet));
    else if (packet.event && !packet.noise) this.takeEvent(packet);
  }

  /** True: a stream has taken it, and its flow control bounds it. What is refused counts as any other packet. */
  private takeData(packet: Packet): boolean {
    const { streamId, packetId } = packet;
    const taken =
      this.flows === undefined
        ? new Fault('SESSION_TOKEN_MISSING', 'data needs a session on this connection')
        : this.flows.take(packet);
    if (taken === 'confirmed') this.answer(packetId, { code: 0 });
    else if (taken !== undefined) this.answer(packetId, refusal(taken), { streamId });
    return taken === undefined;
  }

  private takeEvent({ streamId, packetId, body }: Packet): void {
    const { replica } = this.host.backing;
    const own = this.sid === undefined ? 0 : (replica.state.sessions.get(this.sid)?.streamId ?? 0);
    if (streamId !== 0 && streamId !== own) {
      this.answer(packetId, refusal(new Fault('STREAM_NOT_FOUND', `events travel on stream 0 or ${own}`)));
      return;
    }
    const event = decodeEvent(body, 'server');
    if (event instanceof Flaw) this.answer(packetId, refusal(event));
    else if (event.type === 'Answer') this.takeAnswer(packetId, event.body);
    else if (this.isTerminating) {
      this.answer(packetId, refusal(new Fault('SESSION_TERMINATED', 'the session is being terminated')));
    } else this.requests.take(event, packetId, body);
  }

  /** An Answer to nothing is dropped: answering it would be an answer to an answer. */
  private takeAnswer(packetId: number | undefined, body: AnswerBody): void {
    if (packetId === undefined) return;
    const answered = this.asked.get(packetId);
    this.asked.delete(packetId);
    answered?.(body);
  }

  /** Nothing more is read while the answers, the requests or the data of this client have no room. */
  private isHeld(): boolean {
    return !this.hasRoom() || this.requests.isFull || this.flows?.hasRoom() === false;
  }

  private pauseIfHeld(): void {
    if (this.isPaused || this.endingMs !== undefined || !this.isHeld()) return;
    this.isPaused = true;
    this.pipe.pause();
  }

  /** Takes what was read meanwhile, and reads on. */
  private goOn(): void {
    if (this.endingMs !== undefined) return;
    while (this.unread.length > 0 && !this.isHeld()) {
      const bytes = this.unread.shift()!;
      this.unreadBytes -= bytes.length;
      this.take(bytes);
      if (this.endingMs !== undefined) return;
    }
    if (this.isPaused && !this.isHeld()) {
      this.isPaused = false;
      this.pipe.resume();
    } else this.pauseIfHeld();
  }

  private onceDelivered(call: () => void): () => void {
    const delivered = () => {
      if (this.undelivered.delete(delivered)) call();
    };
    this.undelivered.add(delivered);
    return delivered;
  }
}
