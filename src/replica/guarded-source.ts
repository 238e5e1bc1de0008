import type { Fault } from '../core/model/fault.js';

/** What is read step by step, as the doors have it. */
export interface GuardableSource<M> {
  readonly isCostly?: boolean;
  next(): M | 'ended' | Fault | undefined;
  onReady(wake: () => void): void;
  close(): void;
}

/** A source that ends with a refusal when its reader loses the permission to read it. */
export class GuardedSource<M> implements GuardableSource<M> {
  readonly #source: GuardableSource<M>;
  readonly #closed: () => void;
  #wake: (() => void) | undefined;
  #fault: Fault | undefined;

  constructor(source: GuardableSource<M>, closed: () => void) {
    this.#source = source;
    this.#closed = closed;
  }

  get isCostly(): boolean {
    return this.#fault === undefined && this.#source.isCostly === true;
  }

  /** Why it may not be read any more, if so. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  next(): M | 'ended' | Fault | undefined {
    return this.#fault ?? this.#source.next();
  }

  onReady(wake: () => void): void {
    this.#wake = wake;
    this.#source.onReady(wake);
  }

  /** Ends it with this refusal. */
  refuse(fault: Fault): void {
    this.#fault = fault;
    this.#wake?.();
  }

  close(): void {
    this.#closed();
    this.#source.close();
  }
}
