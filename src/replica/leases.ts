import type { Clock, Timer } from '../clock.js';
import type { State } from '../core/state.js';
import type { ReplicaLimits } from './limits.js';

/** How often expired leases are looked for: a TTL is a lower bound, and this is how far above it may be. */
const TICK_MS = 500;
/** The process was stopped, or starved, when a tick comes this late; then nobody could renew. */
const PAUSE_MS = 1_500;
/** A session whose end could not be stored is looked at again after this. */
const RETRY_MS = 1_000;
const ATTACHED = Number.POSITIVE_INFINITY;
const FIRST_CAPACITY = 64;

/**
 * When each session expires, on the monotonic clock. Only in memory: a renewal costs no append, and a restart gives every
 * session its TTL anew.
 *
 * A session stands in the bucket of one tick. A renewal only writes a number; when the tick comes and the number says
 * later, the session moves to that later bucket. So a renewal is O(1), and a tick costs what expires or moves.
 */
export class Leases {
  /**
   * Deadline by the graph's slot; {@link ATTACHED} while its lease does not run; negative once it has expired, and then
   * when to try again to store that.
   */
  private deadlines = new Float64Array(FIRST_CAPACITY);
  /** The tick in whose bucket the session stands, by the graph's slot; 0 in none. A stale entry is told by it. */
  private listed = new Float64Array(FIRST_CAPACITY);
  private readonly buckets = new Map<number, number[]>();
  private tickAt: number;
  private timer: Timer | undefined;

  constructor(
    private readonly state: State,
    private readonly clock: Clock,
    private readonly limits: ReplicaLimits,
    /** Called for each session whose lease has run out, and again while it lives on. */
    private readonly expire: (sid: number) => void,
  ) {
    this.tickAt = clock.nowMs();
    for (const session of state.sessions.rows) {
      if (session !== undefined) this.begin(session.sid);
    }
    this.schedule();
  }

  /** A session has been opened or restored. */
  begin(sid: number): void {
    const slot = this.state.graph.slotOf(sid);
    const session = this.state.sessions.rows[slot];
    if (session === undefined) return;
    if (slot >= this.deadlines.length) this.grow(slot);
    this.deadlines[slot] = this.clock.nowMs() + session.ttlMs;
    this.enlist(slot, sid);
  }

  /**
   * The session lives for its TTL from now at least. An open attachment already keeps it alive. False: it has expired and
   * its end is being stored, so nobody may be told that it lives.
   */
  renew(sid: number): boolean {
    const slot = this.state.graph.slotOf(sid);
    const session = this.state.sessions.rows[slot];
    if (session === undefined || this.deadlines[slot] < 0) return false;
    if (this.deadlines[slot] !== ATTACHED) this.deadlines[slot] = this.clock.nowMs() + session.ttlMs;
    return true;
  }

  /** The session has an attachment: its lease does not run. */
  hold(sid: number): void {
    const slot = this.state.graph.slotOf(sid);
    if (slot !== -1 && this.deadlines[slot] >= 0) this.deadlines[slot] = ATTACHED;
  }

  /** The attachment is gone: the session has its TTL or the grace period from now, whichever is longer. */
  release(sid: number): void {
    const slot = this.state.graph.slotOf(sid);
    const session = this.state.sessions.rows[slot];
    if (session === undefined || this.deadlines[slot] < 0) return;
    this.deadlines[slot] = this.clock.nowMs() + Math.max(session.ttlMs, this.limits.graceMs);
    if (this.listed[slot] === 0) this.enlist(slot, sid);
  }

  close(): void {
    this.timer?.cancel();
  }

  private grow(slot: number): void {
    const capacity = Math.max(2 * this.deadlines.length, slot + 1);
    const deadlines = new Float64Array(capacity);
    const listed = new Float64Array(capacity);
    deadlines.set(this.deadlines);
    listed.set(this.listed);
    this.deadlines = deadlines;
    this.listed = listed;
  }

  private enlist(slot: number, sid: number): void {
    const tick = Math.ceil(Math.abs(this.deadlines[slot]) / TICK_MS);
    this.listed[slot] = tick;
    const bucket = this.buckets.get(tick);
    if (bucket === undefined) this.buckets.set(tick, [sid]);
    else bucket.push(sid);
  }

  private schedule(): void {
    this.timer = this.clock.after(TICK_MS, () => {
      this.tick();
      this.schedule();
    });
  }

  private tick(): void {
    const nowMs = this.clock.nowMs();
    if (nowMs - this.tickAt > PAUSE_MS) this.extendAll();
    const from = Math.ceil(this.tickAt / TICK_MS);
    const to = Math.floor(nowMs / TICK_MS);
    this.tickAt = nowMs;
    for (let tick = from; tick <= to; tick++) {
      const bucket = this.buckets.get(tick);
      if (bucket === undefined) continue;
      this.buckets.delete(tick);
      for (const sid of bucket) this.look(sid, tick, nowMs);
    }
  }

  private look(sid: number, tick: number, nowMs: number): void {
    const slot = this.state.graph.slotOf(sid);
    const session = this.state.sessions.rows[slot];
    if (session === undefined || this.listed[slot] !== tick) return;
    this.listed[slot] = 0;
    const deadline = this.deadlines[slot];
    if (deadline === ATTACHED) return;
    if (deadline <= nowMs) {
      this.deadlines[slot] = -(nowMs + RETRY_MS);
      this.expire(sid);
    }
    this.enlist(slot, sid);
  }

  /** Nobody could renew while the process stood still. */
  private extendAll(): void {
    const nowMs = this.clock.nowMs();
    const { rows } = this.state.sessions;
    for (let slot = 0; slot < rows.length; slot++) {
      const session = rows[slot];
      if (session === undefined || this.deadlines[slot] < 0) continue;
      const extended = nowMs + Math.max(session.ttlMs, this.limits.graceMs);
      this.deadlines[slot] = Math.max(this.deadlines[slot], extended);
    }
  }
}
