import type { DoneRequest } from '../core/model/request.js';

/**
 * Which of the calls that made the same request was the last: only that one may take back what came of it. A call whose
 * connection has broken is noticed late, when its client may long have repeated it and been answered.
 */
export class RequestClaims {
  /** How many calls there were, as long as the request is remembered. */
  readonly #calls = new WeakMap<DoneRequest, number>();

  /** A call has made this request, or repeated it. Answers with whether it is still the last. Without a request it is. */
  claim(request: DoneRequest | undefined): () => boolean {
    if (request === undefined) return () => true;
    const nth = (this.#calls.get(request) ?? 0) + 1;
    this.#calls.set(request, nth);
    return () => this.#calls.get(request) === nth;
  }
}
