import type { Clock, Timer } from '../base/clock.js';

/** Between two looks at what is due: as often as servers say what is new. */
const SWEEP_MS = 500;
/** Sessions that are looked at in one turn of the event loop. Each may be an event for every watcher. */
const SWEPT_AT_ONCE = 4_096;
/**
 * For how long a session still counts as attached after the report that it is not: one that moves to another server is reported from
 * there within two beats of half a second.
 */
export const SETTLE_MS = 1_000;

/**
 * The sessions that are attached at other servers, as this one has heard. A session is here once at most in each set, so they are bounded
 * by how many sessions the network may have.
 */
export class AttachedElsewhere {
  /** Called when a session that lives gets its place here, and when it loses it. */
  changed: (sid: number, isAttached: boolean) => void = () => {};
  /** Called when a session is given up that {@link awaits} kept. */
  missed: (sid: number) => void = () => {};
  readonly #clock: Clock;
  readonly #lives: (sid: number) => boolean;
  readonly #sids = new Set<number>();
  /** Until when sessions count that were reported as not attached. Times ascend, as in {@link #awaited}. */
  readonly #settling = new Map<number, number>();
  /** Until when sessions count of which no server says anything now. */
  readonly #awaited = new Map<number, number>();
  /** Reported as attached, of which this server has not applied that they were opened. */
  readonly #early = new Set<number>();
  #timer: Timer | undefined;
  #isOver = false;

  constructor(clock: Clock, lives: (sid: number) => boolean) {
    this.#clock = clock;
    this.#lives = lives;
  }

  /** How many there are. */
  get count(): number {
    return this.#sids.size;
  }

  has(sid: number): boolean {
    return this.#sids.has(sid);
  }

  /** Whether {@link awaits} keeps a session. */
  isAwaited(sid: number): boolean {
    return this.#awaited.has(sid);
  }

  sids(): Iterable<number> {
    return this.#sids;
  }

  /** A server says that a session is attached there. */
  attached(sid: number): void {
    this.#settling.delete(sid);
    this.#awaited.delete(sid);
    this.#add(sid);
  }

  /** A session is attached nowhere else, it is said. It counts for {@link SETTLE_MS} more, in which its client may attach anew. */
  gone(sid: number): void {
    this.#early.delete(sid);
    this.#awaited.delete(sid);
    if (!this.#sids.has(sid) || this.#settling.has(sid)) return;
    this.#settling.set(sid, this.#clock.nowMs() + SETTLE_MS);
    this.#schedule();
  }

  /** A session that was attached here is about to be at another server, which has not said so yet. */
  expected(sid: number): void {
    // One that is settling begins anew, at the end: times ascend.
    if (this.#sids.has(sid) && !this.#settling.delete(sid)) return;
    this.#add(sid);
    this.gone(sid);
  }

  /** The server of a session says nothing now. What was known holds until then; times ascend from call to call. */
  awaits(sid: number, untilMs: number): void {
    if (!this.#sids.has(sid) || this.#settling.has(sid)) return;
    this.#awaited.delete(sid);
    this.#awaited.set(sid, untilMs);
    this.#schedule();
  }

  /** Awaits all of them: this server is the one that is told now. */
  awaitsAll(untilMs: number): void {
    this.#takeEarly();
    // It has applied all that there is: of the others the end was applied.
    this.#early.clear();
    for (const sid of this.#sids) this.awaits(sid, untilMs);
  }

  /** The others are attached nowhere else. */
  keepOnly(sids: ReadonlySet<number>): void {
    for (const sid of this.#early) if (!sids.has(sid)) this.#early.delete(sid);
    for (const sid of this.#sids) if (!sids.has(sid)) this.gone(sid);
  }

  /** Drops a session that has ended, or is attached here now, without a change. */
  forget(sid: number): void {
    for (const sids of [this.#sids, this.#settling, this.#awaited, this.#early]) sids.delete(sid);
  }

  /** Gives nothing up any more. */
  close(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #add(sid: number): void {
    if (this.#sids.has(sid)) return;
    if (!this.#lives(sid)) {
      this.#early.add(sid);
      this.#schedule();
      return;
    }
    this.#sids.add(sid);
    this.changed(sid, true);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#isOver) return;
    this.#timer = this.#clock.after(SWEEP_MS, () => this.#walk(this.#sweep(this.#clock.nowMs())));
  }

  /** Takes some steps of a sweep; the others wait for the next turn of the event loop, and what they are about holds until then. */
  #walk(sweep: Iterator<void>): void {
    for (let left = SWEPT_AT_ONCE; left > 0; left--) {
      if (this.#isOver) return;
      if (!sweep.next().done) continue;
      this.#timer = undefined;
      if (this.#settling.size + this.#awaited.size + this.#early.size > 0) this.#schedule();
      return;
    }
    this.#clock.soon(() => this.#walk(sweep));
  }

  *#sweep(nowMs: number): Generator<void> {
    for (const sid of this.#early) {
      this.#takeIfLiving(sid);
      yield;
    }
    for (const sid of dueIn(this.#awaited, nowMs)) {
      this.#giveUp(sid);
      this.missed(sid);
      yield;
    }
    for (const sid of dueIn(this.#settling, nowMs)) {
      this.#giveUp(sid);
      yield;
    }
  }

  #takeEarly(): void {
    for (const sid of this.#early) this.#takeIfLiving(sid);
  }

  #takeIfLiving(sid: number): void {
    if (!this.#lives(sid)) return;
    this.#early.delete(sid);
    this.#add(sid);
  }

  #giveUp(sid: number): void {
    this.forget(sid);
    this.changed(sid, false);
  }
}

/** Those whose time has come. Times ascend in the order of the map. */
function* dueIn(times: ReadonlyMap<number, number>, nowMs: number): Iterable<number> {
  for (const [sid, untilMs] of times) {
    if (untilMs > nowMs) return;
    yield sid;
  }
}
