import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.js';

/**
 * The open connections of a server of HTTP/1.1 that does not listen itself, and how they end with it: an answer that is under way
 * arrives whole, or its client sees that it was cut short.
 */
export class HttpConnections {
  readonly #clock: Pick<Clock, 'after'>;
  /** How many requests of each are not answered to the end. */
  readonly #answers = new Map<Socket, number>();
  #isEnding = false;
  #ended: (() => void) | undefined;

  constructor(http: HttpServer | HttpsServer, clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
    http.on(http instanceof HttpsServer ? 'secureConnection' : 'connection', (socket: Socket) => this.#add(socket));
    // First: an answer may be complete when the others have been called.
    http.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#count(socket, 1);
      response.once('close', () => this.#count(socket, -1));
    });
  }

  /**
   * Takes no more of them, closes those that wait for nothing, and the others once they have their answers and have closed, too; what is left after a while
   * is cut off. Resolves when all are closed.
   */
  async end(deadlineMs: number): Promise<void> {
    this.#isEnding = true;
    for (const socket of this.#answers.keys()) this.#endIfIdle(socket);
    if (this.#answers.size > 0 && deadlineMs > 0) {
      await new Promise<void>((resolve) => {
        const late = this.#clock.after(deadlineMs, resolve);
        this.#ended = () => {
          late.cancel();
          resolve();
        };
      });
    }
    for (const socket of this.#answers.keys()) cut(socket);
  }

  #add(socket: Socket): void {
    if (this.#isEnding) {
      socket.destroy();
      return;
    }
    this.#answers.set(socket, 0);
    socket.once('close', () => {
      this.#answers.delete(socket);
      if (this.#answers.size === 0) this.#ended?.();
    });
  }

  #count(socket: Socket, by: 1 | -1): void {
    const answers = this.#answers.get(socket);
    if (answers === undefined) return;
    this.#answers.set(socket, answers + by);
    if (this.#isEnding) this.#endIfIdle(socket);
  }

  /** One that was ended already waits for its client to close: see `lingerOnClose`. */
  #endIfIdle(socket: Socket): void {
    if (this.#answers.get(socket) === 0 && !socket.writableEnded) socket.destroy();
  }
}

/** An ordinary end would be the end of an answer that has no length: a reset is none. TLS shows a cut by the end that it lacks. */
function cut(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
