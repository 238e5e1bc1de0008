import type { DoneRequest } from '../core/model/request.js';

/**
 * Knows the last of the calls that made the same request: only that call may undo the request's effect. A broken connection
 * is noticed late, when its client may long have repeated the call on another one and been answered.
 */
export class RequestClaims {
  /** How many calls there were, as long as the request is remembered. */
  readonly #calls = new WeakMap<DoneRequest, number>();

  /** Records a call of this request. The result says whether it is still the last; without a request it always is. */
  claim(request: DoneRequest | undefined): () => boolean {
    if (request === undefined) return () => true;
    const nth = (this.#calls.get(request) ?? 0) + 1;
    this.#calls.set(request, nth);
    return () => this.#calls.get(request) === nth;
  }
}
