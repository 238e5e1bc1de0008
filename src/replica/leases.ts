import type { Clock, Timer } from '../base/clock.js';
import type { Change } from '../core/model/change.js';
import type { Position } from '../core/model/position.js';
import type { NetworkServer } from '../core/model/server.js';
import { Float64Pages } from '../core/store/packed/pages.js';
import type { State } from '../core/store/state.js';
import type { ReplicaLimits } from './limits.js';
import type { ServingTime } from './serving-time.js';

/** Interval between searches for expired leases. A TTL is a lower bound: a session may live this much longer. */
const TICK_MS = 500;
/** Delay before an expiry that could not be stored is tried again. */
const RETRY_MS = 1_000;
/** How long a lease that has run out rests at most, while something speaks against its end that may be gone earlier. */
const LOOK_AGAIN_MS = 10_000;
const ATTACHED = Number.POSITIVE_INFINITY;
/** Leases checked in one turn of the event loop: after a restart a million may be due in one tick. */
const LOOKED_AT_ONCE = 4_096;

/** What another process has to know of the leases, while it is the one that ends them. */
export interface LeaseWitness {
  renewed(sid: number): void;
  /** The session got an attachment here, or lost it. */
  held(sid: number, isHeld: boolean): void;
}

/** Which leases are this process's to end. */
export interface LeaseScope {
  /** The server that a session is at, by its SID. */
  homeOf(sid: number): number | undefined;
  /** Whether this process follows when the lease ends. */
  watches(sid: number): boolean;
  /** Whether it is the one that ends the session then. */
  ends(sid: number): boolean;
}

/** Of a server that is alone. */
const ALL: LeaseScope = { homeOf: () => undefined, watches: () => true, ends: () => true };

/**
 * When each session expires. Only in memory: a renewal costs no append, and a restart gives every session its TTL or the
 * grace period anew, whichever is longer.
 *
 * They run in {@link ServingTime}, which stands still while no client can renew.
 *
 * Each session is in the bucket of one tick. A renewal only writes the new deadline. When the tick comes and the deadline is
 * later, the session moves to the bucket of that deadline. So a renewal is O(1), and a tick costs only the sessions that
 * expire or move, {@link LOOKED_AT_ONCE} in each turn of the event loop.
 */
export class Leases {
  /**
   * Each session's deadline in serving time, by graph slot. {@link ATTACHED}: the lease does not run. Negative: the session
   * has expired, and the absolute value is when to try again to store its end.
   */
  private readonly deadlines = new Float64Pages();
  /** The tick whose bucket has the session, by graph slot; 0: no bucket. Entries of other ticks are stale and are skipped. */
  private readonly listed = new Float64Pages();
  private readonly buckets = new Map<number, number[]>();
  /** Sessions that were attached while their end was being stored: should that be refused, they are attached. */
  private readonly heldAtEnd = new Set<number>();
  /** Buckets whose tick has come, and how much of the first has been checked. */
  private readonly due: { readonly tick: number; readonly sids: readonly number[] }[] = [];
  private dueAt = 0;
  private isWalking = false;
  /** Since when each server is lost that is, in the time of leases: no lease of its sessions ends sooner than one that began then. */
  private readonly lostMs = new Map<number, number>();
  /** The tick that was looked at last, in the time of leases. */
  private tickAt: number;
  private timer: Timer | undefined;
  /** Told what happens here. */
  witness: LeaseWitness | undefined;
  /** Whether sessions may expire now. What is due while they may not is looked at again later, and can be renewed until then. */
  mayExpire: () => boolean = () => true;
  /** Until when, on the clock, other processes may have renewed sessions that tell nothing here: each lives for its TTL from then. */
  unheardUntilMs: () => number = () => Number.NEGATIVE_INFINITY;
  /** How much longer than it says a lease lives: renewals that come from other processes are late by so much. */
  slackMs = 0;

  constructor(
    private readonly state: State,
    private readonly clock: Clock,
    private readonly time: ServingTime,
    private readonly limits: ReplicaLimits,
    /** Called for each session whose lease has run out, and again while it lives on. */
    private readonly expire: (sid: number) => void,
    private readonly scope: LeaseScope = ALL,
  ) {
    const nowMs = time.nowMs();
    this.tickAt = nowMs;
    for (const sid of state.graph.sidsAfter(0)) this.beginAt(nowMs, sid, limits.graceMs);
  }

  /** Called when the doors open: from now on sessions can expire. */
  opened(): void {
    if (this.timer === undefined) this.schedule();
  }

  /** All leases begin anew, but of those that are attached: they end here, once the doors are open. */
  restart(isOpen: boolean): void {
    this.buckets.clear();
    this.due.length = 0;
    this.dueAt = 0;
    const nowMs = this.time.nowMs();
    this.tickAt = nowMs;
    for (const sid of this.state.graph.sidsAfter(0)) {
      // Nodes of servers have no lease, and their slots may lie beyond those of sessions.
      if (!this.state.sessions.has(sid)) continue;
      const slot = this.state.graph.slotOf(sid);
      const isHeld = this.deadlines.get(slot) === ATTACHED || this.heldAtEnd.delete(sid);
      this.beginAt(nowMs, sid, this.limits.graceMs);
      if (isHeld) this.deadlines.set(slot, ATTACHED);
    }
    if (isOpen) this.opened();
  }

  /** Begins the leases of the sessions that a command has opened. */
  publish(_position: Position, changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'SessionOpened') this.beginAt(this.time.nowMs(), change.session.sid, 0);
      else if (change.kind === 'SessionClosed') this.heldAtEnd.delete(change.session.sid);
      // An attachment that it had is over; the one that it is about to have holds it again.
      else if (change.kind === 'SessionMoved') this.movedTo(change.session.sid);
      else if (change.kind === 'ServerChanged') this.noteServer(change.server);
      else if (change.kind === 'ServerRemoved') this.lostMs.delete(change.server.sid);
    }
  }

  private movedTo(sid: number): void {
    this.heldAtEnd.delete(sid);
    this.beginAt(this.time.nowMs(), sid, this.limits.graceMs);
  }

  private noteServer({ sid, isLive }: NetworkServer): void {
    if (isLive) this.lostMs.delete(sid);
    else this.lostMs.set(sid, this.time.nowMs());
  }

  private beginAt(nowMs: number, sid: number, graceMs: number): void {
    const slot = this.state.graph.slotOf(sid);
    const ttlMs = this.state.sessions.ttlAt(slot);
    if (ttlMs === undefined) return;
    this.deadlines.reach(slot);
    this.listed.reach(slot);
    this.deadlines.set(slot, nowMs + Math.max(ttlMs, graceMs) + this.slackMs);
    this.enlist(slot, sid);
  }

  /**
   * Renews a lease: the session lives for its TTL from now, or for as long as it is attached. False: it has expired and its
   * end is being stored, so the caller must not be told that it lives.
   */
  renew(sid: number): boolean {
    const slot = this.state.graph.slotOf(sid);
    const ttlMs = this.state.sessions.ttlAt(slot);
    if (ttlMs === undefined || this.deadlines.get(slot) < 0) return false;
    if (this.deadlines.get(slot) !== ATTACHED) this.deadlines.set(slot, this.time.nowMs() + ttlMs + this.slackMs);
    this.witness?.renewed(sid);
    return true;
  }

  /** A session was renewed at another server, which has told of it. */
  renewedElsewhere(sid: number): void {
    const slot = this.state.graph.slotOf(sid);
    const ttlMs = this.state.sessions.ttlAt(slot);
    if (ttlMs === undefined) return;
    const deadline = this.deadlines.get(slot);
    if (deadline >= 0 && deadline !== ATTACHED) this.deadlines.set(slot, this.time.nowMs() + ttlMs + this.slackMs);
  }

  /**
   * After how long to look again at a lease that has not run out, as far as is known here, or while no session may expire. 0: it has run out,
   * or the session does not live.
   */
  lookAgainMs(sid: number): number {
    const slot = this.state.graph.slotOf(sid);
    if (this.state.sessions.ttlAt(slot) === undefined) return 0;
    const nowMs = this.time.nowMs();
    const leftMs = Math.max(this.deadlines.get(slot), this.leastUntilMs(slot, sid)) - nowMs;
    return Math.ceil(Math.min(LOOK_AGAIN_MS, Math.max(leftMs, this.mayExpire() ? 0 : RETRY_MS)));
  }

  /** A session whose end was refused lives on: it is looked at again so much later. */
  revive(sid: number, afterMs = RETRY_MS): void {
    const slot = this.state.graph.slotOf(sid);
    if (this.state.sessions.ttlAt(slot) === undefined || this.deadlines.get(slot) >= 0) return;
    this.deadlines.set(slot, this.heldAtEnd.delete(sid) ? ATTACHED : this.time.nowMs() + afterMs);
  }

  /**
   * How long a session lives without a renewal after its attachment breaks or the server restarts. Without a SID: how long
   * every session lives at least.
   */
  livesMs(sid?: number): number {
    const ttlMs = sid === undefined ? 0 : (this.state.sessions.ttlAt(this.state.graph.slotOf(sid)) ?? 0);
    return Math.max(ttlMs, this.limits.graceMs);
  }

  /** The session has an attachment: its lease does not run. */
  hold(sid: number): void {
    const slot = this.state.graph.slotOf(sid);
    if (slot !== -1 && this.deadlines.get(slot) >= 0) this.deadlines.set(slot, ATTACHED);
    else if (slot !== -1) this.heldAtEnd.add(sid);
    this.witness?.held(sid, true);
  }

  /** The attachment is gone: the session has its TTL or the grace period from now, whichever is longer. */
  release(sid: number): void {
    this.witness?.held(sid, false);
    this.heldAtEnd.delete(sid);
    const slot = this.state.graph.slotOf(sid);
    const ttlMs = this.state.sessions.ttlAt(slot);
    if (ttlMs === undefined || this.deadlines.get(slot) < 0) return;
    this.deadlines.set(slot, this.time.nowMs() + Math.max(ttlMs, this.limits.graceMs) + this.slackMs);
    if (this.listed.get(slot) === 0) this.enlist(slot, sid);
  }

  close(): void {
    this.timer?.cancel();
    this.due.length = 0;
  }

  private enlist(slot: number, sid: number, atMs = Math.abs(this.deadlines.get(slot))): void {
    if (!this.scope.watches(sid)) return;
    const tick = Math.ceil(atMs / TICK_MS);
    this.listed.set(slot, tick);
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
    const nowMs = this.time.tick();
    const from = Math.ceil(this.tickAt / TICK_MS);
    const to = Math.floor(nowMs / TICK_MS);
    this.tickAt = nowMs;
    for (let tick = from; tick <= to; tick++) {
      const sids = this.buckets.get(tick);
      if (sids === undefined) continue;
      this.buckets.delete(tick);
      this.due.push({ tick, sids });
    }
    if (!this.isWalking) this.walk(nowMs);
  }

  /** Checks some of the due leases; the rest wait for the next turn of the event loop. */
  private walk(nowMs: number): void {
    for (let left = LOOKED_AT_ONCE; left > 0 && this.due.length > 0; left--) {
      const { tick, sids } = this.due[0];
      this.look(sids[this.dueAt++], tick, nowMs);
      if (this.dueAt < sids.length) continue;
      this.due.shift();
      this.dueAt = 0;
    }
    this.isWalking = this.due.length > 0;
    if (this.isWalking) this.clock.soon(() => this.walk(this.time.nowMs()));
  }

  private look(sid: number, tick: number, nowMs: number): void {
    const slot = this.state.graph.slotOf(sid);
    if (!this.state.sessions.has(sid) || this.listed.get(slot) !== tick) return;
    this.listed.set(slot, 0);
    const deadline = this.deadlines.get(slot);
    if (deadline === ATTACHED) return;
    if (deadline <= nowMs) this.runOut(slot, sid, nowMs);
    else this.enlist(slot, sid);
  }

  private runOut(slot: number, sid: number, nowMs: number): void {
    const wasEnded = this.deadlines.get(slot) < 0;
    const untilMs = wasEnded || this.mayExpire() ? this.leastUntilMs(slot, sid) : nowMs + RETRY_MS;
    // What speaks against its end may be gone before that.
    if (!wasEnded && untilMs > nowMs) this.deadlines.set(slot, Math.min(untilMs, nowMs + LOOK_AGAIN_MS));
    else if (this.scope.ends(sid)) {
      this.deadlines.set(slot, -(nowMs + RETRY_MS));
      this.expire(sid);
    } else {
      // Its home proposes the end. What is known here is that nothing speaks against it.
      this.enlist(slot, sid, nowMs + RETRY_MS);
      return;
    }
    this.enlist(slot, sid);
  }

  /**
   * Until when a session lives at least because its server is lost, or because a server that is not heard may have renewed it, in the time of
   * leases; not later than now where neither is so.
   */
  private leastUntilMs(slot: number, sid: number): number {
    const ttlMs = this.state.sessions.ttlAt(slot) ?? 0;
    const unheardUntilMs = this.unheardUntilMs() - this.clock.nowMs() + this.time.nowMs();
    const lostMs = this.lostMs.size === 0 ? undefined : this.lostMs.get(this.scope.homeOf(sid) ?? 0);
    const orphanUntilMs =
      lostMs === undefined ? 0 : Math.max(lostMs, unheardUntilMs) + Math.max(ttlMs, this.limits.graceMs);
    return Math.max(unheardUntilMs + ttlMs, orphanUntilMs);
  }
}
