import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Clock } from '../../base/clock.js';
import { codeOf } from '../../base/errors.js';
import { shortened } from '../operate/explain.js';
import { Failure } from '../surroundings.js';

/*
 * What two ends of the command line say on a connection before its bytes are somebody else's:
 *
 *    caller:  | "SYFW" | version 1 | port 2 B |
 *    peer:    | status 1 B | length 2 B | words |       status 0: connected, 1: not
 *
 * The peer connects to that port of its own machine, and from then on everything is passed through. Port 0 is the peer itself,
 * which says everything back: that is how it is pinged. Releases before 0.2.0 refuse port 0.
 */
const MAGIC = Buffer.from('SYFW\u0001');
const REQUEST_BYTES = MAGIC.length + 2;
const ANSWER_HEAD_BYTES = 3;
const CONNECTED = 0;
const REFUSED = 1;
/** Stands for the peer itself, which says everything back. */
export const ECHO_PORT = 0;
const NOTHING = Buffer.alloc(0);
/** How long the exchange before the data may take. */
const GREETING_MS = 10_000;

/** Asks the peer for one of its ports. Rejects with the peer's message when it refuses. */
export async function requestPort(stream: Duplex, port: number, clock: Clock): Promise<void> {
  const request = Buffer.alloc(REQUEST_BYTES);
  MAGIC.copy(request);
  request.writeUInt16BE(port, MAGIC.length);
  stream.write(request);
  const head = await readExactly(stream, ANSWER_HEAD_BYTES, clock);
  const length = head.readUInt16BE(1);
  const words = length === 0 ? '' : (await readExactly(stream, length, clock)).toString();
  // Quoted and cut, so that it cannot be taken for this program's own message.
  if (head[0] !== CONNECTED) throw new Failure(`the peer says: ${shortened(words)}`);
}

/** Opens the port that the caller asks for, if it may, and copies both directions. Resolves when both have ended. */
export async function servePort(stream: Duplex, mayReach: (port: number) => boolean, clock: Clock): Promise<void> {
  const request = await readExactly(stream, REQUEST_BYTES, clock);
  if (!request.subarray(0, MAGIC.length).equals(MAGIC)) throw new Failure('the peer speaks something else');
  const port = request.readUInt16BE(MAGIC.length);
  if (port === ECHO_PORT) return sayBack(stream);
  if (!mayReach(port)) return refuse(stream, `port ${port} is not open to you`);
  const socket = connect({ host: 'localhost', port, allowHalfOpen: true, noDelay: true });
  try {
    await connected(socket);
  } catch (error) {
    // Not the error's own message: the caller, who is on another machine, would read it.
    const code = codeOf(error);
    return refuse(stream, `port ${port}: ${/^E[A-Z]+$/.test(code ?? '') ? code : 'it cannot be reached'}`);
  }
  stream.write(answer(CONNECTED, ''));
  await join(stream, socket);
}

/**
 * Copies both directions; each ends for itself. Resolves when both are complete.
 *
 * When one side breaks, the other is ended as an error, too: the socket is reset, because a FIN would tell its other end that
 * it has everything.
 */
export async function join(stream: Duplex, socket: Socket): Promise<void> {
  stream.pipe(socket);
  socket.pipe(stream, { end: false });
  socket.once('end', () => endUnlessReset(stream, socket));
  try {
    await Promise.all([finished(stream), finished(socket)]);
  } catch (error) {
    socket.resetAndDestroy();
    stream.destroy(error as Error);
    throw error;
  }
}

/**
 * Ends the stream once its socket has, unless that was a reset: where one arrives together with data, libuv reports an end (in
 * `uv__stream_io`, for a hang-up behind a read that was not full). The system still knows, and says so to the next write.
 * A socket that has ended its own side can ask nothing.
 */
function endUnlessReset(stream: Duplex, socket: Socket): void {
  const end = (error?: Error | null) => {
    if (!error && !socket.errored) stream.end();
  };
  // What waits to be written is tried in this very turn of the event loop.
  if (!socket.writable || socket.writableLength > 0) setImmediate(() => end());
  else socket.write(NOTHING, end);
}

async function sayBack(stream: Duplex): Promise<void> {
  stream.write(answer(CONNECTED, ''));
  stream.pipe(stream);
  await finished(stream);
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });
}

async function refuse(stream: Duplex, words: string): Promise<void> {
  stream.end(answer(REFUSED, words));
  stream.resume();
  await finished(stream);
}

function answer(status: number, words: string): Buffer {
  const bytes = Buffer.from(words);
  const head = Buffer.from([status, bytes.length >> 8, bytes.length & 0xff]);
  return Buffer.concat([head, bytes]);
}

/** Reads exactly so many bytes, and leaves the rest in the stream. */
function readExactly(stream: Duplex, count: number, clock: Clock): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      timer.cancel();
      stream.off('readable', read).off('close', closed).off('error', failed);
      settle();
    };
    const failed = (error: Error) => finish(() => reject(error));
    const closed = () => failed(new Failure('the peer has closed the connection'));
    const read = () => {
      const bytes: Buffer | null = stream.read(count);
      if (bytes?.length === count) finish(() => resolve(bytes));
      else if (stream.readableEnded || bytes !== null) closed();
    };
    const timer = clock.after(GREETING_MS, () => failed(new Failure('the peer says nothing')));
    stream.on('readable', read).on('close', closed).on('error', failed);
    read();
  });
}
