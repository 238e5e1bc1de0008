import type { ClusterServer } from './server.js';

/** One question at a time, to a server that may die: whoever waits for a dead one has nothing to wait for, and asks another. */
export class Asked {
  #server: ClusterServer | undefined;

  /** Whether an answer may still come. */
  get isWaiting(): boolean {
    return this.#server?.process.isAlive ?? false;
  }

  /** Asks, unless an answer is waited for. The answer is taken only of a server that lives then. */
  ask<T>(server: ClusterServer, question: () => T | Promise<T>, answered: (answer: T) => void): void {
    if (this.isWaiting) return;
    this.#server = server;
    void Promise.resolve(question()).then((answer) => {
      if (this.#server !== server) return;
      this.#server = undefined;
      if (server.process.isAlive) answered(answer);
    });
  }
}
