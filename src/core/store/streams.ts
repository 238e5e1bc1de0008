import type { Session } from '../model/session.js';
import { DEFAULT_STREAM_PARAMS, type Stream } from '../model/stream.js';
import { IdSet } from './packed/id-set.js';
import type { Sessions } from './sessions.js';

/*
 * Stream id, 32 bits, the sign bit zero, never 0. Of a stream that its session has from the start: the session's SID, whose
 * type (the lowest three bits) is never 0. Of any other stream, and of every branch:
 *
 *   31 30                                                   3 2     0
 *  +--+------------------------------------------------------+-------+
 *  | 0|              counts round in a ring (>= 1)           | 0 0 0 |
 *  +--+------------------------------------------------------+-------+
 *
 * So the two kinds can never take each other's ids, and the first kind needs neither a counter nor an index.
 */
const STEP = 8;
const HIGHEST_ID = 2 ** 31 - STEP;

/** Whether an id is that of a stream which a session has from the start. */
export function isInitialId(id: number): boolean {
  return id % STEP !== 0;
}

/** The stream that a session has from the start, as long as nobody has changed it. */
export function initialStream({ sid, openedRevision }: Session): Stream {
  return { id: sid, owner: sid, sinks: [], params: DEFAULT_STREAM_PARAMS, revision: openedRevision };
}

/**
 * The live streams: by id, by branch, and by the sessions at their ends.
 *
 * The stream that a session has from the start is made from the session whenever somebody asks, and is kept only once it
 * has been changed. So a fleet that uses no streams pays for none.
 */
export class Streams {
  private readonly byId = new Map<number, Stream>();
  /** The ids of these, divided by STEP. */
  private readonly inOrder = new IdSet();
  private readonly byBranch = new Map<number, number>();
  private readonly bySession = new Map<number, Set<number>>();
  private readonly owned = new Map<number, number>();
  private readonly changedInitial = new Map<number, Stream>();

  constructor(private readonly sessions: Sessions) {}

  /** How many streams live, besides those that sessions have from the start. */
  get count(): number {
    return this.byId.size;
  }

  /** How many branches they have in all. */
  get branchCount(): number {
    return this.byBranch.size;
  }

  /** The stream with this id, or with a branch of this id. */
  get(id: number): Stream | undefined {
    if (!isInitialId(id)) return this.byId.get(this.byBranch.get(id) ?? id);
    const session = this.sessions.get(id);
    return session && this.initialOf(session);
  }

  /** The stream that a live session has from the start, unless it has forgotten that. */
  initialOf(session: Session): Stream | undefined {
    if (session.streamId === 0) return undefined;
    return this.changedInitial.get(session.sid) ?? initialStream(session);
  }

  /** How many streams a session owns, besides the one from the start. */
  ownedBy(sid: number): number {
    return this.owned.get(sid) ?? 0;
  }

  /** How many streams have a branch that ends at this session. */
  endingAt(sid: number): number {
    return (this.bySession.get(sid)?.size ?? 0) - this.ownedBy(sid);
  }

  /** The streams with this session at an end, besides the one from the start, by id. */
  of(sid: number): Stream[] {
    const ids = this.bySession.get(sid);
    if (ids === undefined) return [];
    return [...ids].sort((x, y) => x - y).map((id) => this.byId.get(id)!);
  }

  /** All streams, in no order that means anything. */
  *all(): Iterable<Stream> {
    for (const { streamId } of this.sessions.copy()) {
      if (streamId !== 0) yield this.get(streamId)!;
    }
    yield* this.byId.values();
  }

  /**
   * Ids past this one, ascending, among them those of all streams; 0 for all. Some may be of no stream: of a session that has
   * forgotten the one from the start, or what goes while they are read. The next one costs the same however many there are.
   */
  *idsAfter(id: number): Iterable<number> {
    const others = this.inOrder.from(Math.floor(id / STEP) + 1)[Symbol.iterator]();
    let other = others.next();
    for (const initial of this.sessions.sidsAscending(id)) {
      for (; other.done !== true && other.value * STEP < initial; other = others.next()) yield other.value * STEP;
      yield initial;
    }
    for (; other.done !== true; other = others.next()) yield other.value * STEP;
  }

  /** The streams that do not follow from the sessions, in no order that means anything. */
  *kept(): Iterable<Stream> {
    yield* this.changedInitial.values();
    yield* this.byId.values();
  }

  /** The next `count` ids after `cursor` that no live stream or branch has: one comes again only after all others have. */
  freeIds(cursor: number, count: number): number[] {
    const ids: number[] = [];
    for (let id = cursor; ids.length < count; ) {
      id = id >= HIGHEST_ID ? STEP : id + STEP;
      if (!this.byId.has(id) && !this.byBranch.has(id)) ids.push(id);
    }
    return ids;
  }

  /** The stream is there and looks like this. */
  put(stream: Stream): void {
    if (isInitialId(stream.id)) {
      if (stream.revision !== this.sessions.openedRevision(stream.id)) this.changedInitial.set(stream.id, stream);
      return;
    }
    const before = this.byId.get(stream.id);
    if (before !== undefined) this.unlist(before);
    this.byId.set(stream.id, stream);
    this.inOrder.add(stream.id / STEP);
    this.owned.set(stream.owner, this.ownedBy(stream.owner) + 1);
    this.list(stream.owner, stream.id);
    for (const sink of stream.sinks) {
      this.byBranch.set(sink.id, stream.id);
      this.list(sink.sid, stream.id);
    }
  }

  /** The stream is gone; that of a session from the start, because the session forgot it or is about to go. */
  delete(stream: Stream): void {
    if (this.changedInitial.delete(stream.id) || isInitialId(stream.id)) return;
    this.unlist(stream);
    this.byId.delete(stream.id);
    this.inOrder.delete(stream.id / STEP);
  }

  private unlist(stream: Stream): void {
    const owned = this.ownedBy(stream.owner) - 1;
    if (owned === 0) this.owned.delete(stream.owner);
    else this.owned.set(stream.owner, owned);
    this.strike(stream.owner, stream.id);
    for (const sink of stream.sinks) {
      this.byBranch.delete(sink.id);
      this.strike(sink.sid, stream.id);
    }
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
