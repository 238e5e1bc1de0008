import type { Clock } from '../base/clock.js';
import type { Command } from '../core/model/command.js';
import { decodeRecord } from '../journal/format/record.js';
import type { LeaseWitness } from '../replica/leases.js';
import type { Forwarded } from '../replica/replica.js';
import { CALM_MS, SILENCE_MS } from './limits.js';
import type { FollowerHandler, FollowerLink, FollowerMessage, ForwardedCommand, Refused } from './peers.js';

/** What a {@link LeaderDesk} stands on. */
export interface LeaderDeskDeps {
  readonly clock: Clock;
  /** In which this server leads. */
  readonly term: bigint;
  /** Takes a command that a follower has forwarded. */
  readonly take: (forwarded: Forwarded) => void;
  /** The revision that is applied here. */
  readonly revision: () => number;
  readonly leases: {
    renew(sid: number): boolean;
    hold(sid: number): void;
    release(sid: number): void;
  };
  /** Whether there is such a session here. */
  readonly has: (sid: number) => boolean;
  /** Whether a session is attached at this server. */
  readonly isAttached: (sid: number) => boolean;
  /** Ends the attachment that a session has at this server: it is attached elsewhere now. */
  readonly replace: (sid: number) => void;
  /** A stream has carried data somewhere. */
  readonly used: (streamId: number) => void;
}

/** What is known of one process that forwards. */
interface Origin {
  /** It waits for nothing lower. */
  floor: number;
  /** Commands that were taken in this term: what was refused of them, or undefined. */
  readonly taken: Map<number, Refused | undefined>;
}

interface Follower {
  readonly link: FollowerLink;
  heardMs: number;
  refusals: Refused[];
  isPlanned: boolean;
  /** Sessions that are attached there as of a revision that this server may not have applied yet. */
  readonly early: Map<number, number>;
}

/**
 * What a leader does for its followers in one term: takes their commands, each once, and knows which sessions are attached and
 * renewed there, so that no lease ends of a session that lives.
 */
export class LeaderDesk implements LeaseWitness {
  readonly #deps: LeaderDeskDeps;
  /** By incarnation. A process more is a server's start more: some dozens of bytes each, until the term ends. */
  readonly #origins = new Map<number, Origin>();
  readonly #followers = new Set<Follower>();
  /** At which follower each session is attached that is attached at one. */
  readonly #holders = new Map<number, Follower>();
  /** A follower's link broke: until then it may come back, and what it knows with it. */
  #calmUntilMs = Number.NEGATIVE_INFINITY;
  #isOfFollower = false;

  constructor(deps: LeaderDeskDeps) {
    this.#deps = deps;
  }

  /** How many servers follow. */
  get count(): number {
    return this.#followers.size;
  }

  /** Whether every follower was heard of lately, so that no renewal is unknown here. */
  get mayExpire(): boolean {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs < this.#calmUntilMs) return false;
    for (const { heardMs } of this.#followers) if (nowMs - heardMs > SILENCE_MS) return false;
    return true;
  }

  /** Whether a session is attached at a follower. */
  isHeld(sid: number): boolean {
    return this.#holders.has(sid) || [...this.#followers].some(({ early }) => early.has(sid));
  }

  renewed(): void {}

  /** A session has ended. */
  closed(sid: number): void {
    this.#holders.delete(sid);
  }

  /** A session got an attachment here: the one that it had at a follower is over. */
  held(sid: number, isHeld: boolean): void {
    const holder = this.#holders.get(sid);
    if (this.#isOfFollower || !isHeld || holder === undefined) return;
    this.#holders.delete(sid);
    holder.link.send({ refusals: [], replaced: [sid], attached: [], absent: [] });
  }

  /** A server has connected. */
  accept(link: FollowerLink): FollowerHandler {
    const { clock } = this.#deps;
    const early = new Map<number, number>();
    const follower: Follower = { link, heardMs: clock.nowMs(), refusals: [], isPlanned: false, early };
    this.#followers.add(follower);
    return {
      received: (message) => this.#received(follower, message),
      closed: () => this.#left(follower),
    };
  }

  #received(follower: Follower, message: FollowerMessage): void {
    if (message.term !== this.#deps.term) {
      follower.link.refuse();
      return;
    }
    follower.heardMs = this.#deps.clock.nowMs();
    this.#take(follower, message);
    this.#isOfFollower = true;
    this.#note(follower, message);
    this.#isOfFollower = false;
    const { asked } = message;
    const isThere = (sid: number) => this.#deps.isAttached(sid) || this.isHeld(sid);
    const [attached, absent] = [asked.filter(isThere), asked.filter((sid) => !isThere(sid))];
    // Also when there is nothing to say: so a follower knows that it is heard.
    follower.link.send({ refusals: follower.refusals.splice(0), replaced: [], attached, absent });
  }

  #take(follower: Follower, { incarnation, floor, commands }: FollowerMessage): void {
    let origin = this.#origins.get(incarnation);
    if (origin === undefined) this.#origins.set(incarnation, (origin = { floor, taken: new Map() }));
    if (floor > origin.floor) origin.floor = floor;
    for (const count of origin.taken.keys()) if (count < origin.floor) origin.taken.delete(count);
    for (const command of commands) this.#takeOne(follower, { incarnation, origin }, command);
  }

  #takeOne(
    follower: Follower,
    { incarnation, origin }: { readonly incarnation: number; readonly origin: Origin },
    { count, record, urgent }: ForwardedCommand,
  ): void {
    // A late repetition of what the log has told long ago.
    if (count < origin.floor) return;
    if (origin.taken.has(count)) {
      const refusal = origin.taken.get(count);
      if (refusal !== undefined) this.#refuse(follower, refusal);
      return;
    }
    origin.taken.set(count, undefined);
    const command: Command = decodeRecord({ revision: 1, bytes: record });
    const tag = (BigInt(incarnation) << 32n) | BigInt(count);
    this.#deps.take({
      ...{ command, tag, urgent },
      refused: (fault) => {
        const refusal = { count, revision: this.#deps.revision(), fault };
        if (origin.taken.has(count)) origin.taken.set(count, refusal);
        this.#refuse(follower, refusal);
      },
    });
  }

  #refuse(follower: Follower, refusal: Refused): void {
    follower.refusals.push(refusal);
    if (follower.isPlanned) return;
    follower.isPlanned = true;
    this.#deps.clock.soon(() => {
      follower.isPlanned = false;
      const refusals = follower.refusals.splice(0);
      if (refusals.length > 0 && this.#followers.has(follower)) {
        follower.link.send({ refusals, replaced: [], attached: [], absent: [] });
      }
    });
  }

  #note(follower: Follower, { renewed, attached, detached, usedStreams, revision }: FollowerMessage): void {
    const { leases, used } = this.#deps;
    for (const sid of renewed) leases.renew(sid);
    for (const sid of usedStreams) used(sid);
    for (const sid of detached) this.#detached(follower, sid);
    for (const sid of attached) follower.early.set(sid, revision);
    this.#takeEarly(follower);
  }

  /** A follower may have applied the beginning of a session before this server has. */
  #takeEarly(follower: Follower): void {
    const { has, replace, leases, revision } = this.#deps;
    for (const [sid, asOf] of follower.early) {
      if (asOf > revision()) continue;
      follower.early.delete(sid);
      // It has ended: the follower is about to apply that.
      if (!has(sid)) continue;
      const holder = this.#holders.get(sid);
      if (holder !== undefined && holder !== follower) {
        holder.link.send({ refusals: [], replaced: [sid], attached: [], absent: [] });
      }
      this.#holders.set(sid, follower);
      replace(sid);
      leases.hold(sid);
    }
  }

  #detached(follower: Follower, sid: number): void {
    follower.early.delete(sid);
    if (this.#holders.get(sid) !== follower) return;
    this.#holders.delete(sid);
    this.#deps.leases.release(sid);
  }

  #left(follower: Follower): void {
    if (!this.#followers.delete(follower)) return;
    this.#calmUntilMs = this.#deps.clock.nowMs() + CALM_MS;
    this.#isOfFollower = true;
    for (const [sid, holder] of this.#holders) {
      if (holder !== follower) continue;
      this.#holders.delete(sid);
      this.#deps.leases.release(sid);
    }
    this.#isOfFollower = false;
  }
}
