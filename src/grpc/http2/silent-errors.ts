import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../base/clock.js';
import { unsentBytes } from './below-grpc.js';

/** Interval between checks of sessions. */
const LOOK_MS = 1_000;
/** A live session is checked again after twice as long each time, up to this: as often as keepalive asks. */
const PAUSE_MS_MAX = 30_000;

/** Whether this version of node:http2 hides some errors of nghttp2. From Node 22 on it ends such sessions. */
export const HAS_SILENT_ERRORS = Number.parseInt(process.versions.node, 10) < 22;

/** What is known of one session. */
interface Watched {
  readonly socket: Socket;
  readonly end: () => void;
  /** Bytes that it had received when it was last found alive. */
  readBytes: number;
  nextMs: number;
  pauseMs: number;
  /** Bytes that had been written when it was asked to send a PING; undefined while it is not asked. */
  askedBytes: number | undefined;
}

/**
 * Finds sessions that nghttp2 has given up without telling node:http2. On Node 20 this happens after a frame that is too large,
 * or DATA on stream 0: nghttp2 sends GOAWAY and ignores all input, and the connection stays until its keepalive ends it.
 *
 * Such a session sends nothing any more. So a session that has received something is made to send a PING: if the PING is not
 * written although the socket has room, the session is dead.
 */
export class SilentErrors {
  readonly #clock: Clock;
  readonly #sessions = new Map<ServerHttp2Session, Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `end` when the session is found dead, and then not again. */
  watch(session: ServerHttp2Session, socket: Socket, end: () => void): void {
    const nextMs = this.#clock.nowMs() + LOOK_MS;
    this.#sessions.set(session, { socket, end, readBytes: 0, nextMs, pauseMs: LOOK_MS, askedBytes: undefined });
    session.once('close', () => this.#sessions.delete(session));
    this.#timer ??= this.#clock.after(LOOK_MS, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#clock.nowMs();
    for (const [session, watched] of this.#sessions) {
      if (session.destroyed) this.#sessions.delete(session);
      else if (watched.askedBytes !== undefined) this.#judge(session, watched);
      else if (nowMs >= watched.nextMs && watched.socket.bytesRead !== watched.readBytes) ask(session, watched, nowMs);
    }
    this.#timer = this.#sessions.size === 0 ? undefined : this.#clock.after(LOOK_MS, () => this.#look());
  }

  #judge(session: ServerHttp2Session, watched: Watched): void {
    const { socket, askedBytes, end } = watched;
    watched.askedBytes = undefined;
    const isWaiting = socket.bytesWritten === askedBytes && (session.state.outboundQueueSize ?? 0) > 0;
    if (!isWaiting || unsentBytes(socket) > 0) return;
    this.#sessions.delete(session);
    end();
  }
}

function ask(session: ServerHttp2Session, watched: Watched, nowMs: number): void {
  const { socket } = watched;
  watched.readBytes = socket.bytesRead;
  watched.pauseMs = Math.min(2 * watched.pauseMs, PAUSE_MS_MAX);
  watched.nextMs = nowMs + watched.pauseMs;
  // The answer to the PING is received bytes, too, and no reason to ask again.
  const answered = () => {
    watched.readBytes = socket.bytesRead;
  };
  const writtenBytes = socket.bytesWritten;
  if (!session.closed && session.ping(answered)) watched.askedBytes = writtenBytes;
}
