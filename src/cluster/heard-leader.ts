import type { SeenLeader } from '../log/shared-log.js';
import type { DialLeader } from './peers.js';

/** Remembers which leader this process has heard over a link, and whether that link broke since. */
export class HeardLeader {
  #term = 0n;
  #isHeard = false;

  /** Dials as before, and listens. */
  over(dial: DialLeader): DialLeader {
    return (leader, owner) => {
      const link = dial(leader, {
        received: (message) => {
          this.#heard(leader);
          owner.received(message);
        },
        broken: () => {
          this.#lost(leader);
          owner.broken();
        },
      });
      return {
        send: (message) => link.send(message),
        close: () => {
          this.#lost(leader);
          link.close();
        },
      };
    };
  }

  /** Whether that leader was heard over a link in that term, and the link is over. False of one that was never reached. */
  hasLost({ term }: SeenLeader): boolean {
    return term === this.#term && !this.#isHeard;
  }

  #heard({ term }: SeenLeader): void {
    this.#term = term;
    this.#isHeard = true;
  }

  #lost({ term }: SeenLeader): void {
    if (term === this.#term) this.#isHeard = false;
  }
}
