import type { Charge } from '../base/shared-bytes.js';
import { Fault } from '../core/model/fault.js';
import { Outflow, type OutflowWatch } from './outflow.js';

/** A watch may end at any moment. */
const WATCH_LIMIT_RETRY_MS = 5_000;

/** What the outflows of all connections stand on. */
export interface OutflowsDeps {
  readonly limits: { readonly watchesPerConnectionMax: number; readonly watchBytesPerConnectionMax: number };
  /** Counts what the watches of a connection have on their way, for all of them; undefined where nothing counts. */
  readonly countOf: (peer: string) => ((message: Uint8Array) => Charge) | undefined;
}

/** What the watches of each connection have on their way; gone with its last. */
export class Outflows implements OutflowWatch {
  readonly #deps: OutflowsDeps;
  readonly #byPeer = new Map<string, Outflow>();
  #bytes = 0;

  constructor(deps: OutflowsDeps) {
    this.#deps = deps;
  }

  /** Bytes that watches have written and their clients have not taken, on all connections. */
  get bytes(): number {
    return this.#bytes;
  }

  /** For an outflow: so many bytes more are on their way, or (negative) have gone. */
  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  /** For an outflow: its last watch is over. */
  emptied(outflow: Outflow): void {
    if (this.#byPeer.get(outflow.peer) === outflow) this.#byPeer.delete(outflow.peer);
  }

  /** The outflow for one watch more of a connection, or why it is one too many. It counts once it is {@link keep | kept}. */
  of(peer: string): Outflow | Fault {
    const { watchesPerConnectionMax, watchBytesPerConnectionMax } = this.#deps.limits;
    const outflow =
      this.#byPeer.get(peer) ?? new Outflow(peer, watchBytesPerConnectionMax, this, this.#deps.countOf(peer));
    if (outflow.watches >= watchesPerConnectionMax) {
      const message = `${watchesPerConnectionMax} watches on one connection are the limit`;
      return new Fault('WATCH_LIMIT', message, [], WATCH_LIMIT_RETRY_MS);
    }
    return outflow;
  }

  /** A watch goes through this outflow from now on. */
  keep(outflow: Outflow): void {
    this.#byPeer.set(outflow.peer, outflow);
  }
}
