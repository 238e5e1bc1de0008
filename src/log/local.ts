import type { Journal } from '../journal/journal.js';
import type { SharedLog, Term } from './shared-log.js';

/**
 * A log of one process: a journal in a folder or in memory, whose only term never ends.
 *
 * The journal is handed through as it is, so that a server on its own folder pays nothing for the port.
 */
export class LocalLog implements SharedLog {
  readonly #open: () => Promise<Journal>;

  constructor(open: () => Promise<Journal>) {
    this.#open = open;
  }

  async lead(): Promise<Term> {
    const journal = await this.#open();
    return {
      number: 1n,
      journal,
      lost: new AbortController().signal,
      stands: () => true,
      figures: {
        seq: 0,
        chain: new Uint8Array(),
        quotaRatio: 0,
        get storeBytes() {
          return journal.size();
        },
        retries: { unclear: 0, full: 0 },
      },
      resign: () => journal.close(),
    };
  }

  async close(): Promise<void> {}
}
