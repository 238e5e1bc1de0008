import type { Clock, Timer } from '../base/clock.js';
import type { LogView } from '../log/shared-log.js';
import { EPOCHS_REMEMBERED_MAX, REMEMBER_MS } from './limits.js';

/** What a server remembers of a log outside of it. */
export interface Remembered {
  /** The epochs that it has seen, the newest last. */
  readonly epochs: readonly string[];
  /** The last batch that it has applied, and its chain. */
  readonly seq: number;
  readonly chain: Uint8Array;
}

/** Where a server keeps what it remembers, so that a restored etcd does not take it back. */
export interface MemoryStore {
  /** Undefined: nothing is there. Rejects when what is there cannot be used. */
  read(): Promise<Remembered | undefined>;
  /** Puts it in the place of what was there, whole or not at all. */
  write(remembered: Remembered): Promise<void>;
}

/** What a {@link LogMemory} stands on. */
export interface LogMemoryDeps {
  readonly clock: Clock;
  readonly store: MemoryStore;
  /** Reports that it could not be stored. It is tried again. */
  readonly warn: (message: string, error: unknown) => void;
}

/** Where a server stands in a log. */
export interface LogPosition {
  readonly epoch: string;
  readonly seq: number;
  readonly chain: Uint8Array;
}

/**
 * Knows a log again over restarts of the server. etcd cannot say that it was restored from a backup: it has the same identity, and gives the
 * revisions that it lost to other writes. A server that remembers more than the log has, or something else, knows it.
 */
export class LogMemory {
  readonly #deps: LogMemoryDeps;
  #remembered: Remembered | undefined;
  #difference: string | undefined;
  #timer: Timer | undefined;
  #position: (() => LogPosition) | undefined;
  #isFailing = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(deps: LogMemoryDeps) {
    this.#deps = deps;
  }

  /** Compares what is remembered with the log as it stands at a start. `chainAt`: that of a batch that is still there. */
  static async open(
    deps: LogMemoryDeps,
    view: Pick<LogView, 'seq' | 'chain'>,
    chainAt: (seq: number) => Promise<Uint8Array | undefined>,
  ): Promise<LogMemory> {
    const memory = new LogMemory(deps);
    const remembered = await deps.store.read();
    memory.#remembered = remembered;
    if (remembered === undefined) return memory;
    const { seq, chain } = remembered;
    if (seq > view.seq)
      memory.#difference = `the log ends at batch ${view.seq}, and this server had applied batch ${seq}`;
    else {
      const found = seq === view.seq ? view.chain : await chainAt(seq);
      if (found !== undefined && Buffer.compare(found, chain) !== 0) {
        memory.#difference = `batch ${seq} in the log is another one than this server had applied`;
      }
    }
    return memory;
  }

  /** The last batch that this server had applied before its start; 0: it remembers none. */
  get appliedSeq(): number {
    return this.#remembered?.seq ?? 0;
  }

  /**
   * Why the log that is at this epoch now is another one than this server knows, as a backup is; undefined when it is the same. One with
   * an epoch that this server has never seen was renewed since, so that nobody takes it for the one before.
   */
  differs(epoch: string): string | undefined {
    const { epochs = [] } = this.#remembered ?? {};
    if (!epochs.includes(epoch)) return undefined;
    if (this.#difference !== undefined) return this.#difference;
    return epochs.at(-1) === epoch
      ? undefined
      : `the log is at epoch ${epoch}, and this server has seen it at a later one`;
  }

  /** From now on the position is remembered, a second late at most. Not before a difference was dealt with: it would be forgotten. */
  keep(position: () => LogPosition): void {
    this.#position = position;
    this.#plan();
  }

  /** Remembers where the server ends. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#remember();
    // Before the wait: what is under way plans no further time then.
    this.#position = undefined;
    await this.#writing;
  }

  #plan(): void {
    this.#timer = this.#deps.clock.after(REMEMBER_MS, () => {
      this.#remember();
      void this.#writing.then(() => {
        if (this.#position !== undefined) this.#plan();
      });
    });
  }

  #remember(): void {
    const { epoch, seq, chain } = this.#position?.() ?? {};
    if (epoch === undefined || epoch === '' || seq === undefined || chain === undefined) return;
    const { epochs = [], seq: before } = this.#remembered ?? {};
    if (before === seq && epochs.at(-1) === epoch) return;
    const others = epochs.filter((one) => one !== epoch);
    const remembered = { epochs: [...others, epoch].slice(-EPOCHS_REMEMBERED_MAX), seq, chain };
    this.#writing = this.#writing.then(() => this.#write(remembered));
  }

  async #write(remembered: Remembered): Promise<void> {
    try {
      await this.#deps.store.write(remembered);
      this.#remembered = remembered;
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing)
        this.#deps.warn('how far the log was applied could not be stored; it is tried again', error);
      this.#isFailing = true;
    }
  }
}
