import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.js';

/** What is known of one connection. */
interface Exchange {
  /** How many of its requests are not answered to the end. */
  answers: number;
  /** The newest of them. */
  request?: IncomingMessage;
}

/**
 * The open connections of a server of HTTP/1.1 that does not listen itself, and how they end with it: an answer that is under way
 * arrives whole, or its client sees that it was cut short.
 */
export class HttpConnections {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #open = new Map<Socket, Exchange>();
  /** Those of TCP, where TLS is spoken over them: only they can be reset. */
  readonly #below = new Set<Socket>();
  #isEnding = false;
  #ended: (() => void) | undefined;

  constructor(http: HttpServer | HttpsServer, clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
    const isSecure = http instanceof HttpsServer;
    http.on(isSecure ? 'secureConnection' : 'connection', (socket: Socket) => this.#add(socket));
    if (isSecure) http.on('connection', (socket: Socket) => this.#addBelow(socket));
    // First: an answer may be complete when the others have been called.
    http.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      const exchange = this.#open.get(socket);
      if (exchange === undefined) return;
      exchange.request = request;
      exchange.answers += 1;
      response.once('close', () => {
        exchange.answers -= 1;
        if (this.#isEnding) this.#endIfIdle(socket);
      });
    });
  }

  /**
   * Takes no more of them, closes those that wait for nothing, and the others once they have their answers and have closed, too; what is left after a while
   * is cut off. Resolves when all are closed.
   */
  async end(deadlineMs: number): Promise<void> {
    this.#isEnding = true;
    for (const socket of this.#open.keys()) this.#endIfIdle(socket);
    if (this.#open.size > 0 && deadlineMs > 0) {
      await new Promise<void>((resolve) => {
        const late = this.#clock.after(deadlineMs, resolve);
        this.#ended = () => {
          late.cancel();
          resolve();
        };
      });
    }
    this.#cutAll();
  }

  #add(socket: Socket): void {
    if (this.#isEnding) {
      socket.destroy();
      return;
    }
    this.#open.set(socket, { answers: 0 });
    socket.once('close', () => {
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#ended?.();
    });
  }

  #addBelow(socket: Socket): void {
    this.#below.add(socket);
    socket.once('close', () => this.#below.delete(socket));
  }

  /** One that was ended already waits for its client to close: see `lingerOnClose`. So does one whose client still sends. */
  #endIfIdle(socket: Socket): void {
    const exchange = this.#open.get(socket);
    if (exchange?.answers !== 0 || socket.writableEnded) return;
    const isSending = exchange.request?.complete === false;
    if (isSending) socket.destroySoon();
    else socket.destroy();
  }

  /** An ordinary end would be the end of an answer that has no length, and of TLS many clients take it for one: a reset is none. */
  #cutAll(): void {
    for (const socket of this.#below) socket.resetAndDestroy();
    for (const socket of this.#open.keys()) {
      if (socket instanceof TLSSocket) socket.destroy();
      else socket.resetAndDestroy();
    }
  }
}
