import { entriesOf, keysOf } from '../base/tables.js';
import type { Change } from '../core/model/change.js';
import { Fault, type Reason } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import type { HashKey } from '../core/store/packed/halfsiphash.js';
import type { StateView } from '../core/store/state-view.js';
import { type Amounts, type Belonging, Belongings, LEVELS } from './belongings.js';
import { Holders, NONE } from './holders.js';
import { SHARE_FLAGS, type ShareFlag, type ShareLimits } from './limits.js';
import type { Origin } from './origin.js';
import { SessionShares } from './session-shares.js';

/** How a share that is full is refused. */
interface Refusal {
  readonly reason: Reason;
  readonly what: string;
  readonly retryMs: number;
}

/** Retries are those of the bounds of all: what is asked for becomes free as soon. */
const REFUSALS: Readonly<Record<keyof ShareLimits, Refusal>> = {
  sessionsPerConnectionMax: { reason: 'SESSION_LIMIT', what: 'sessions of one connection', retryMs: 5_000 },
  sessionsPerAddressMax: { reason: 'SESSION_LIMIT', what: 'sessions of one address', retryMs: 5_000 },
  connectionsPendingPerConnectionMax: {
    reason: 'CONNECTION_LIMIT',
    what: 'pending connections of one connection',
    retryMs: 2_000,
  },
  connectionsPendingPerAddressMax: {
    reason: 'CONNECTION_LIMIT',
    what: 'pending connections of one address',
    retryMs: 2_000,
  },
  streamsPerAddressMax: { reason: 'STREAM_LIMIT', what: 'streams of one address', retryMs: 1_000 },
  branchesPerAddressMax: { reason: 'STREAM_LIMIT', what: 'branches of one address', retryMs: 1_000 },
  linksPerAddressMax: { reason: 'LINK_LIMIT', what: 'ends of links of one address', retryMs: 5_000 },
  reportsPerAddressMax: { reason: 'LINK_LIMIT', what: 'links of one address that wait', retryMs: 5_000 },
};

/** What the shares stand on. */
export interface SharesDeps {
  readonly state: StateView;
  readonly limits: ShareLimits;
  /** Random: addresses are hashed by it. */
  readonly key: HashKey;
  /** Whether an address has no share of its own, as that of a balancer. Its connections have theirs. */
  readonly isExempt: (address: string) => boolean;
  /** Told which share was full: for metrics. */
  readonly refused?: ((share: ShareFlag) => void) | undefined;
}

/** Who opens a session. */
export interface Newcomer {
  /** Of its instance, in lower case. */
  readonly uuid: string;
  /** By which its session will be recognised. */
  readonly tokenHash: string;
}

/**
 * What one connection, and one address, may take of what all share: so that one caller cannot fill the server for everybody.
 *
 * A session belongs to who opened it, and to who attaches with its token from then on, where that one has room; a session
 * that nobody is known to have, after a restart, to who first shows its token. An attachment or a renewal is never refused.
 * A share is asked before a command is stored and never by the core: whoever was connected is no part of the state.
 */
export class Shares {
  readonly #deps: SharesDeps;
  readonly #holders: Holders;
  readonly #sessions: SessionShares;
  readonly #belongings: Belongings;
  /** What is held and what is on its way, by the holder at its level; none where that is 0. */
  readonly #amounts = new Map<Belonging, Map<number, number>>();
  /** Commands on their way of each session, whose room is kept where the session is: it does not move meanwhile. */
  readonly #busy = new Map<number, number>();

  constructor(deps: SharesDeps) {
    this.#deps = deps;
    this.#holders = new Holders(deps.key);
    this.#sessions = new SessionShares(deps.state, this.#holders);
    this.#belongings = new Belongings(deps.state, (sid, amounts) => this.#held(sid, amounts));
  }

  /** Opens a session by `work`, with room kept for it as long as that takes; refuses it where there is none. */
  async open<T>(origin: Origin, { uuid, tokenHash }: Newcomer, work: () => Promise<T>): Promise<T | Fault> {
    const holder = this.#holders.reach(origin);
    const full = this.#fullOfSessions(holder, this.#sessions.needs(holder, uuid), origin);
    if (full !== undefined) {
      this.#holders.tidy(holder);
      return this.#refuse(full);
    }
    const place = { holder, uuid, tokenHash };
    this.#sessions.reserve(place);
    try {
      return await work();
    } finally {
      this.#sessions.giveBack(place);
    }
  }

  /** Does `work` for a session, which may hold so much more after it; refuses it where there is no room. */
  async hold<T>(sid: number, origin: Origin, amounts: Amounts, work: () => Promise<T>): Promise<T | Fault> {
    const unowned = this.#fullForUnowned(sid, origin);
    if (unowned !== undefined) return this.#refuse(unowned);
    const owner = this.#sessions.holderOf(sid);
    // A session is nobody's still when it has ended.
    const holder = owner === NONE ? this.#holders.reach(origin) : owner;
    this.#holders.pin(holder);
    const full = this.#fullOf(holder, amounts, origin);
    if (full !== undefined) {
      this.#holders.unpin(holder);
      return this.#refuse(full);
    }
    this.#busy.set(sid, (this.#busy.get(sid) ?? 0) + 1);
    this.#add(holder, amounts, 1);
    try {
      return await work();
    } finally {
      this.#add(holder, amounts, -1);
      const busy = this.#busy.get(sid)! - 1;
      if (busy === 0) this.#busy.delete(sid);
      else this.#busy.set(sid, busy);
      this.#holders.unpin(holder);
    }
  }

  /** A session has attached from here: it counts here, where there is room for it and for all that it holds. */
  attached(sid: number, origin: Origin): void {
    const { state } = this.#deps;
    if (!state.sessions.has(sid) || this.#busy.has(sid)) return;
    const from = this.#sessions.holderOf(sid);
    const to = this.#holders.reach(origin);
    if (to === from) return;
    const amounts = this.#moved(sid, from, to);
    if (this.#fullFor(to, state.sessions.living(sid).uuid, amounts, origin) !== undefined) {
      this.#holders.tidy(to);
      return;
    }
    if (from !== NONE) this.#add(from, amounts, -1);
    this.#add(to, amounts, 1);
    this.#sessions.move(sid, to);
  }

  /** A session's token has come from here: if nobody is known to have the session, it counts here. */
  renewed(sid: number, origin: Origin): void {
    if (this.#sessions.holderOf(sid) === NONE) this.attached(sid, origin);
  }

  /**
   * A connection is closed. Its sessions live on, for the share of their address. What they are making stays bounded as one
   * connection's until they attach elsewhere: otherwise closing it would free them where the address is exempt.
   */
  disconnected(connection: string): void {
    this.#holders.close(connection);
  }

  /** Told of every command that was applied, before anybody who can ask for more. */
  publish(_position: Position, changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'SessionOpened') this.#sessions.opened(change.session.sid, change.session.tokenHash);
      else if (change.kind === 'SessionClosed') this.#sessions.closed(change.session.sid, change.session.uuid);
      else this.#belongings.take(change);
    }
  }

  /** How much the one has that has most, by share. Looks at everybody, so it is for whoever asks now and then. */
  largest(): Readonly<Record<ShareFlag, number>> {
    const { connection, address } = this.#holders.largest();
    const most = { 'sessions-per-connection': connection, 'sessions-per-address': address };
    const belongings = BELONGINGS.map((what) => [SHARE_FLAGS[what], largestOf(this.#amounts.get(what))]);
    return { ...most, ...Object.fromEntries(belongings) };
  }

  /** How many addresses and connections hold something. */
  get holderCount(): number {
    return this.#holders.count;
  }

  /** What an origin holds, by its connection and by its address. */
  usedBy(origin: Origin): Readonly<Record<keyof ShareLimits, number>> {
    const holder = this.#holders.reach(origin);
    const address = this.#holders.addressOf(holder);
    const belongings = BELONGINGS.map((what) => [what, this.#used(what, holder)]);
    const used = {
      sessionsPerConnectionMax: this.#holders.used(holder),
      sessionsPerAddressMax: this.#holders.used(address),
      ...Object.fromEntries(belongings),
    };
    this.#holders.tidy(holder);
    return used;
  }

  /**
   * The share that is too full for a live session that is nobody's, after it has been tried to count it here. What such a
   * session got more of would count nowhere.
   */
  #fullForUnowned(sid: number, origin: Origin): keyof ShareLimits | undefined {
    this.renewed(sid, origin);
    const session = this.#deps.state.sessions.get(sid);
    if (session === undefined || this.#sessions.holderOf(sid) !== NONE) return undefined;
    const to = this.#holders.reach(origin);
    const full = this.#fullFor(to, session.uuid, this.#belongings.of(sid), origin);
    this.#holders.tidy(to);
    return full;
  }

  /** The share that is too full for the session of an instance and all that it holds, if there is one. */
  #fullFor(to: number, uuid: string, amounts: Amounts, origin: Origin): keyof ShareLimits | undefined {
    const full = this.#fullOfSessions(to, this.#sessions.needs(to, uuid), origin);
    return full ?? this.#fullOf(to, amounts, origin);
  }

  #fullOfSessions(holder: number, levels: readonly number[], origin: Origin): keyof ShareLimits | undefined {
    const { sessionsPerConnectionMax, sessionsPerAddressMax } = this.#deps.limits;
    const address = this.#holders.addressOf(holder);
    for (const level of levels) {
      const used = this.#holders.used(level);
      if (level !== address && used >= sessionsPerConnectionMax) return 'sessionsPerConnectionMax';
      if (level === address && used >= sessionsPerAddressMax && !this.#isExempt(origin)) return 'sessionsPerAddressMax';
    }
    return undefined;
  }

  /** The share of a holder that has no room for so much more. An exempt address has none; its connections have theirs. */
  #fullOf(holder: number, amounts: Amounts, origin: Origin): Belonging | undefined {
    const isExempt = this.#isExempt(origin);
    return BELONGINGS.find((what) => {
      const more = amounts[what] ?? 0;
      if (more <= 0 || (isExempt && LEVELS[what] === 'address') || this.#at(what, holder) === NONE) return false;
      return this.#used(what, holder) + more > this.#deps.limits[what];
    });
  }

  /** What counts elsewhere when a session goes from one holder to another: of two of one address, what connections hold. */
  #moved(sid: number, from: number, to: number): Amounts {
    const amounts = this.#belongings.of(sid);
    if (from === NONE || this.#holders.addressOf(from) !== this.#holders.addressOf(to)) return amounts;
    const ofConnections = entriesOf(amounts).filter(([what]) => LEVELS[what] === 'connection');
    return Object.fromEntries(ofConnections);
  }

  /** Where something of a holder is counted: NONE for what connections hold, if it is not one. */
  #at(what: Belonging, holder: number): number {
    const address = this.#holders.addressOf(holder);
    if (LEVELS[what] === 'address') return address;
    return holder === address ? NONE : holder;
  }

  #used(what: Belonging, holder: number): number {
    return this.#amounts.get(what)?.get(this.#at(what, holder)) ?? 0;
  }

  #isExempt({ address }: Origin): boolean {
    return this.#deps.isExempt(address);
  }

  #refuse(share: keyof ShareLimits): Fault {
    const { reason, what, retryMs } = REFUSALS[share];
    const flag = SHARE_FLAGS[share];
    this.#deps.refused?.(flag);
    return new Fault(reason, `${this.#deps.limits[share]} ${what} are the limit (--${flag})`, [], retryMs);
  }

  #held(sid: number, amounts: Amounts): void {
    const holder = this.#sessions.holderOf(sid);
    if (holder !== NONE) this.#add(holder, amounts, 1);
  }

  #add(holder: number, amounts: Amounts, times: number): void {
    for (const [what, count] of entriesOf(amounts)) {
      const at = this.#at(what, holder);
      if (count === 0 || at === NONE) continue;
      const byHolder = this.#amounts.get(what) ?? new Map<number, number>();
      this.#amounts.set(what, byHolder);
      const now = (byHolder.get(at) ?? 0) + count * times;
      if (now === 0) byHolder.delete(at);
      else byHolder.set(at, now);
    }
  }
}

const BELONGINGS = keysOf(LEVELS);

function largestOf(amounts: ReadonlyMap<number, number> | undefined): number {
  let most = 0;
  for (const amount of amounts?.values() ?? []) most = Math.max(most, amount);
  return most;
}
