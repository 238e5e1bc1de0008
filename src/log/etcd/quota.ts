import type { Logger } from 'pino';
import type { Room } from '../../journal/journal.js';
import { QUOTA_LOW, QUOTA_SCARCE, QUOTA_WARNED } from './limits.js';
import type { StoreStatus } from './store.js';

/** How much of etcd's quota is in use, and what an operator was told of it. */
export class Quota {
  readonly #configuredBytes: number;
  readonly #log: Pick<Logger, 'warn' | 'info'>;
  #ratio = 0;
  #told = '';

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
    if (this.#ratio >= QUOTA_SCARCE) return 'scarce';
    return this.#ratio >= QUOTA_LOW ? 'low' : 'enough';
  }

  /** Takes in what etcd says of its size, and tells the operator when that has crossed a threshold. */
  measure({ bytes, bytesInUse, quotaBytes = this.#configuredBytes }: StoreStatus): void {
    this.#ratio = bytesInUse / quotaBytes;
    const told = this.#words();
    if (told === this.#told) return;
    this.#told = told;
    const facts = { bytes, bytesInUse, quotaBytes };
    if (told === '') this.#log.info(facts, 'etcd has room again');
    else this.#log.warn(facts, told);
  }

  #words(): string {
    if (this.#ratio >= QUOTA_SCARCE)
      return `etcd is nearly full: no session is opened until less than ${QUOTA_SCARCE * 100} % of its quota is in use`;
    if (this.#ratio >= QUOTA_LOW)
      return `more than ${QUOTA_LOW * 100} % of etcd's quota is in use: the log is trimmed at once`;
    return this.#ratio >= QUOTA_WARNED ? `more than ${QUOTA_WARNED * 100} % of etcd's quota is in use` : '';
  }
}
