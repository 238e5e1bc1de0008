import type { Random } from './clock.js';

/** What a fence stands on. */
export interface FenceDeps {
  readonly log: { error(facts: object, message: string): void };
  readonly random: Pick<Random, 'bytes'>;
}

/**
 * Ends a peer where handling what it sent throws, and not the process, which serves others.
 *
 * It stands around the callbacks in which doors read what peers send. It is for faults of ours that no check has caught;
 * what is wrong with a request is refused by checks. A fault of the journal or of the state ends the process by a way of
 * its own, past every fence.
 */
export class Fence {
  readonly #deps: FenceDeps;

  constructor(deps: FenceDeps) {
    this.#deps = deps;
  }

  /** A callback that never throws. `end` gets rid of the peer, with the arguments of the call that threw. */
  around<A extends readonly unknown[]>(
    door: string,
    part: (...args: A) => void,
    end: (...args: A) => void,
  ): (...args: A) => void {
    return (...args) => {
      try {
        part(...args);
      } catch (error) {
        this.report(door, error);
        this.#end(door, end, args);
      }
    };
  }

  /** What gets rid of a peer may fail as what handled it did: half of it is torn down then. */
  #end<A extends readonly unknown[]>(door: string, end: (...args: A) => void, args: A): void {
    try {
      end(...args);
    } catch (error) {
      this.report(door, error);
    }
  }

  /** Logs what was thrown under an id, and answers with that: all that the peer may be told. */
  report(door: string, error: unknown): string {
    const fault = Buffer.from(this.#deps.random.bytes(4)).toString('hex');
    this.#deps.log.error({ fault, door, err: error }, 'handling what a peer sent failed: the peer is closed');
    return fault;
  }
}
