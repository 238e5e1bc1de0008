import type { Clock, Timer } from '../base/clock.js';
import type { LeaseWitness } from '../replica/leases.js';
import type { Replica } from '../replica/replica.js';
import { ElsewhereHearer } from './elsewhere-hearer.js';
import { ASK_MS } from './limits.js';
import type { ElsewhereReport, FollowerMessage, LeaderMessage } from './peers.js';
import { UnansweredRenewals } from './unanswered-renewals.js';

/** The longest that a message can say. */
const ATTACHED_MS_MAX = 0xffff_ffff;

/** What of a message is news of sessions and streams. */
export type News = Pick<FollowerMessage, 'renewed' | 'attached' | 'attachedMs' | 'detached' | 'usedStreams' | 'asked'>;

/** Who asks whether a session is attached anywhere, and whether the leader was asked. */
interface Asking {
  readonly resolve: ((isAttached: boolean) => void)[];
  readonly timer: Timer;
  isSent: boolean;
}

/** What {@link LocalNews} stands on. */
export interface LocalNewsDeps {
  readonly clock: Clock;
  /** Ends the attachment of a session here: it is attached elsewhere now. */
  readonly replace: (sid: number) => void;
  /** A session that is at this server was renewed at another one. */
  readonly renewedElsewhere: (sid: number) => void;
  /** The leader has said which sessions are attached at other servers; undefined: it is of an earlier build. */
  readonly attachedElsewhere: (report: ElsewhereReport | undefined) => void;
  /** The sessions that are attached here. */
  readonly attached: () => Iterable<number>;
  /** Since when a session is attached here; undefined for one that is not. */
  readonly attachedSinceMs: (sid: number) => number | undefined;
}

/**
 * What happens at a follower that its leader has to know of: which sessions are attached or renewed here, which streams carry data.
 * Each session and stream is noted once, so it is bounded by how many there are.
 */
export class LocalNews implements LeaseWitness {
  /** Called when there is something that should not wait for the next beat. */
  changed: () => void = () => {};
  readonly #deps: LocalNewsDeps;
  #renewed = new Set<number>();
  readonly #used = new Set<number>();
  /** Whether each session that is to be told of is attached here. */
  readonly #held = new Map<number, boolean>();
  /** Of which the leader was told that they are attached here. */
  readonly #told = new Set<number>();
  readonly #asking = new Map<number, Asking>();
  readonly #unanswered = new UnansweredRenewals();
  /** How many messages of the leader have come over the present link, and how many had when renewals were told last. */
  #heard = 0;
  #heardAtBeat = 0;
  #isOver = false;

  constructor(deps: LocalNewsDeps) {
    this.#deps = deps;
  }

  renewed(sid: number): void {
    if (!this.#isOver) this.#renewed.add(sid);
  }

  held(sid: number, isHeld: boolean): void {
    if (this.#isOver) return;
    this.#held.set(sid, isHeld);
    this.changed();
  }

  /** A session has ended: its SID may be another's some day. */
  closed(sid: number): void {
    this.#renewed.delete(sid);
    this.#unanswered.closed(sid);
    if (this.#told.has(sid)) this.#held.set(sid, false);
    else this.#held.delete(sid);
  }

  /** A stream has carried data. */
  used(streamId: number): void {
    if (!this.#isOver) this.#used.add(streamId);
  }

  /** Whether a session is attached anywhere. True when the leader does not say in time: an order to it passes then. */
  isAttached(sid: number): Promise<boolean> {
    return new Promise((resolve) => {
      const asking = this.#asking.get(sid);
      if (asking !== undefined) {
        asking.resolve.push(resolve);
        return;
      }
      const timer = this.#deps.clock.after(ASK_MS, () => this.#answer(sid, true));
      this.#asking.set(sid, { resolve: [resolve], timer, isSent: false });
      this.changed();
    });
  }

  /** How many messages the leader had sent over the present link before all renewals were told that it has not been told. */
  get heardAtBeat(): number {
    return this.#heardAtBeat;
  }

  /** A link has begun: the leader knows nothing of this server yet. */
  tellAll(): void {
    this.#heard = 0;
    this.#heardAtBeat = 0;
    for (const asking of this.#asking.values()) asking.isSent = false;
    // Nobody knows whether they arrived.
    for (const sid of this.#unanswered.takeAll()) this.#renewed.add(sid);
    this.#held.clear();
    this.#told.clear();
    for (const sid of this.#deps.attached()) this.#held.set(sid, true);
  }

  /** Takes some of what is to be told. Renewals wait for a beat. Undefined: there is nothing. */
  take(max: number, isBeat: boolean): News | undefined {
    const held = firstOf(this.#held.entries(), max);
    for (const [sid, isHeld] of held) {
      this.#held.delete(sid);
      if (isHeld) this.#told.add(sid);
      else this.#told.delete(sid);
    }
    const asked: number[] = [];
    for (const [sid, asking] of this.#asking) {
      if (asking.isSent || asked.length >= max) continue;
      asking.isSent = true;
      asked.push(sid);
    }
    // All of them: 4 bytes each, and every one of a million renews once in some seconds.
    const renewed = isBeat ? this.#takeRenewed() : [];
    const usedStreams = isBeat ? [...this.#used] : [];
    if (isBeat) this.#used.clear();
    if (isBeat) this.#heardAtBeat = this.#heard;
    if (held.length + asked.length + renewed.length + usedStreams.length === 0) return undefined;
    const sidsOf = (isHeld: boolean) => held.flatMap(([sid, is]) => (is === isHeld ? [sid] : []));
    const attached = sidsOf(true);
    const attachedMs = attached.map((sid) => this.#attachedMs(sid));
    return { renewed, attached, attachedMs, detached: sidsOf(false), usedStreams, asked };
  }

  #attachedMs(sid: number): number {
    const { clock, attachedSinceMs } = this.#deps;
    const nowMs = clock.nowMs();
    return Math.min(ATTACHED_MS_MAX, Math.round(nowMs - (attachedSinceMs(sid) ?? nowMs)));
  }

  #takeRenewed(): number[] {
    const renewed = this.#renewed;
    this.#renewed = new Set();
    this.#unanswered.told(renewed);
    return [...renewed];
  }

  /** A message was sent to the leader, with what was taken for it. */
  sent(): void {
    this.#unanswered.sent();
  }

  /** Whether the leader has answered every message over the present link. */
  get isAnswered(): boolean {
    return this.#unanswered.isNone;
  }

  /** What the leader has said. It names the servers in what answers a message of this one, and in nothing else. */
  heard({ replaced, attached, absent, renewed, roster, elsewhere }: Omit<LeaderMessage, 'refusals'>): void {
    this.#heard++;
    if (roster !== undefined) {
      this.#unanswered.answered();
      this.#deps.attachedElsewhere(elsewhere);
    }
    for (const sid of renewed) this.#deps.renewedElsewhere(sid);
    for (const sid of replaced) this.#deps.replace(sid);
    for (const sid of attached) this.#answer(sid, true);
    for (const sid of absent) this.#answer(sid, false);
  }

  /** This server leads now: it has nobody to tell. */
  end(): void {
    this.#isOver = true;
    this.#unanswered.takeAll();
    this.#renewed.clear();
    this.#used.clear();
    this.#held.clear();
    for (const sid of [...this.#asking.keys()]) this.#answer(sid, true);
  }

  #answer(sid: number, isAttached: boolean): void {
    const asking = this.#asking.get(sid);
    this.#asking.delete(sid);
    asking?.timer.cancel();
    for (const resolve of asking?.resolve ?? []) resolve(isAttached);
  }
}

function firstOf<T>(items: Iterable<T>, max: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length >= max) break;
    taken.push(item);
  }
  return taken;
}

/** The news of a replica, which is asked for when it is there. */
export function newsOf(replica: () => Replica, clock: Clock): LocalNews {
  const hearer = new ElsewhereHearer(() => replica().attachments.others);
  return new LocalNews({
    clock,
    attachedElsewhere: (report) => hearer.heard(report),
    replace: (sid) => replica().attachments.replace(sid),
    attached: () => replica().attachments.sids(),
    attachedSinceMs: (sid) => replica().attachments.sinceMs(sid),
    renewedElsewhere: (sid) => replica().leases.renewedElsewhere(sid),
  });
}
