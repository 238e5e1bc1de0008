import type { Clock } from '../base/clock.js';
import type { Fault } from '../core/model/fault.js';
import type { FairTurns } from './fair-turns.js';

/** What writing a message takes besides making it, in ms a byte: a copy, and the frames of the transport. */
const MS_PER_BYTE = 1e-6;

/** Something that is read step by step, and now and then has a costly step. */
export interface CostlySource {
  /** Whether the next message is one that has to be made for this reader, as a part of a snapshot; absent: never. */
  readonly isCostly?: boolean;
  next(): Uint8Array | 'ended' | Fault | undefined;
  onReady(wake: () => void): void;
  close(): void;
}

/** What a metered source stands on. */
export interface MeteredSourceDeps {
  readonly turns: FairTurns;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/**
 * A source whose costly messages are made in the turns of its reader's address. All others pass: what every watcher is told
 * costs no more for one that watches much.
 */
export class MeteredSource<S extends CostlySource> implements CostlySource {
  readonly #source: S;
  readonly #key: string;
  readonly #deps: MeteredSourceDeps;
  #woken: (() => void) | undefined;
  /** It was woken for its turn. A reader may come for the message only later, when the rest of the slice is used up. */
  #hasTurn = false;
  readonly #wake = () => {
    this.#hasTurn = true;
    this.#woken?.();
  };

  /** `key` is what the reader's turns go by. */
  constructor(source: S, key: string, deps: MeteredSourceDeps) {
    this.#source = source;
    this.#key = key;
    this.#deps = deps;
  }

  next(): ReturnType<S['next']> {
    const source = this.#source;
    if (source.isCostly !== true) return source.next() as ReturnType<S['next']>;
    const { turns, clock } = this.#deps;
    if (!this.#hasTurn && !turns.mayGoOn(this.#key, this.#wake)) return undefined as ReturnType<S['next']>;
    this.#hasTurn = false;
    const fromMs = clock.nowMs();
    const message = source.next();
    const bytes = message instanceof Uint8Array ? message.length : 0;
    turns.charge(this.#key, clock.nowMs() - fromMs + bytes * MS_PER_BYTE);
    return message as ReturnType<S['next']>;
  }

  onReady(wake: () => void): void {
    this.#woken = wake;
    this.#source.onReady(wake);
  }

  close(): void {
    this.#woken = undefined;
    this.#deps.turns.forget(this.#key, this.#wake);
    this.#source.close();
  }
}
