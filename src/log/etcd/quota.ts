import type { Logger } from 'pino';
import type { Room } from '../../journal/journal.js';
import { QUOTA_FILE_FULL, QUOTA_LOW, QUOTA_SCARCE, QUOTA_WARNED } from './limits.js';
import type { StoreStatus } from './store.js';

/** What is assumed of an etcd that does not say its size. */
const UNKNOWN = { bytes: 0, bytesInUse: 0, isAlarmed: false, quotaBytes: undefined };
const UNKNOWN_WORDS =
  'etcd answers Status to its administrator alone, so its size is unknown: there is no warning before it is full, and sessions are opened until then; ' +
  'watch its own metrics, upgrade it to a release that answers other users, or give --etcd-user the role root';

/** How much of etcd's quota is in use, and what an operator was told of it. */
export class Quota {
  readonly #configuredBytes: number;
  readonly #log: Pick<Logger, 'warn' | 'info'>;
  #ratio = 0;
  #fileRatio = 0;
  #isAlarmed = false;
  /** Whether etcd does not say its size. */
  #isUnknown = false;
  #told = '';
  /** What was told last of a size that was known; empty: that there is room. */
  #toldOfSize = '';

  /** `configuredBytes`: what etcd was started with, where it does not say so itself. */
  constructor(configuredBytes: number, log: Pick<Logger, 'warn' | 'info'>) {
    this.#configuredBytes = configuredBytes;
    this.#log = log;
  }

  /** The part of the quota that is in use. Free pages are not, because etcd fills them before its file grows. */
  get ratio(): number {
    return this.#ratio;
  }

  get room(): Room {
    if (this.#isAlarmed || this.#ratio >= QUOTA_SCARCE || (this.#isFileFull && this.#ratio >= QUOTA_LOW))
      return 'scarce';
    return this.#ratio >= QUOTA_LOW ? 'low' : 'enough';
  }

  /** Whether etcd's file can hardly grow. What is free in it may be too scattered for what is to be written. */
  get #isFileFull(): boolean {
    return this.#fileRatio >= QUOTA_FILE_FULL;
  }

  /**
   * Takes in what etcd says of its size, and tells the operator when that has crossed a threshold. Undefined: it does not say. Then there is
   * enough room, so that nothing is refused before etcd itself refuses it.
   */
  measure(status: StoreStatus | undefined): void {
    const wasUnknown = this.#isUnknown;
    this.#isUnknown = status === undefined;
    const { bytes, bytesInUse, isAlarmed, quotaBytes = this.#configuredBytes } = status ?? UNKNOWN;
    this.#ratio = bytesInUse / quotaBytes;
    this.#fileRatio = bytes / quotaBytes;
    this.#isAlarmed = isAlarmed;
    const told = this.#words();
    if (told === this.#told) return;
    this.#told = told;
    const facts = { bytes, bytesInUse, quotaBytes };
    if (this.#isUnknown) {
      this.#log.warn(told);
      return;
    }
    const hadRoom = this.#toldOfSize === '';
    this.#toldOfSize = told;
    if (told !== '') this.#log.warn(facts, told);
    else if (!wasUnknown) this.#log.info(facts, 'etcd has room again');
    else this.#log.info(facts, hadRoom ? 'etcd says its size again' : 'etcd says its size again, and has room again');
  }

  #words(): string {
    if (this.#isUnknown) return UNKNOWN_WORDS;
    if (this.#isAlarmed)
      return 'etcd has raised the alarm NOSPACE and stores nothing: defragment it or raise its quota, then etcdctl alarm disarm';
    if (this.#ratio >= QUOTA_SCARCE)
      return `etcd is nearly full: no session is opened until less than ${QUOTA_SCARCE * 100} % of its quota is in use`;
    if (this.#isFileFull)
      return `etcd's file has more than ${QUOTA_FILE_FULL * 100} % of its quota: defragment it (etcdctl defrag); ${this.#sessionsWords()}`;
    if (this.#ratio >= QUOTA_LOW)
      return `more than ${QUOTA_LOW * 100} % of etcd's quota is in use: the log is trimmed at once`;
    return this.#ratio >= QUOTA_WARNED ? `more than ${QUOTA_WARNED * 100} % of etcd's quota is in use` : '';
  }

  #sessionsWords(): string {
    const bound = `${QUOTA_LOW * 100} % of its quota is in use`;
    return this.room === 'scarce' ? `no session is opened while more than ${bound}` : `less than ${bound}`;
  }
}
