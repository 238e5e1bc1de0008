import type { LinkReport, LinkType } from '../model/link.js';

/**
 * Links that one end has reported and the other has not.
 *
 * Kept from both sides, so that a session that ends takes along what it said and what was said about it.
 */
export class LinkReports {
  private readonly by = new Map<number, Set<number>>();
  private readonly about = new Map<number, Set<number>>();

  private waiting = 0;

  /** How many wait in all. */
  get count(): number {
    return this.waiting;
  }

  /** Whether this very report is waiting. */
  has(report: LinkReport): boolean {
    return this.by.get(report.sid)?.has(keyOf(report.peer, report.link)) ?? false;
  }

  /** How many of a session's reports wait. */
  countBy(sid: number): number {
    return this.by.get(sid)?.size ?? 0;
  }

  /** A report waits from now on. */
  add({ sid, peer, link }: LinkReport): void {
    put(this.by, sid, keyOf(peer, link));
    put(this.about, peer, keyOf(sid, link));
    this.waiting++;
  }

  /** A report that waits does not any more. */
  delete({ sid, peer, link }: LinkReport): void {
    take(this.by, sid, keyOf(peer, link));
    take(this.about, peer, keyOf(sid, link));
    this.waiting--;
  }

  /**
   * What a session said and then what was said about it, each by the other end and the type: changes are made in this
   * order, and a state that was restored from a snapshot no longer knows in which order the reports came.
   */
  of(sid: number): LinkReport[] {
    if (!this.by.has(sid) && !this.about.has(sid)) return [];
    const said = ascending(this.by.get(sid)).map((key) => ({ sid, peer: sidOf(key), link: linkOf(key) }));
    const heard = ascending(this.about.get(sid)).map((key) => ({ sid: sidOf(key), peer: sid, link: linkOf(key) }));
    return [...said, ...heard];
  }

  /** Forgets everything that a session said and that was said about it. */
  forget(sid: number): void {
    for (const key of [...(this.by.get(sid) ?? [])]) this.delete({ sid, peer: sidOf(key), link: linkOf(key) });
    for (const key of [...(this.about.get(sid) ?? [])]) this.delete({ sid: sidOf(key), peer: sid, link: linkOf(key) });
  }

  /** Every report, in no order that means anything. */
  *all(): Iterable<LinkReport> {
    for (const [sid, keys] of this.by) {
      for (const key of keys) yield { sid, peer: sidOf(key), link: linkOf(key) };
    }
  }
}

/** Peer and type as one number: four types fit, and a SID has 31 bits. */
function keyOf(sid: number, link: LinkType): number {
  return sid * 4 + link;
}

function ascending(keys: ReadonlySet<number> = new Set()): number[] {
  return [...keys].sort((one, other) => one - other);
}

function sidOf(key: number): number {
  return Math.floor(key / 4);
}

function linkOf(key: number): LinkType {
  return (key % 4) as LinkType;
}

function put(sets: Map<number, Set<number>>, sid: number, key: number): void {
  const keys = sets.get(sid);
  if (keys === undefined) sets.set(sid, new Set([key]));
  else keys.add(key);
}

function take(sets: Map<number, Set<number>>, sid: number, key: number): void {
  const keys = sets.get(sid);
  if (keys?.delete(key) && keys.size === 0) sets.delete(sid);
}
