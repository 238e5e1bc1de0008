import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';

/** Frame types of RFC 9113, section 6, and two of the flags. */
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

/** Error codes of RFC 9113, section 7. */
export const NO_ERROR = 0;
export const PROTOCOL_ERROR = 1;
export const INTERNAL_ERROR = 2;
export const FLOW_CONTROL_ERROR = 3;
export const STREAM_CLOSED = 5;
export const FRAME_SIZE_ERROR = 6;
export const CANCEL = 8;
export const COMPRESSION_ERROR = 9;
export const ENHANCE_YOUR_CALM = 11;

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** The setting by that name (RFC 9113, section 6.5.2), and its value where it was not set. */
const INITIAL_WINDOW_SIZE = 4;
const INITIAL_WINDOW_BYTES = 65_535;
const FRAME_BYTES_MAX = 16_384;
/** Whom the certificate of the tests is for. */
export const TLS_NAME = 'switchyard.test';

/**
 * One frame (RFC 9113, section 4.1).
 *
 *     length 3 B | type 1 B | flags 1 B | stream 4 B | payload
 */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HEADERS, and as many CONTINUATION frames as the header block needs. */
export function headers(stream: number, block: Buffer): Buffer {
  const frames = [];
  for (let at = 0; at < block.length; at += FRAME_BYTES_MAX) {
    const isLast = at + FRAME_BYTES_MAX >= block.length;
    const part = block.subarray(at, at + FRAME_BYTES_MAX);
    frames.push(frame(at === 0 ? HEADERS : CONTINUATION, isLast ? END_HEADERS : 0, stream, part));
  }
  return Buffer.concat(frames);
}

/** Numbers, 4 B each, big-endian: the payload of RST_STREAM, WINDOW_UPDATE and such. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, 4 * index);
  });
  return bytes;
}

/** Entries of a SETTINGS frame: identifier 2 B, value 4 B. */
export function settings(entries: readonly (readonly [identifier: number, value: number])[]): Buffer {
  const bytes = Buffer.alloc(6 * entries.length);
  entries.forEach(([identifier, value], index) => {
    bytes.writeUInt16BE(identifier, 6 * index);
    bytes.writeUInt32BE(value, 6 * index + 2);
  });
  return frame(SETTINGS, 0, 0, bytes);
}

/** A header block, every field a literal that is not indexed (RFC 7541, section 6.2.2): no table, no Huffman. */
export function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]);
  return Buffer.concat(parts);
}

/** A string of HPACK: its length in 7 bits and then as many as it takes (RFC 7541, section 5.1). */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** The header fields of a call. */
export function callFields(path: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const pseudo = { ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'abuse' };
  return { ...pseudo, 'content-type': 'application/grpc', te: 'trailers', ...more };
}

/** Every frame of a call to which the client has nothing to add. */
export function call(
  stream: number,
  path: string,
  body: Uint8Array,
  more: Readonly<Record<string, string>> = {},
): Buffer {
  return Buffer.concat([open(stream, path, more), frame(DATA, END_STREAM, stream, body)]);
}

/** The beginning of a call whose messages are yet to come. */
export function open(stream: number, path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return headers(stream, headerBlock(callFields(path, more)));
}

/** The client gives a call up. */
export function reset(stream: number, code = CANCEL): Buffer {
  return frame(RST_STREAM, 0, stream, words(code));
}

/** A gRPC message: flag 1 B, length 4 B, message. `length` lies when it is given. */
export function message(bytes: Uint8Array, compressed = 0, length = bytes.length): Buffer {
  return Buffer.concat([Buffer.from([compressed]), words(length), bytes]);
}

/** The first frames of a client. A `window` other than the usual one is what the server may send on each stream. */
export function preface(window = INITIAL_WINDOW_BYTES): Buffer {
  return Buffer.concat([PREFACE, settings([[INITIAL_WINDOW_SIZE, window]])]);
}

/**
 * A client of HTTP/2 that keeps no rule: it writes the frames that it is given, and counts what comes back.
 *
 * It shares no code with the server's stack, so it can say what that stack's own client would refuse to.
 */
export class RawConnection {
  /** The code of the GOAWAY that came, if one did. */
  goaway: number | undefined;
  /** How many frames of each type came. */
  readonly received = new Map<number, number>();
  /** The streams on which HEADERS came. */
  readonly answered = new Set<number>();
  /** The codes of the RST_STREAM frames that came, by stream. */
  readonly resets = new Map<number, number>();
  readonly closed: Promise<void>;
  isOpen = true;
  /** How many bytes of DATA may still be sent: 0 is the connection, the rest are its streams. */
  private readonly windows = new Map<number, number>();
  private unread: Buffer = Buffer.alloc(0);

  constructor(readonly socket: Socket) {
    socket.on('error', () => {});
    socket.on('data', (bytes) => this.take(bytes));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isOpen = false;
        resolve();
      });
    });
  }

  /** Connects; over TLS when `ca` is given, the certificate of the server. */
  static async dial(address: string, ca?: Uint8Array, localAddress?: string): Promise<RawConnection> {
    const split = address.lastIndexOf(':');
    const [host, port] = [address.slice(0, split), Number(address.slice(split + 1))];
    if (ca === undefined) {
      const socket = connect({ port, host, localAddress });
      await once(socket, 'connect');
      return new RawConnection(socket);
    }
    const servername = TLS_NAME;
    const socket = connectTls({
      socket: connect({ port, host, localAddress }),
      ca: Buffer.from(ca),
      servername,
      ALPNProtocols: ['h2'],
    });
    await once(socket, 'secureConnect');
    return new RawConnection(socket);
  }

  /** Writes, and resolves when there is room for more or the connection is closed. */
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.isOpen || this.socket.destroyed) return;
    if (this.socket.write(bytes)) return;
    await Promise.race([new Promise((resolve) => this.socket.once('drain', resolve)), this.closed]);
  }

  /** Opens a call on a stream, with everything that the client says of it. */
  async call(stream: number, path: string, body: Uint8Array, more: Readonly<Record<string, string>> = {}) {
    await this.write(call(stream, path, body, more));
  }

  /** Sends DATA of a call within the windows that the server opens, as little by little as they are. */
  async send(stream: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && this.isOpen && !this.resets.has(stream); ) {
      const length = Math.min(this.window(0), this.window(stream), FRAME_BYTES_MAX, bytes.length - at);
      if (length <= 0) {
        await this.heard();
        continue;
      }
      this.windows.set(0, this.window(0) - length);
      this.windows.set(stream, this.window(stream) - length);
      await this.write(frame(DATA, 0, stream, bytes.subarray(at, at + length)));
      at += length;
    }
  }

  /** Resolves when something has come, or the connection is closed. */
  async heard(): Promise<void> {
    await Promise.race([new Promise((resolve) => this.socket.once('data', resolve)), this.closed]);
  }

  /** How many frames of a type have come. */
  count(type: number): number {
    return this.received.get(type) ?? 0;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Goes as a machine does that crashes: TCP's RST, or, over TLS, whose sockets have none, the end without a farewell. */
  breakOff(): void {
    if (this.socket instanceof TLSSocket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  private window(stream: number): number {
    return this.windows.get(stream) ?? INITIAL_WINDOW_BYTES;
  }

  private take(bytes: Buffer): void {
    this.unread = this.unread.length === 0 ? bytes : Buffer.concat([this.unread, bytes]);
    for (;;) {
      if (this.unread.length < 9) return;
      const length = this.unread.readUIntBE(0, 3);
      if (this.unread.length < 9 + length) return;
      const type = this.unread[3];
      const payload = this.unread.subarray(9, 9 + length);
      this.received.set(type, this.count(type) + 1);
      if (type === WINDOW_UPDATE) {
        const stream = this.unread.readUInt32BE(5);
        this.windows.set(stream, this.window(stream) + payload.readUInt32BE(0));
      }
      if (type === HEADERS) this.answered.add(this.unread.readUInt32BE(5));
      if (type === GOAWAY) this.goaway = payload.readUInt32BE(4);
      if (type === RST_STREAM) this.resets.set(this.unread.readUInt32BE(5), payload.readUInt32BE(0));
      this.unread = this.unread.subarray(9 + length);
    }
  }
}
