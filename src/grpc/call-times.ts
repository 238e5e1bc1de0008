import { status } from '@grpc/grpc-js';

/** Upper bounds of the buckets, in seconds: from a call that is answered from memory to an order that waits for its peer. */
export const CALL_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

/** gRPC's status codes: 0 to 16. */
const CODES = 17;
/** In the slots of one code: the buckets, one for what took longer, and the sum of the seconds. */
const SUM = CALL_BUCKETS.length + 1;
const STRIDE = SUM + 1;

/** What was counted of one method and status. */
export interface CallCount {
  readonly service: string;
  readonly method: string;
  readonly code: string;
  readonly isUnary: boolean;
  /** Calls that ended. */
  readonly count: number;
  /** How long they took in all. */
  readonly seconds: number;
  /** Calls by the bucket that they fell into, not cumulative; the last one holds what took longer than all bounds. */
  readonly buckets: Float64Array;
}

interface Row {
  readonly service: string;
  readonly method: string;
  readonly isUnary: boolean;
  readonly slots: Float64Array;
}

/**
 * Counts calls by method and status, with the time that they took. Every slot is there from the start, so counting a call
 * allocates nothing and looks nothing up but its method.
 */
export class CallTimes {
  readonly #rows = new Map<string, Row>();

  /** Prepares the slots of a method: `/package.Service/Method`. */
  add(path: string, isUnary: boolean): void {
    const [service, method] = path.split('/').slice(-2);
    const row = { service: service.split('.').at(-1)!, method, isUnary, slots: new Float64Array(CODES * STRIDE) };
    this.#rows.set(path, row);
  }

  /** Counts a call that is over. Methods that were not added are not counted. */
  record(path: string, code: number, tookMs: number): void {
    const slots = this.#rows.get(path)?.slots;
    if (slots === undefined || code < 0 || code >= CODES) return;
    const seconds = tookMs / 1_000;
    let bucket = 0;
    while (bucket < CALL_BUCKETS.length && seconds > CALL_BUCKETS[bucket]) bucket++;
    const from = code * STRIDE;
    slots[from + bucket]++;
    slots[from + SUM] += seconds;
  }

  /** What was counted, and of each method its OK, also when there was none. */
  *counts(): Iterable<CallCount> {
    for (const { slots, ...row } of this.#rows.values()) {
      for (let code = 0; code < CODES; code++) {
        const buckets = slots.subarray(code * STRIDE, code * STRIDE + SUM);
        const count = buckets.reduce((sum, each) => sum + each, 0);
        if (count === 0 && code !== status.OK) continue;
        yield { ...row, code: status[code], count, seconds: slots[code * STRIDE + SUM], buckets };
      }
    }
  }
}
