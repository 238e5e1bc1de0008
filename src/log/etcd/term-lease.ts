import type { Clock, Timer } from '../../base/clock.js';
import { JournalError } from '../../journal/journal.js';
import { KEEP_ALIVES_PER_TTL, TERM_PART } from './limits.js';
import type { EtcdStore, Lease } from './store.js';

/** The shortest wait: less than that is lost in rounding, and would be waited for again and again. */
const LEAST_MS = 1;

/**
 * Keeps the lease of a leader alive, and says when the term has to be taken for lost: two thirds of the TTL after the last
 * keep-alive that was answered was *sent*, by the monotonic clock. So it comes before etcd lets another process win.
 *
 * Nothing is unsafe when it comes late, as in a process that was stopped: what is appended is fenced.
 */
export class TermLease {
  readonly #store: EtcdStore;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #lease: Lease;
  #aliveUntilMs: number;
  #timer: Timer | undefined;
  #isOver = false;

  /** `grantedMs`: when the lease was asked for. */
  constructor(store: EtcdStore, clock: Clock, lease: Lease, grantedMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#lease = lease;
    this.#aliveUntilMs = grantedMs + lease.ttlMs * TERM_PART;
    this.#plan();
  }

  get id(): bigint {
    return this.#lease.id;
  }

  /** Aborted when the lease is lost, with a JournalError of kind `deposed`. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether the term need not be taken for lost, by the clock, though no timer may have run since it has to be. */
  get stands(): boolean {
    return !this.#isOver && this.#clock.nowMs() < this.#aliveUntilMs;
  }

  /** The key under the lease is not there any more. */
  supersede(error: JournalError): void {
    this.#lose(error);
  }

  /** Keeps it alive no longer, and says nothing more. */
  end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #plan(): void {
    const everyMs = this.#lease.ttlMs / KEEP_ALIVES_PER_TTL;
    const leftMs = this.#aliveUntilMs - this.#clock.nowMs();
    this.#timer = this.#clock.after(Math.max(LEAST_MS, Math.min(everyMs, leftMs)), () => this.#tick());
  }

  #tick(): void {
    if (this.#isOver) return;
    const sentMs = this.#clock.nowMs();
    if (sentMs >= this.#aliveUntilMs) {
      const ttl = `${this.#lease.ttlMs / 1_000} s`;
      this.#lose(new JournalError('deposed', `etcd has not renewed the lease of ${ttl} in time: the term is lost`));
      return;
    }
    this.#store.keepAlive(this.#lease.id).then(
      (isAlive) => {
        if (!isAlive) this.#lose(new JournalError('deposed', 'etcd has let the lease of the term end'));
        else this.#aliveUntilMs = Math.max(this.#aliveUntilMs, sentMs + this.#lease.ttlMs * TERM_PART);
      },
      // The next one is on its way soon; only time decides.
      () => undefined,
    );
    this.#plan();
  }

  #lose(error: JournalError): void {
    if (this.#isOver) return;
    this.end();
    this.#lost.abort(error);
  }
}
