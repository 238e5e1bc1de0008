/*
 * One address that takes as much of a server as it is given: a client of HTTP/2 that writes frames by hand, so that it
 * costs little beside what it asks for, and that makes a new call for each that ends. A connection that is closed to it is
 * replaced.
 *
 *   node --import ./harness/typescript.mjs harness/bench/flood/flooder.ts JSON
 *
 * JSON is a {@link Flood}. It works and rests as orders.ts says, and counts a {@link Flooded}. While it rests it is not connected: calls
 * that wait at the server would be worked off long after.
 */
import { connect, type Socket } from 'node:net';
import * as raw from '../../../test/abuse/tools/raw.js';
import { obey } from './orders.js';

/** What is done. */
export interface Flood {
  readonly port: number;
  /** The address that it comes from. */
  readonly from: string;
  readonly connections: number;
  /** Calls under way on each connection. */
  readonly atOnce: number;
  readonly path: string;
  /** What the calls send, by turns; base64. */
  readonly messages: readonly string[];
  /** A call that does not end by itself is cancelled after so many bytes; 0: with its first. Absent: never. */
  readonly cancelAfterBytes?: number;
}

/** What came of it. */
export interface Flooded {
  readonly calls: number;
  readonly bytes: number;
  /** Connections that the server closed. */
  readonly closed: number;
}

const WINDOW_MAX = 2 ** 31 - 1;
/** The connection's window is opened again when so much of it is used. */
const REFILL_BYTES = 2 ** 29;
/** Between two attempts to connect. */
const AGAIN_MS = 5;
const HEAD_BYTES = 9;
const STREAM_MAX = 2 ** 31 - 1;

const flood = JSON.parse(process.argv[2]) as Flood;
const block = raw.headerBlock(raw.callFields(flood.path));
const messages = flood.messages.map((text) => raw.message(Buffer.from(text, 'base64')));
const flooded = { calls: 0, bytes: 0, closed: 0 };
let turn = 0;
/** Connections; undefined while it rests. */
let sockets: Set<Socket> | undefined;

/** One connection, which keeps as many calls under way as it is to. */
class Flooder {
  private stream = 1;
  private open = 0;
  private window = 65_535;
  private unacknowledged = 0;
  /** Bytes that came on the calls that are going to be cancelled. */
  private readonly taken = new Map<number, number>();
  private readonly head = Buffer.alloc(HEAD_BYTES);
  private headBytes = 0;
  private left = 0;
  private payload: number[] = [];

  constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (bytes) => this.take(bytes));
    socket.write(Buffer.concat([raw.preface(WINDOW_MAX), this.refill(WINDOW_MAX - 65_535)]));
    this.fill();
  }

  private refill(bytes: number): Buffer {
    return raw.frame(raw.WINDOW_UPDATE, 0, 0, raw.words(bytes));
  }

  /** Makes calls until there are enough, or no room to send more. */
  private fill(): void {
    if (this.socket.destroyed || this.socket.writableNeedDrain) return;
    const frames: Buffer[] = [];
    for (; this.open < flood.atOnce && this.stream < STREAM_MAX; this.stream += 2) {
      const message = messages[turn % messages.length];
      if (message.length > this.window) break;
      turn++;
      this.window -= message.length;
      this.open++;
      frames.push(raw.headers(this.stream, block), raw.frame(raw.DATA, raw.END_STREAM, this.stream, message));
      if (flood.cancelAfterBytes !== undefined) this.taken.set(this.stream, 0);
    }
    if (frames.length > 0) this.socket.write(Buffer.concat(frames));
  }

  /** Reads frames; of their payloads only those that are short are looked at. */
  private take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.headBytes < HEAD_BYTES) {
        const count = Math.min(HEAD_BYTES - this.headBytes, bytes.length - at);
        bytes.copy(this.head, this.headBytes, at, at + count);
        this.headBytes += count;
        at += count;
        if (this.headBytes < HEAD_BYTES) return;
        this.left = this.head.readUIntBE(0, 3);
        this.payload = [];
      }
      const count = Math.min(this.left, bytes.length - at);
      if (this.head[3] !== raw.DATA && this.head[3] !== raw.HEADERS) {
        this.payload.push(...bytes.subarray(at, at + Math.min(count, 64)));
      }
      at += count;
      this.left -= count;
      if (this.left > 0) return;
      this.headBytes = 0;
      this.came(this.head[3], this.head[4], this.head.readUInt32BE(5), this.head.readUIntBE(0, 3));
    }
    this.fill();
  }

  private came(type: number, flags: number, stream: number, length: number): void {
    const payload = Buffer.from(this.payload);
    if (type === raw.DATA) this.data(stream, length);
    if (type === raw.HEADERS && (flags & raw.END_STREAM) !== 0) this.ended(stream);
    if (type === raw.RST_STREAM) this.ended(stream);
    if (type === raw.WINDOW_UPDATE && stream === 0) this.window += payload.readUInt32BE(0);
    if (type === raw.PING && (flags & raw.ACK) === 0) this.socket.write(raw.frame(raw.PING, raw.ACK, 0, payload));
    if (type === raw.SETTINGS && (flags & raw.ACK) === 0) this.socket.write(raw.frame(raw.SETTINGS, raw.ACK, 0));
  }

  private data(stream: number, length: number): void {
    flooded.bytes += length;
    this.unacknowledged += length;
    if (this.unacknowledged > REFILL_BYTES) {
      this.socket.write(this.refill(this.unacknowledged));
      this.unacknowledged = 0;
    }
    const before = this.taken.get(stream);
    if (before === undefined) return;
    this.taken.set(stream, before + length);
    if (before + length <= flood.cancelAfterBytes!) return;
    this.socket.write(raw.frame(raw.RST_STREAM, 0, stream, raw.words(raw.CANCEL)));
    this.ended(stream);
  }

  private ended(stream: number): void {
    if (flood.cancelAfterBytes !== undefined && !this.taken.delete(stream)) return;
    flooded.calls++;
    this.open--;
  }
}

function dial(current: Set<Socket>): void {
  const socket = connect({ port: flood.port, host: '127.0.0.1', localAddress: flood.from });
  current.add(socket);
  socket.once('connect', () => new Flooder(socket));
  socket.on('error', () => {});
  socket.once('close', () => {
    current.delete(socket);
    if (current !== sockets) return;
    flooded.closed++;
    setTimeout(() => current === sockets && dial(current), AGAIN_MS);
  });
}

obey({
  go() {
    const current = new Set<Socket>();
    sockets = current;
    for (let at = 0; at < flood.connections; at++) dial(current);
  },
  rest() {
    const current = sockets;
    sockets = undefined;
    for (const socket of current ?? []) socket.destroy();
    return flooded satisfies Flooded;
  },
});
