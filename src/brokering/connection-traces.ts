import type { Connection } from '../core/model/connection.js';
import { formatTraceparent, parseTraceparent } from '../tracing/traceparent.js';

/** How many requests are remembered: as many as can be under way in any few seconds, some 800 KiB. */
const REMEMBERED_MAX = 4_096;

/**
 * Which trace a connection belongs to, so that its orders are a part of the trace of the request for it.
 *
 * It is noted before the request becomes a command, because orders may leave before its outcome is known; and it is kept in memory
 * alone: after a restart orders belong to no trace. Two ends have one pending connection of a type at most, which names it well enough.
 */
export class ConnectionTraces {
  readonly #byEnds = new Map<string, string>();

  /** A request for a connection came with this `traceparent`; one that is malformed counts as none. */
  note(ends: { readonly caller: number; readonly peer: number; readonly link: number }, traceparent: string): void {
    const trace = parseTraceparent(traceparent);
    const key = keyOf(ends);
    this.#byEnds.delete(key);
    if (trace === undefined) return;
    this.#byEnds.set(key, formatTraceparent(trace));
    if (this.#byEnds.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#byEnds.keys();
    this.#byEnds.delete(oldest);
  }

  /** The `traceparent` for orders about a connection; empty: it belongs to no trace. */
  of({ caller, peer, link }: Pick<Connection, 'link'> & ConnectionEnds): string {
    return this.#byEnds.get(keyOf({ caller: caller.sid, peer: peer.sid, link })) ?? '';
  }
}

interface ConnectionEnds {
  readonly caller: { readonly sid: number };
  readonly peer: { readonly sid: number };
}

function keyOf({ caller, peer, link }: { caller: number; peer: number; link: number }): string {
  return `${caller} ${peer} ${link}`;
}
