import { Fault, isMonthRefusal } from '../../core/model/fault.js';
import { isNegative } from '../../replica/currency.js';
import type { Pipe } from '../../transport/pipe.js';
import { decodeEvent, type SystemEvent } from '../codec/event.js';
import { Flaw } from '../codec/flaw.js';
import { decodePacket, type Packet } from '../codec/packet.js';
import { type AnswerBody, refusal, type Sent } from './answer.js';
import type { Answers } from './answers.js';
import type { CutCause, SystemBacking } from './backing.js';
import type { Conversation } from './conversation.js';
import type { Flows } from './flows.js';
import { Requests } from './requests.js';
import type { Vigil } from './vigil.js';

/** What a request counts at least, in ms, with what is done for it later. */
const REQUEST_MS = 0.05;

/** Streams of which a connection is remembered to send data that no server knows: blocks that were under way when its sink stopped it. */
const UNKNOWN_MAX = 64;

/** What became of data. */
type Taken = ReturnType<Flows['take']>;

/** What an inbox asks of the connection that it is of. */
export interface InboxReader {
  readonly backing: SystemBacking;
  readonly conversation: Conversation;
  readonly pipe: Pipe;
  readonly vigil: Vigil;
  answersOf(sid: number): Answers;
  /** Whether more may be sent now. */
  hasRoom(): boolean;
  answer(
    packetId: number | undefined,
    body: AnswerBody,
    options?: { readonly streamId?: number; readonly sent?: Sent | undefined },
  ): void;
  /** Hands on what the client says to something that it was asked. */
  answered(packetId: number, body: AnswerBody): void;
  /** Why the connection is to close once all is answered, and no request begins any more; undefined where it is not. */
  leaving(): Fault | undefined;
  close(why: Fault, cause: CutCause): void;
  cut(cause: CutCause): void;
  /** A request that took its time is answered. */
  settled(): void;
  /** The same, and a throw ends this connection and nothing else. */
  guard(part: () => void): () => void;
}

/**
 * Everything that the client says on one connection, taken packet by packet.
 *
 * While its session is being opened, or its answers, requests or data have no room, or its data is for a stream that this server may not
 * know yet, nothing is read: what had been read already waits here, and the client feels the rest.
 */
export class Inbox {
  private readonly requests: Requests;
  private unread: Uint8Array[] = [];
  private unreadBytes = 0;
  private paused = false;
  /** Data waits until this server is as current as the client. */
  private isBehind = false;
  /** Streams that were unknown here when this server was current, the latest last. */
  private readonly unknown = new Set<number>();
  /** Whose turns its requests are done in. */
  private readonly key: string;
  private readonly wake: () => void;

  constructor(private readonly reader: InboxReader) {
    const { backing, conversation, pipe } = reader;
    this.wake = reader.guard(() => {
      this.goOn();
      reader.settled();
    });
    this.key = backing.turns.keyOf({ address: pipe.remote, connection: pipe.connection });
    this.requests = new Requests({
      get backing() {
        return reader.backing;
      },
      conversation,
      answer: (packetId, body, options) => reader.answer(packetId, body, options),
      answersOf: (sid) => reader.answersOf(sid),
      leaving: () => reader.leaving(),
      done: () => {
        this.goOn();
        reader.settled();
      },
    });
  }

  /** Whether the server itself does not read. */
  get isPaused(): boolean {
    return this.paused;
  }

  /** Whether everything that came has been taken and answered. */
  get isIdle(): boolean {
    return this.unread.length === 0 && this.requests.isIdle && !this.isBehind;
  }

  /** A packet came. */
  packet(bytes: Uint8Array): void {
    if (this.isOver) return;
    if (!this.isHeld() && this.unread.length === 0) {
      this.take(bytes);
      this.pauseIfHeld();
      return;
    }
    this.unread.push(bytes.slice());
    this.unreadBytes += bytes.length;
    const { inBytesMax, packetBytesMax } = this.reader.backing.limits;
    if (this.unreadBytes > inBytesMax + packetBytesMax) this.reader.cut('unread');
    // Its turn can have been used up by another connection of its address: then nothing else would wake this one.
    else this.goOn();
  }

  /** There may be room: takes what waited, and reads on. */
  goOn(): void {
    const { pipe } = this.reader;
    while (this.unread.length > 0 && !this.isOver && !this.isHeld()) {
      const bytes = this.unread.shift()!;
      this.unreadBytes -= bytes.length;
      this.take(bytes);
    }
    if (this.isOver) return;
    this.awaitTurn();
    if (this.paused && !this.isHeld()) {
      this.paused = false;
      pipe.resume();
    } else this.pauseIfHeld();
  }

  private get isOver(): boolean {
    return this.reader.conversation.state === 'over';
  }

  private isHeld(): boolean {
    const { backing, conversation } = this.reader;
    if (conversation.state === 'opening' || this.isBehind || !this.reader.hasRoom() || this.requests.isFull)
      return true;
    return conversation.flows?.hasRoom() === false || backing.turns.isBehind(this.key);
  }

  /** Has it go on when its address has its turn, if that is what it waits for. */
  private awaitTurn(): void {
    const { turns } = this.reader.backing;
    if (turns.isBehind(this.key)) turns.mayGoOn(this.key, this.wake);
  }

  /** The connection is over. */
  closed(): void {
    this.unread = [];
    this.unreadBytes = 0;
    this.reader.backing.turns.forget(this.key, this.wake);
  }

  private pauseIfHeld(): void {
    if (this.paused || this.isOver || !this.isHeld()) return;
    this.awaitTurn();
    this.paused = true;
    this.reader.pipe.pause();
  }

  private take(bytes: Uint8Array): void {
    const packet = decodePacket(bytes);
    if (packet instanceof Flaw || packet.event || packet.noise) {
      this.takeCounted(packet);
      return;
    }
    const fromMs = this.reader.backing.clock.nowMs();
    const taken = this.offer(packet);
    if (this.mayBeBehind(packet, taken)) this.offerOnceCurrent(packet, bytes);
    else this.settleData(packet, taken, bytes, fromMs);
  }

  /** What has no room is the first to be taken once there is some. */
  private keepFirst(bytes: Uint8Array): undefined {
    this.unread.unshift(bytes.slice());
    this.unreadBytes += bytes.length;
  }

  private takeCounted(packet: Packet | Flaw): void {
    const { backing, vigil } = this.reader;
    if (!vigil.take()) {
      const { packetsPerSecondMax } = backing.limits;
      this.reader.close(new Fault('RATE_LIMITED', `${packetsPerSecondMax} packets per second are the limit`), 'rate');
    } else if (packet instanceof Flaw) this.reader.answer(undefined, refusal(packet));
    else if (packet.event && !packet.noise) this.takeEvent(packet);
  }

  private offer(packet: Packet): Taken {
    const leaving = this.reader.leaving();
    if (leaving !== undefined) return leaving;
    const { flows } = this.reader.conversation;
    return flows ? flows.take(packet) : new Fault('SESSION_TOKEN_MISSING', 'data needs a session on this connection');
  }

  /** Whether a stream may be as the client knows it, at another server. Each flaw of data is one against its stream's parameters. */
  private mayBeBehind({ streamId }: Packet, taken: Taken): boolean {
    if (this.reader.backing.replica.currency === undefined || this.unknown.has(streamId)) return false;
    if (taken instanceof Flaw) return true;
    return taken instanceof Fault && (isNegative(taken) || taken.reason === 'TOO_LARGE');
  }

  /**
   * Data, and all that comes after it, waits until this server has applied what was acknowledged before; then its answer stands. It counts
   * with what was read already.
   */
  private offerOnceCurrent({ streamId }: Packet, bytes: Uint8Array): void {
    this.isBehind = true;
    const waiting = bytes.slice();
    this.unread.unshift(waiting);
    this.unreadBytes += waiting.length;
    const settle = (late: Fault | undefined) =>
      this.reader.guard(() => {
        this.isBehind = false;
        if (this.isOver) return;
        this.unread.shift();
        this.unreadBytes -= waiting.length;
        const packet = decodePacket(waiting);
        if (packet instanceof Flaw) return;
        const fromMs = this.reader.backing.clock.nowMs();
        const taken = late ?? this.offer(packet);
        if (late === undefined && taken instanceof Fault && taken.reason === 'STREAM_NOT_FOUND') this.forgo(streamId);
        this.settleData(packet, taken, waiting, fromMs);
        this.goOn();
        this.reader.settled();
      })();
    void this.reader.backing.replica.currency?.current().then(settle);
  }

  /** Data for a stream that is nowhere waits for nothing any more. */
  private forgo(streamId: number): void {
    for (const oldest of this.unknown) if (this.unknown.size >= UNKNOWN_MAX) this.unknown.delete(oldest);
    this.unknown.add(streamId);
  }

  /** What a stream has taken its flow control bounds. What is refused counts as any other packet. */
  private settleData(packet: Packet, taken: Taken, bytes: Uint8Array, fromMs: number): undefined {
    const { streamId, packetId } = packet;
    if (taken === 'full') return this.keepFirst(bytes);
    if (taken === 'confirmed' || taken === 'taken') this.reader.answer(packetId, { code: 0 });
    else if (taken !== undefined) this.reader.answer(packetId, refusal(taken), { streamId });
    // Not blocks that were on their way as the connection began to leave.
    const isLate = this.reader.leaving() !== undefined;
    // Nor those on their way as the month was used up, which cost their address its turns.
    if (taken instanceof Fault && isMonthRefusal(taken)) this.charge(fromMs);
    else if (taken !== undefined && taken !== 'taken' && !isLate) this.takeCounted(packet);
  }

  private takeEvent({ streamId, packetId, body }: Packet): void {
    const { backing, conversation } = this.reader;
    const { sid } = conversation;
    const own = sid === undefined ? 0 : (backing.replica.state.sessions.get(sid)?.streamId ?? 0);
    if (streamId !== 0 && streamId !== own) {
      this.reader.answer(packetId, refusal(new Fault('STREAM_NOT_FOUND', `events travel on stream 0 or ${own}`)));
      return;
    }
    const event = decodeEvent(body, 'server');
    if (event instanceof Flaw) this.reader.answer(packetId, refusal(event));
    else if (event.type === 'Answer') {
      // An Answer to nothing is dropped: answering it would be an answer to an answer.
      if (packetId !== undefined) this.reader.answered(packetId, event.body);
    } else if (conversation.state === 'terminating') {
      this.reader.answer(packetId, refusal(new Fault('SESSION_TERMINATED', 'the session is being terminated')));
    } else this.takeRequest(event, packetId, body);
  }

  private takeRequest(event: SystemEvent, packetId: number | undefined, body: Uint8Array): void {
    const fromMs = this.reader.backing.clock.nowMs();
    this.requests.take(event, packetId, body);
    this.charge(fromMs);
  }

  /** Charges its address with what has been done since then. */
  private charge(fromMs: number): void {
    const { turns, clock } = this.reader.backing;
    turns.charge(this.key, Math.max(REQUEST_MS, clock.nowMs() - fromMs));
  }
}
