import type { Clock } from '../../base/clock.js';

/** Of the first round trips: TCP's slow start has less on its way for longer. */
const FIRST_BYTES = 1 << 20;
/** The least: two blocks, one of which is on its way while the other is confirmed. */
const BYTES_MIN = 128 << 10;
/**
 * How long a byte may wait in queues on the way, so as to keep every hop busy. All that passes there waits as long, a keystroke on
 * another stream, too: it is half of the 20 ms that a copy may cost it.
 */
const QUEUE_MS = 10;
/** Round trips that the best rate is of: a single one may have met a pause of any process on the way. So many pass before it shrinks. */
const ROUNDS = 8;
/** After how long the shortest round trip is forgotten, which another network may have made longer: once to twice that. */
const SHORTEST_KEPT_MS = 10_000;

/** The block whose round trip is being measured. */
interface Mark {
  readonly block: number;
  readonly sentMs: number;
  /** Bytes that were confirmed when it was sent. */
  readonly confirmedBytes: number;
}

/**
 * How many bytes of a stream may be on their way, sent and not confirmed: what its sink takes in the shortest round trip and
 * {@link QUEUE_MS}.
 *
 * More would wait in buffers on the way, those of the kernels first of all, which keep no order between streams: whatever is sent on the
 * same connections would stand behind it. A sink that takes 100 MiB/s beside its server fills 4 MiB of these, so that a keystroke took
 * 40 ms more.
 *
 * One block at a time is measured, from its sending to its confirmation. While that takes hardly longer than the shortest, nothing waits,
 * and the window doubles if it was full. Else it is set by the best rate of the last {@link ROUNDS}.
 */
export class FlightWindow {
  /** How much may be on its way. */
  bytes = FIRST_BYTES;
  #mark: Mark | undefined;
  #wasFull = false;
  #rounds = 0;
  #rates: number[] = [];
  /** The shortest round trip since the last change of these two, and that of the time before. */
  #shortestMs = Number.POSITIVE_INFINITY;
  #shortestBeforeMs = Number.POSITIVE_INFINITY;
  #shortestSinceMs: number;

  constructor(
    private readonly clock: Pick<Clock, 'nowMs'>,
    private readonly bytesMax: number,
  ) {
    this.#shortestSinceMs = clock.nowMs();
  }

  /** A block is sent, before which so many bytes were confirmed. */
  sent(block: number, confirmedBytes: number): void {
    this.#mark ??= { block, sentMs: this.clock.nowMs(), confirmedBytes };
  }

  /** The sender waits, as no more may be on its way. */
  filled(): void {
    this.#wasFull = true;
  }

  /** So many blocks, and bytes, are confirmed. */
  confirmed(blocks: number, confirmedBytes: number): void {
    const mark = this.#mark;
    if (mark === undefined || blocks <= mark.block) return;
    this.#mark = undefined;
    const tookMs = Math.max(this.clock.nowMs() - mark.sentMs, 0.01);
    this.#rates = [...this.#rates, (confirmedBytes - mark.confirmedBytes) / tookMs].slice(-ROUNDS);
    this.#rounds += 1;
    this.#adapt(tookMs, this.#shortest(tookMs));
  }

  #adapt(tookMs: number, shortestMs: number): void {
    const wasFull = this.#wasFull;
    this.#wasFull = false;
    if (tookMs < shortestMs + QUEUE_MS / 2) {
      if (wasFull) this.bytes = Math.min(2 * this.bytes, this.bytesMax);
    } else if (this.#rounds >= ROUNDS) {
      const wanted = Math.max(...this.#rates) * (shortestMs + QUEUE_MS);
      this.bytes = Math.min(Math.max(Math.ceil(wanted), BYTES_MIN), this.bytesMax);
    }
  }

  #shortest(tookMs: number): number {
    const nowMs = this.clock.nowMs();
    if (nowMs - this.#shortestSinceMs > SHORTEST_KEPT_MS) {
      this.#shortestBeforeMs = this.#shortestMs;
      this.#shortestMs = Number.POSITIVE_INFINITY;
      this.#shortestSinceMs = nowMs;
    }
    this.#shortestMs = Math.min(this.#shortestMs, tookMs);
    return Math.min(this.#shortestMs, this.#shortestBeforeMs);
  }
}
