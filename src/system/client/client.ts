import { REASONS } from '../../core/model/fault.js';
import { decodeBody, encodeBody } from '../codec/body.js';
import { ByteWriter } from '../codec/bytes.js';
import { type AnswerData, decodeEvent, EVENTS, type EventBody, encodeEvent, type SystemEvent } from '../codec/event.js';
import type { Body, Fields, Table } from '../codec/field.js';
import { Flaw } from '../codec/flaw.js';
import { decodePacket, encodePacketHeader, type Packet } from '../codec/packet.js';
import { SystemError } from './error.js';
import { inflate } from './inflate.js';
import type { LinkListener, SystemLink } from './link.js';

/** What a client asks. */
export type RequestName =
  | 'EnumerateTransport'
  | 'Session'
  | 'KeepAlive'
  | 'Challenge'
  | 'Enroll'
  | 'RotateKey'
  | 'CreateStream'
  | 'UpdateStreamParams'
  | 'TerminateStream'
  | 'StopStream'
  | 'Open'
  | 'DirectConnection'
  | 'TerminateSession';

/** What the server tells by itself. */
export interface Listeners {
  networkDelta(delta: EventBody<'NetworkDelta'>): void;
  endpointClosed(closed: EventBody<'EndpointClosed'>): void;
  streamStopped(stopped: EventBody<'StreamStopped'>): void;
  /** A block of one of this session's sinks, once it has asked for their data with `Open`. Where the stream asks for confirmation, it is given when this resolves. */
  block(branchId: number, block: Uint8Array): void | Promise<void>;
  /** The order to establish a connection. Without this listener it is refused. */
  connection(order: EventBody<'Connection'>): AnswerData<'Connection'> | Promise<AnswerData<'Connection'>>;
  /** The server ends the session: it is answered, and the connection closes. */
  terminated(reason: string): void;
}

/** The largest packet that is taken from a server: a block of the largest stream with its header. */
const PACKET_BYTES_MAX = 1_048_576 + 9;
const BLOCK_BYTES_MAX = 1_048_576;

/**
 * A connection of system events, over whatever the platform has: requests are asked and answered, and what the server says by
 * itself goes to the listeners. Each platform's `SystemClient` adds how it connects.
 *
 * One object is one connection, and comes back by nobody but its owner: who reconnects makes a new one, goes on with
 * `KeepAlive {sessionToken}`, and asks again what was not answered, with the same packet ids.
 */
export class BaseClient {
  /** Resolves when the connection is over: with why, where the server said so. Never rejects. */
  readonly closed: Promise<SystemError | undefined>;
  private readonly listeners: Partial<Listeners>;
  private readonly writer = new ByteWriter();
  private readonly asked = new Map<number, (answer: EventBody<'Answer'> | SystemError) => void>();
  private link!: SystemLink;
  private lastPacketId = 0;
  private farewell: SystemError | undefined;
  private over: SystemError | undefined;
  private end!: (why: SystemError | undefined) => void;
  /** Blocks are handed over one after another, also when one has to be inflated first. */
  private blocks: Promise<void> = Promise.resolve();

  protected constructor(listeners: Partial<Listeners>) {
    this.listeners = listeners;
    this.closed = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  /** Takes the way to the server that `connect` makes. Resolves when packets can be sent. */
  protected async open(
    connect: (listener: LinkListener, packetBytesMax: number) => Promise<SystemLink>,
  ): Promise<void> {
    const listener = {
      packet: (bytes: Uint8Array) => this.take(bytes),
      closed: (error?: Error) => this.lose(error),
    };
    this.link = await connect(listener, PACKET_BYTES_MAX);
  }

  /**
   * Asks, and resolves with what the server answered. Rejects with a {@link SystemError}; with a RangeError that names the field
   * when the body cannot be encoded, and then nothing was sent.
   *
   * `packetId` is given only to ask again what was asked over an earlier connection.
   */
  ask<N extends RequestName>(type: N, body: EventBody<N>, packetId = this.nextPacketId()): Promise<AnswerData<N>> {
    return new Promise((resolve, reject) => {
      if (this.over !== undefined) return reject(this.over);
      this.asked.set(packetId, (answer) => {
        if (answer instanceof SystemError) reject(answer);
        else if (answer.code !== 0) reject(SystemError.of(answer));
        else resolve(dataOf(type, answer));
      });
      try {
        this.sendEvent({ type, body } as SystemEvent, packetId);
      } catch (error) {
        // What cannot be encoded was not sent, so nobody answers it.
        this.asked.delete(packetId);
        throw error;
      }
    });
  }

  /** Sends a block of data. With `confirm`, resolves when every sink has confirmed it; else at once. */
  async sendBlock(streamId: number, block: Uint8Array, { confirm = false } = {}): Promise<void> {
    if (this.over !== undefined) throw this.over;
    const packetId = confirm ? this.nextPacketId() : undefined;
    const { writer } = this;
    writer.whole(() => {
      encodePacketHeader(writer, { streamId, event: false, compressed: false, noise: false, packetId });
      writer.bytes(block);
    });
    const confirmed =
      packetId === undefined
        ? undefined
        : new Promise<EventBody<'Answer'> | SystemError>((resolve) => this.asked.set(packetId, resolve));
    this.link.send(writer.finish());
    const answer = await confirmed;
    if (answer instanceof SystemError) throw answer;
    if (answer !== undefined && answer.code !== 0) throw SystemError.of(answer);
  }

  /**
   * Takes nothing more from the server until {@link resume}: what it tells and answers waits there, within its bounds. What was
   * read already still comes. In a browser it does nothing, because no WebSocket there can be paused.
   */
  pause(): void {
    this.link.pause();
  }

  /** Takes again what the server tells. */
  resume(): void {
    this.link.resume();
  }

  /** Closes the connection. The session has its grace. */
  close(): void {
    this.link.close();
  }

  /** A packet id that was not used on this connection. */
  nextPacketId(): number {
    this.lastPacketId = (this.lastPacketId + 1) >>> 0;
    return this.lastPacketId;
  }

  private take(bytes: Uint8Array): void {
    const packet = decodePacket(bytes);
    if (packet instanceof Flaw) {
      this.fail(packet);
      return;
    }
    if (packet.noise) return;
    if (!packet.event) {
      this.blocks = this.blocks.then(() => this.takeBlock(packet));
      return;
    }
    const event = decodeEvent(packet.body, 'client');
    if (!(event instanceof Flaw)) this.takeEvent(event, packet.packetId);
    else if (packet.packetId !== undefined) this.refuse(packet.packetId, REASONS[event.reason], event.description);
  }

  private takeEvent(event: SystemEvent, packetId: number | undefined): void {
    const { listeners } = this;
    if (event.type === 'Answer') this.takeAnswer(event.body, packetId);
    else if (event.type === 'NetworkDelta') listeners.networkDelta?.(event.body);
    else if (event.type === 'EndpointClosed') listeners.endpointClosed?.(event.body);
    else if (event.type === 'StreamStopped') listeners.streamStopped?.(event.body);
    else if (event.type === 'Connection') void this.connect(event.body, packetId);
    else if (event.type === 'TerminateSession') {
      const { reason = '' } = event.body;
      this.farewell = new SystemError('SESSION_TERMINATED', reason);
      this.sendEvent({ type: 'Answer', body: { code: 0 } }, packetId);
      listeners.terminated?.(reason);
    }
  }

  /** An Answer to nothing tells of the connection, which the server then closes; or that a watch has ended. */
  private takeAnswer(answer: EventBody<'Answer'>, packetId: number | undefined): void {
    const settle = packetId === undefined ? undefined : this.asked.get(packetId);
    if (packetId !== undefined) this.asked.delete(packetId);
    if (settle !== undefined) settle(answer);
    else if (answer.code !== 0) this.farewell = SystemError.of(answer);
  }

  private async takeBlock({ streamId, packetId, compressed, body }: Packet): Promise<void> {
    try {
      const block = compressed ? await inflate(body, BLOCK_BYTES_MAX) : body;
      await this.listeners.block?.(streamId, block);
      if (packetId !== undefined) this.sendEvent({ type: 'Answer', body: { code: 0 } }, packetId);
    } catch (error) {
      if (packetId !== undefined) this.refuse(packetId, REASONS.FIELD_INVALID, String(error));
    }
  }

  private async connect(order: EventBody<'Connection'>, packetId: number | undefined): Promise<void> {
    if (packetId === undefined) return;
    const { connection } = this.listeners;
    try {
      if (connection === undefined) throw new Error('connections are not taken here');
      const writer = new ByteWriter();
      const table = EVENTS.Connection.answerTable as unknown as Table;
      encodeBody(table, writer, (await connection(order)) as Body<Fields>);
      this.sendEvent({ type: 'Answer', body: { code: 0, data: writer.finish() } }, packetId);
    } catch (error) {
      this.refuse(packetId, REASONS.PEER_REFUSED, (error as Error).message);
    }
  }

  private refuse(packetId: number, code: number, description: string): void {
    this.sendEvent({ type: 'Answer', body: { code, description } }, packetId);
  }

  private sendEvent(event: SystemEvent, packetId: number | undefined): void {
    if (this.over !== undefined) return;
    const header = { streamId: 0, event: true, compressed: false, noise: false, packetId };
    const { writer } = this;
    writer.whole(() => {
      encodePacketHeader(writer, header);
      encodeEvent(writer, event);
    });
    this.link.send(writer.finish());
  }

  private fail(flaw: Flaw): void {
    this.farewell ??= new SystemError(flaw.reason, flaw.description);
    this.link.close();
  }

  private lose(error: Error | undefined): void {
    this.over = this.farewell ?? new SystemError(undefined, error?.message ?? 'the connection is closed');
    const asked = [...this.asked.values()];
    this.asked.clear();
    for (const settle of asked) settle(this.over);
    this.end(this.farewell ?? (error && this.over));
  }
}

function dataOf<N extends RequestName>(type: N, { data }: EventBody<'Answer'>): AnswerData<N> {
  const decoded = decodeBody(EVENTS[type].answerTable as unknown as Table, data ?? Uint8Array.of(0));
  if (decoded instanceof Flaw) throw new SystemError(decoded.reason, decoded.description);
  return decoded as AnswerData<N>;
}
