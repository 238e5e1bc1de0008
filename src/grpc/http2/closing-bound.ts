import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';

/** How long a connection that is cut off may take to close: time for a GOAWAY, on a connection with room for it. */
export const CUT_OFF_MS = 500;
/** How long a client may take for its last answers, and to close, after its session was closed in good order. */
export const FAREWELL_MS = 10_000;

/** How long a session may take to close when node:http2 destroys it, which it also does after an orderly close. */
export function closingMs(session: Pick<ServerHttp2Session, 'closed'>): number {
  return session.closed ? FAREWELL_MS : CUT_OFF_MS;
}

/**
 * Destroys a socket that is still open after `closingMs`. Call it when its connection begins to close.
 *
 * node:http2 does not bound this. A destroyed session waits for its pending write before it touches the socket, and over TLS
 * the end of that write is lost when the peer resets the connection; a session that was closed before waits for the peer to
 * close. No more is read from such a socket, so a reset is not noticed: it would stay open for ever, and a drain would wait.
 */
export function boundClosing(clock: Clock, socket: Socket, closingMs: number): void {
  if (socket.closed) return;
  const timer = clock.after(closingMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}
