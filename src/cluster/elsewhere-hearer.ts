import type { AttachedElsewhere } from '../replica/attached-elsewhere.js';
import type { ElsewhereReport } from './peers.js';

/** Takes what the leader says of sessions that are attached at other servers. */
export class ElsewhereHearer {
  readonly #elsewhere: () => Pick<AttachedElsewhere, 'attached' | 'gone' | 'keepOnly'>;
  /** Those that were named since the leader began to name all; undefined: it has named all. As many as there are sessions. */
  #named: Set<number> | undefined;

  constructor(elsewhere: () => Pick<AttachedElsewhere, 'attached' | 'gone' | 'keepOnly'>) {
    this.#elsewhere = elsewhere;
  }

  /** Undefined: the leader is of an earlier build, and what one before it has said is not kept up. */
  heard(report: ElsewhereReport | undefined): void {
    const elsewhere = this.#elsewhere();
    if (report === undefined) {
      elsewhere.keepOnly(new Set());
      return;
    }
    const { begins, attached, detached, ends } = report;
    if (begins) this.#named = new Set();
    for (const sid of attached) {
      this.#named?.add(sid);
      elsewhere.attached(sid);
    }
    for (const sid of detached) {
      this.#named?.delete(sid);
      elsewhere.gone(sid);
    }
    if (!ends || this.#named === undefined) return;
    elsewhere.keepOnly(this.#named);
    this.#named = undefined;
  }
}
