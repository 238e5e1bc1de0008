import type { Clock } from '../base/clock.js';
import type { AttachedElsewhere } from '../replica/attached-elsewhere.js';
import { ElsewhereReports } from './elsewhere-reports.js';
import { CALM_MS } from './limits.js';
import type { ElsewhereReport, FollowerLink, FollowerMessage } from './peers.js';

/** What {@link FollowerSessions} stand on. */
export interface FollowerSessionsDeps {
  readonly clock: Clock;
  /** The revision that is applied here. */
  readonly revision: () => number;
  readonly leases: {
    renew(sid: number): boolean;
    hold(sid: number): void;
    release(sid: number): void;
  };
  /** Whether there is such a session here. */
  readonly has: (sid: number) => boolean;
  /** Since when a session is attached at this server; undefined for one that is not. */
  readonly attachedSinceMs: (sid: number) => number | undefined;
  /** The sessions that are attached at this server. */
  readonly attached: () => Iterable<number>;
  /** What this server says of those at others. */
  readonly elsewhere: AttachedElsewhere;
  /** Ends the attachment that a session has at this server: it is attached elsewhere now. */
  readonly replace: (sid: number) => void;
  /** The name of the server that a session is at; undefined of one that is at none, and of this one. */
  readonly homeName: (sid: number) => string | undefined;
}

/** A server that follows, as far as sessions at it are concerned. */
export interface SessionFollower {
  readonly link: FollowerLink;
  /** Empty until it has said it. */
  name: string;
  /** Sessions that are attached there as of a revision that this server may not have applied yet. */
  readonly early: Map<number, EarlyAttachment>;
  /** Sessions that are at it and were renewed at other servers, since it was told last. */
  readonly renewed: Set<number>;
}

/** An attachment that was told of. */
export interface EarlyAttachment {
  /** What the follower had applied. */
  readonly asOf: number;
  /** When the attachment began, by the clock here. */
  readonly sinceMs: number;
}

/** Where a session is attached. */
interface Holder {
  readonly follower: SessionFollower;
  readonly sinceMs: number;
}

/** Knows which sessions are attached and renewed at which follower, and keeps their leases by it. */
export class FollowerSessions {
  readonly #deps: FollowerSessionsDeps;
  readonly #followers: ReadonlySet<SessionFollower>;
  /** At which follower each session is attached that is attached at one. */
  readonly #holders = new Map<number, Holder>();
  /** At which follower each session was renewed last that was renewed at one. */
  readonly #renewers = new Map<number, SessionFollower>();
  readonly #reports: ElsewhereReports<SessionFollower>;
  /** From then on the servers have come over: one that is not heard of has no sessions. */
  readonly #wholeFromMs: number;
  /** What happens to leases now comes of what a follower said, and not of a client here. */
  #isOfFollower = false;

  /** `followers`: those that are connected, as they come and go. */
  constructor(deps: FollowerSessionsDeps, followers: ReadonlySet<SessionFollower>) {
    this.#deps = deps;
    this.#followers = followers;
    const { clock, elsewhere, attached: sids, attachedSinceMs } = deps;
    this.#wholeFromMs = clock.nowMs() + CALM_MS;
    this.#reports = new ElsewhereReports({
      ...{ sids, elsewhere, isHere: (sid) => attachedSinceMs(sid) !== undefined },
      holderOf: (sid) => this.#holders.get(sid)?.follower,
    });
    elsewhere.awaitsAll(this.#wholeFromMs);
    elsewhere.missed = (sid) => this.#reports.changed(sid);
  }

  /** The next part of what a follower hears about sessions that are attached at other servers. */
  report(follower: SessionFollower): ElsewhereReport {
    return this.#reports.take(follower, this.#deps.clock.nowMs() >= this.#wholeFromMs);
  }

  /** Whether a session is attached at a follower. */
  isHeld(sid: number): boolean {
    return this.#holders.has(sid) || [...this.#followers].some(({ early }) => early.has(sid));
  }

  /** A session was renewed here. */
  renewed(sid: number): void {
    if (this.#isOfFollower) return;
    this.#renewers.delete(sid);
    this.#tellHome(sid);
  }

  /** A session is at another server: what is known of its attachment is of the one before. */
  moved(sid: number): void {
    this.#drop(sid);
  }

  /** A session has ended. */
  closed(sid: number): void {
    this.#holders.delete(sid);
    this.#renewers.delete(sid);
    // A follower that hears late of the end may have been told after it that the session is attached.
    this.#reports.changed(sid);
  }

  /** A session got an attachment here: the one that it had at a follower is over. */
  held(sid: number, isHeld: boolean): void {
    const holder = this.#holders.get(sid);
    if (this.#isOfFollower) return;
    this.#reports.changed(sid);
    if (isHeld) this.#deps.elsewhere.forget(sid);
    if (!isHeld || holder === undefined) return;
    this.#holders.delete(sid);
    tellReplaced(holder.follower, sid);
  }

  /** Takes what a follower says of sessions. */
  note(follower: SessionFollower, message: FollowerMessage): void {
    const { renewed, attached, attachedMs, detached, revision } = message;
    const { leases, clock } = this.#deps;
    this.#isOfFollower = true;
    for (const sid of renewed) {
      if (!leases.renew(sid)) continue;
      this.#renewers.set(sid, follower);
      this.#tellHome(sid, follower);
    }
    for (const sid of detached) this.#detached(follower, sid);
    const nowMs = clock.nowMs();
    attached.forEach((sid, at) => {
      follower.early.set(sid, { asOf: revision, sinceMs: nowMs - attachedMs[at] });
    });
    this.#takeEarly(follower);
    this.#isOfFollower = false;
  }

  /** A follower is gone: its sessions' leases run from now. */
  left(follower: SessionFollower): void {
    this.#isOfFollower = true;
    this.#reports.left(follower);
    const { leases, elsewhere, clock } = this.#deps;
    const calmUntilMs = clock.nowMs() + CALM_MS;
    for (const [sid, holder] of this.#holders) {
      if (holder.follower !== follower) continue;
      this.#holders.delete(sid);
      elsewhere.awaits(sid, calmUntilMs);
      leases.release(sid);
    }
    // What was renewed there within its last beat nobody has heard of.
    for (const [sid, renewer] of this.#renewers) {
      if (renewer !== follower) continue;
      this.#renewers.delete(sid);
      leases.renew(sid);
    }
    this.#isOfFollower = false;
  }

  /** The server that a session is at hears that it was renewed at another one: it is the one that proposes its expiry. */
  #tellHome(sid: number, at?: SessionFollower): void {
    const name = this.#deps.homeName(sid);
    if (name === undefined || name === at?.name) return;
    for (const follower of this.#followers) if (follower.name === name) follower.renewed.add(sid);
  }

  /** A follower may have applied the beginning of a session before this server has. */
  #takeEarly(follower: SessionFollower): void {
    const { has, revision } = this.#deps;
    for (const [sid, { asOf, sinceMs }] of follower.early) {
      if (asOf > revision()) continue;
      follower.early.delete(sid);
      // One that has ended the follower is about to hear of.
      if (has(sid)) this.#hold(sid, { follower, sinceMs });
    }
  }

  /**
   * A session is attached at a follower. Of two attachments the later counts: what a follower tells a new leader may be long over, at a
   * client that has gone elsewhere since.
   */
  #hold(sid: number, { follower, sinceMs }: Holder): void {
    const { replace, leases, attachedSinceMs, homeName, elsewhere } = this.#deps;
    // It has moved on since: the follower hears that from the log.
    if (homeName(sid) !== follower.name) return;
    const holder = this.#holders.get(sid);
    const other = holder?.follower === follower ? undefined : holder;
    if (
      Math.max(other?.sinceMs ?? Number.NEGATIVE_INFINITY, attachedSinceMs(sid) ?? Number.NEGATIVE_INFINITY) > sinceMs
    ) {
      tellReplaced(follower, sid);
      return;
    }
    if (other !== undefined) tellReplaced(other.follower, sid);
    this.#holders.set(sid, { follower, sinceMs });
    elsewhere.attached(sid);
    this.#reports.changed(sid);
    replace(sid);
    leases.hold(sid);
  }

  #detached(follower: SessionFollower, sid: number): void {
    follower.early.delete(sid);
    if (this.#holders.get(sid)?.follower !== follower) return;
    this.#drop(sid);
    this.#deps.leases.release(sid);
  }

  /** A session is not attached any more where it was. */
  #drop(sid: number): void {
    if (this.#holders.delete(sid)) this.#deps.elsewhere.gone(sid);
    this.#reports.changed(sid);
  }
}

/** A session is attached elsewhere now. */
function tellReplaced({ link }: SessionFollower, sid: number): void {
  link.send({ refusals: [], replaced: [sid], attached: [], absent: [], renewed: [] });
}
