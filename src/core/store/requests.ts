import { type DoneRequest, REQUEST_WINDOW_MS, REQUESTS_MAX, REQUESTS_PER_SESSION_MAX } from '../model/request.js';

/**
 * The requests with an id that were done not long ago, so that one that comes again is answered and not done again.
 *
 * Bounded by count, for each session and in all. What is older than the window stays until others come, and is not found.
 */
export class DoneRequests {
  readonly #bySession = new Map<number, DoneRequest[]>();
  /** All of them, the oldest first. */
  readonly #all = new Map<string, DoneRequest>();
  /** Stands before the oldest: beginning anew would walk over every hole that the forgotten ones left in the map. */
  #oldest: Iterator<DoneRequest> | undefined;

  /** A session's request of that id, if it was done within the window before `nowMs`. */
  find(sid: number, requestId: string, nowMs: number): DoneRequest | undefined {
    const found = this.#all.get(keyOf({ sid, requestId }));
    return found !== undefined && nowMs - found.atMs <= REQUEST_WINDOW_MS ? found : undefined;
  }

  /** A session's requests that are remembered, the oldest first. */
  of(sid: number): readonly DoneRequest[] {
    return this.#bySession.get(sid) ?? [];
  }

  /** All of them, the oldest first. */
  all(): Iterable<DoneRequest> {
    return this.#all.values();
  }

  /** A request was done. */
  add(request: DoneRequest): void {
    this.restore(request);
    const own = this.#bySession.get(request.sid)!;
    if (own.length > REQUESTS_PER_SESSION_MAX) this.delete(own[0]);
    if (this.#all.size <= REQUESTS_MAX) return;
    this.#oldest ??= this.#all.values();
    this.delete(this.#oldest.next().value!);
  }

  /** A request that was done, as a snapshot says, the oldest first. */
  restore(request: DoneRequest): void {
    // An id that is used again after the window is a new request.
    this.delete(request);
    this.#all.set(keyOf(request), request);
    const own = this.#bySession.get(request.sid);
    if (own === undefined) this.#bySession.set(request.sid, [request]);
    else own.push(request);
  }

  /** A request is not remembered any more. */
  delete(request: Pick<DoneRequest, 'sid' | 'requestId'>): void {
    if (!this.#all.delete(keyOf(request))) return;
    const left = this.of(request.sid).filter(({ requestId }) => requestId !== request.requestId);
    if (left.length === 0) this.#bySession.delete(request.sid);
    else this.#bySession.set(request.sid, left);
  }

  /** Forgets a session that has ended. */
  forget(sid: number): void {
    for (const request of this.of(sid)) this.#all.delete(keyOf(request));
    this.#bySession.delete(sid);
  }
}

function keyOf({ sid, requestId }: Pick<DoneRequest, 'sid' | 'requestId'>): string {
  return `${sid} ${requestId}`;
}
