import type { Stream } from './change.js';

const HIGHEST_ID = 2 ** 31 - 1;

/**
 * The live streams: by id, by branch, and by the sessions at their ends.
 *
 * The stream that a session has from the start is not listed by session: the session names it. So a fleet that uses no
 * streams pays for none of the lists.
 */
export class Streams {
  private readonly byId = new Map<number, Stream>();
  private readonly byBranch = new Map<number, number>();
  private readonly bySession = new Map<number, Set<number>>();
  private readonly owned = new Map<number, number>();

  constructor(private readonly isInitial: (stream: Stream) => boolean) {}

  /** How many streams live, those from the start included. */
  get count(): number {
    return this.byId.size;
  }

  /** The stream with this id, or with a branch of this id. */
  get(id: number): Stream | undefined {
    return this.byId.get(this.byBranch.get(id) ?? id);
  }

  /** How many streams a session owns, besides the one from the start. */
  ownedBy(sid: number): number {
    return this.owned.get(sid) ?? 0;
  }

  /** The streams with this session at an end, besides the one from the start, by id. */
  of(sid: number): Stream[] {
    const ids = [...(this.bySession.get(sid) ?? [])].sort((x, y) => x - y);
    return ids.map((id) => this.byId.get(id)!);
  }

  /** All streams, in no order that means anything. */
  all(): Iterable<Stream> {
    return this.byId.values();
  }

  /**
   * The next `count` ids after `cursor` that no live stream or branch has, in a ring over all positive numbers of 31
   * bits: an id comes again only after all others have.
   */
  freeIds(cursor: number, count: number): number[] {
    const ids: number[] = [];
    for (let id = cursor; ids.length < count; ) {
      id = id >= HIGHEST_ID ? 1 : id + 1;
      if (!this.byId.has(id) && !this.byBranch.has(id)) ids.push(id);
    }
    return ids;
  }

  /** The stream is there and looks like this. */
  put(stream: Stream): void {
    const before = this.byId.get(stream.id);
    if (before !== undefined) this.unlist(before);
    this.byId.set(stream.id, stream);
    for (const sink of stream.sinks) this.byBranch.set(sink.id, stream.id);
    if (this.isInitial(stream)) return;
    this.owned.set(stream.owner, this.ownedBy(stream.owner) + 1);
    this.list(stream.owner, stream.id);
    for (const sink of stream.sinks) this.list(sink.sid, stream.id);
  }

  /** The stream is gone. */
  delete(stream: Stream): void {
    this.unlist(stream);
    this.byId.delete(stream.id);
  }

  private unlist(stream: Stream): void {
    for (const sink of stream.sinks) this.byBranch.delete(sink.id);
    if (this.isInitial(stream)) return;
    const owned = this.ownedBy(stream.owner) - 1;
    if (owned === 0) this.owned.delete(stream.owner);
    else this.owned.set(stream.owner, owned);
    this.strike(stream.owner, stream.id);
    for (const sink of stream.sinks) this.strike(sink.sid, stream.id);
  }

  private list(sid: number, id: number): void {
    const ids = this.bySession.get(sid);
    if (ids === undefined) this.bySession.set(sid, new Set([id]));
    else ids.add(id);
  }

  private strike(sid: number, id: number): void {
    const ids = this.bySession.get(sid);
    if (ids?.delete(id) && ids.size === 0) this.bySession.delete(sid);
  }
}
