import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import { JournalError } from '../journal/journal.js';
import type { FollowedLog, Term } from '../log/shared-log.js';
import { CAMPAIGN_AGAIN_MS } from './limits.js';

/** What a {@link Campaign} stands on. */
export interface CampaignDeps {
  readonly clock: Clock;
  readonly log: Pick<FollowedLog, 'lead'>;
  readonly logger: Pick<Logger, 'warn'>;
  /** Called once, with the term that was won. */
  readonly won: (term: Term) => void;
  /** Called when this server can never lead. */
  readonly failed: (error: unknown) => void;
}

/** Tries to win a term for a server, again and again until it does or is told to stop. */
export class Campaign {
  readonly #deps: CampaignDeps;
  readonly #stopping = new AbortController();
  #hasBegun = false;

  constructor(deps: CampaignDeps) {
    this.#deps = deps;
  }

  /** Begins, if it has not. */
  begin(): void {
    if (!this.#hasBegun) void this.#run();
    this.#hasBegun = true;
  }

  /** Wins nothing any more: a term that comes all the same is given back. */
  stop(): void {
    this.#stopping.abort();
  }

  async #run(): Promise<void> {
    const { log, logger, clock, won, failed } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const term = await log.lead(signal);
        if (signal.aborted) await term.resign();
        else won(term);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof JournalError && error.kind === 'version') {
          failed(error);
          return;
        }
        logger.warn({ err: error }, 'this server cannot be the next to lead now; it tries again');
        await new Promise<void>((resolve) => clock.after(CAMPAIGN_AGAIN_MS, resolve));
      }
    }
  }
}
