import type { Fault } from '../core/model/fault.js';
import { Queue } from './queue.js';

/** A costly request that waits, or of which a part is done. */
export interface Work {
  /** A step of it is done. */
  hasBegun: boolean;
  /** It has begun, and rests; it is counted among those that do. */
  isUnfinished: boolean;
  /** Does a part. True: it was the last. Never throws. */
  step(): boolean;
  refuse(fault: Fault): void;
}

/** What one address has waiting, and how much of the event loop's time it may use now. */
export class Flow {
  readonly calls = new Queue<() => void>();
  readonly work = new Queue<Work>();
  readonly wakes = new Set<() => void>();
  /** Which lane comes next. */
  lane = 0;

  constructor(public creditMs: number) {}

  get isIdle(): boolean {
    return this.calls.size === 0 && this.work.size === 0 && this.wakes.size === 0;
  }
}
