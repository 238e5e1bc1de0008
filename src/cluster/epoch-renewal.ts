import type { Logger } from 'pino';
import type { Random } from '../base/clock.js';
import { isFault } from '../core/model/fault.js';
import { JournalError } from '../journal/journal.js';
import type { Replica } from '../replica/replica.js';
import type { LogMemory } from './log-memory.js';

/** As many as are drawn for a new network's. */
const EPOCH_BYTES = 8;

/** What an epoch is renewed with. */
export interface EpochRenewalDeps {
  readonly random: Random;
  readonly logger: Pick<Logger, 'warn'>;
  /** Undefined: the server remembers nothing. */
  readonly memory: LogMemory | undefined;
  /** Whether the operator asks for it. */
  readonly isAsked: boolean;
}

/**
 * Gives the history another name, the epoch, when the log is another one than this server knows, or the operator says so: watchers of the
 * history before get RESET, and take none of the revisions that were given again for those that they know.
 *
 * At the server that leads it comes before every other command, at one that follows once it has caught up. A server can begin to lead while
 * it waits for the leader to take its command: so it can be settled twice at a time, and draws one epoch only, which the second
 * command finds there already.
 */
export class EpochRenewal {
  readonly #deps: EpochRenewalDeps;
  readonly #epoch: string;
  #isSettled = false;
  #isTold = false;

  constructor(deps: EpochRenewalDeps) {
    this.#deps = deps;
    this.#epoch = Buffer.from(deps.random.bytes(EPOCH_BYTES)).toString('base64url');
  }

  /** Rejects with a JournalError when it is needed and was refused. */
  async settle(replica: Replica): Promise<void> {
    if (this.#isSettled) return;
    const why = this.#why(replica);
    if (why !== undefined) {
      const epoch = this.#epoch;
      const { epoch: before, revision } = replica.state;
      const message = `the epoch is renewed, and every watcher gets RESET: ${why}`;
      if (!this.#isTold) this.#deps.logger.warn({ before, epoch, revision }, message);
      this.#isTold = true;
      const outcome = await replica.submit({ kind: 'RenewEpoch', epoch });
      // The next start tries again: until then nothing was stored, or the epoch is there.
      if (isFault(outcome)) throw new JournalError('failed', `the epoch could not be renewed: ${outcome.message}`);
    }
    this.#isSettled = true;
  }

  #why({ state: { epoch, revision } }: Replica): string | undefined {
    // A new network has a new epoch.
    if (revision === 0 || epoch === this.#epoch) return undefined;
    const { memory, isAsked } = this.#deps;
    return isAsked ? 'the option --renew-epoch asks for it' : memory?.differs(epoch);
  }
}
