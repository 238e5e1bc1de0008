import { Fault } from '../core/model/fault.js';
import type { StateView } from '../core/store/state-view.js';

/** Bounds the sessions of all networks together: what each may have of its own is bounded in its state. */
export class SessionsInAll {
  readonly #states = new Set<StateView>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts the sessions of one more network. */
  add(state: StateView): void {
    this.#states.add(state);
  }

  /** Counts them no more. */
  remove(state: StateView): void {
    this.#states.delete(state);
  }

  /** Sessions of all networks. */
  get count(): number {
    let count = 0;
    for (const { sessions } of this.#states) count += sessions.count;
    return count;
  }

  /** Why an instance may not open a session; undefined when it may. One that has a session replaces it. */
  refuse(state: StateView, uuid: string): Fault | undefined {
    // Of one network alone its own bound says it.
    if (this.#states.size < 2 || this.count < this.#max || state.sessions.ofInstance(uuid) !== undefined) {
      return undefined;
    }
    return new Fault('NETWORK_LIMIT', `${this.#max} sessions in all networks of the server are the limit`);
  }
}
