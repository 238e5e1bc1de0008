import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.js';
import type { AdmissionLimits } from './limits.js';

/** What a connection of HTTP/1.1 is closed with. */
export interface LingeringCloseDeps {
  readonly clock: Pick<Clock, 'after'>;
  readonly limits: Pick<AdmissionLimits, 'lastAnswerMs' | 'lingerMs' | 'lingerBytesMax'>;
}

/**
 * Makes node:http close a connection in two steps (RFC 9112, section 9.6): its answers and the end of them first, and the rest when
 * the client has closed its half. What the client still sends is read and dropped. Both steps have a bound in time: what a client
 * sends meanwhile renews the time that node:http gives a silent connection.
 *
 * node:http closes at once. If the client has sent more than was read, the kernel resets the connection then, drops the part of the
 * answers that has not left, and the client hears them cut short; libuv even reports some such resets as an ordinary end.
 */
export function lingerOnClose(socket: Socket, { clock, limits }: LingeringCloseDeps): void {
  let isClosing = false;
  socket.destroySoon = () => {
    if (isClosing || socket.destroyed) return;
    isClosing = true;
    let bytes = 0;
    // Before the other listeners go: node:http reads by events from its first one on, and not from the handle.
    socket.on('data', ({ length }: Buffer) => {
      bytes += length;
      if (bytes > limits.lingerBytesMax) socket.destroy();
    });
    for (const listener of socket.listeners('data').slice(0, -1)) socket.off('data', listener as () => void);
    socket.resume();
    let late = clock.after(limits.lastAnswerMs, () => socket.destroy());
    socket.once('close', () => late.cancel());
    endThen(socket, () => {
      if (socket.readableEnded) socket.destroy();
      late.cancel();
      late = clock.after(limits.lingerMs, () => socket.destroy());
      socket.once('end', () => socket.destroy());
    });
  };
}

/** Ends what is sent, and calls when the kernel has all of it. */
function endThen(socket: Socket, ended: () => void): void {
  if (socket.writable) socket.end();
  if (socket.writableFinished) ended();
  else socket.once('finish', ended);
}
