import type { Applied } from '../core/decide/apply.js';
import type { Change } from '../core/model/change.js';
import type { Command } from '../core/model/command.js';
import { Fault } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import { decodeRecord } from '../journal/format/record.js';
import type { JournalError, StoredRecord } from '../journal/journal.js';
import type { SeenLeader, Term } from '../log/shared-log.js';
import type { Publisher } from '../replica/publisher.js';
import type { CommandRoute, Replica } from '../replica/replica.js';
import { Campaign } from './campaign.js';
import { deskOf, type LeaderDesk } from './desk.js';
import { Forwarder } from './forwarder.js';
import { leave } from './leave.js';
import { cutOffMs, LAG_MS_MAX, LEADER_SNAPSHOT_PATIENCE, LEASE_SLACK_MS, LOOK_MS, READY_LAG_MS } from './limits.js';
import { type LocalNews, newsOf } from './local-news.js';
import { LogFollower } from './log-follower.js';
import { LogUpkeep } from './log-upkeep.js';
import { MemberCurrency } from './member-currency.js';
import type { MemberDeps } from './member-deps.js';
import type { FollowerHandler, FollowerLink } from './peers.js';
import { type Readiness, readinessOf } from './readiness.js';
import { ServerAddresses } from './server-addresses.js';
import { ServerNodes } from './server-nodes.js';
import type { Fates } from './waiting.js';

/** What a server is in its network. `starting`: it has not read the log to its end yet. */
export type MemberRole = 'starting' | 'following' | 'leading' | 'over';

/**
 * A server among the servers of a network: it applies the log and forwards what its clients ask for, until it wins a term and leads.
 *
 * A leader that loses its term is over: its process ends, and begins anew as a follower.
 */
export class Member implements CommandRoute, Publisher {
  readonly #deps: MemberDeps;
  readonly #news: LocalNews;
  readonly #roster: ServerAddresses;
  readonly #forwarder: Forwarder;
  readonly #follower: LogFollower;
  readonly #place: ServerNodes;
  readonly #currency: MemberCurrency;
  readonly #campaign: Campaign;
  readonly upkeep: LogUpkeep;
  #desk: LeaderDesk | undefined;
  #role: MemberRole = 'starting';
  #term: Term | undefined;
  #watch: { close(): void } | undefined;
  #isInTouch = true;
  #isCurrent = true;
  #readiness: Readiness = 'ready';
  /** Who led when the log was read last. */
  #seen: SeenLeader | undefined;

  constructor(deps: MemberDeps) {
    this.#deps = deps;
    const { clock, random, name, address, dial, pendingMax, log, seq, chain, replica, logger } = deps;
    this.#roster = new ServerAddresses(() => ({
      ...{ name, peerAddress: address, addresses: deps.addresses },
      attachedCount: replica().attachments.count,
    }));
    this.#news = newsOf(replica, clock);
    this.#forwarder = new Forwarder({
      ...{ clock, random, address, dial, pendingMax, cutOffMs: cutOffMs(deps.leaderTtlMs) },
      news: this.#news,
      roster: this.#roster,
      revision: () => replica().state.revision,
      tryOut: (command) => outcomeOf(replica(), command),
    });
    this.#place = new ServerNodes({
      ...{ clock, name, uuid: deps.uuid, replica },
      reached: () => this.#desk?.names ?? this.#forwarder.reachedNames,
      leads: () => this.#role === 'leading',
      isOver: () => this.#role === 'over',
    });
    this.#campaign = new Campaign({
      ...{ clock, log, logger },
      won: (term) => this.#win(term),
      failed: (error) => this.#fail(error),
    });
    this.#currency = new MemberCurrency({
      ...{ clock, log, deposed: (error: JournalError) => this.#fail(error) },
      revision: () => replica().state.revision,
      leads: () => (this.#role === 'leading' ? this.#term : undefined),
      follow: () => this.#follower.read(),
    });
    this.upkeep = new LogUpkeep({
      ...{ ...deps.upkeep, clock, log, logger, replica, firstSeq: seq + 1 },
      seq: () => this.#follower.seq,
      isFollowing: () => this.#role === 'following' && this.isInTouch,
      followers: () => this.#roster.servers.map((server) => server.name).filter((one) => one !== this.#seen?.name),
      name,
    });
    this.#follower = new LogFollower({
      ...{ clock, seq, chain, batches: this.upkeep },
      tail: log.tail(seq, chain),
      entered: (term) => this.#forwarder.entered(term),
      apply: (record) => this.#apply(record),
      readable: (isReadable, error) => {
        if (isReadable) logger.info('the log can be read again');
        else logger.warn({ err: error }, 'the log cannot be read; it is tried again');
      },
    });
  }

  get serverUuid(): string {
    return this.#deps.uuid;
  }

  get role(): MemberRole {
    return this.#role;
  }

  /** The term that this server leads in, or the newest of which it has applied a batch. */
  get term(): bigint {
    return this.#term?.number ?? this.#follower.term;
  }

  /** The term that this server has won; undefined while it follows. */
  get won(): Term | undefined {
    return this.#term;
  }

  /** The last batch that is applied. */
  get seq(): number {
    return this.#role === 'leading' ? (this.#term?.figures.seq ?? 0) : this.#follower.seq;
  }

  /** Up to where the log is applied, as it is told from another one. */
  get position(): { readonly seq: number; readonly chain: Uint8Array } {
    const { figures } = this.#term ?? {};
    // Also when it is over: what a leader has appended is applied, or will be wherever the log is read.
    return this.#desk === undefined || figures === undefined ? this.#follower : figures;
  }

  /** How long ago the log was read to its end; 0 at the leader. */
  get lagMs(): number {
    return this.#role === 'leading' ? 0 : this.#follower.lagMs;
  }

  /** The servers that live, as far as is known here. */
  get roster(): ServerAddresses {
    this.#roster.learn(this.#desk?.roster);
    return this.#roster;
  }

  /** What became of commands that were forwarded from here. */
  get fates(): Readonly<Fates> {
    return this.#forwarder.fates;
  }

  /** From now on told how long each forwarded command took, in ms. */
  onForwarded(listener: (ms: number) => void): void {
    this.#forwarder.timed = listener;
  }

  /** The other servers of the network that this one knows of, and whether it hears of each: a follower hears of the leader alone. */
  get peers(): ReadonlyMap<string, boolean> {
    return this.roster.whoIsHeard(this.#desk?.names ?? this.#forwarder.reachedNames);
  }

  get snapshotPatience(): number {
    return this.followers === 0 ? 1 : LEADER_SNAPSHOT_PATIENCE;
  }

  /** How many servers follow this one. */
  get followers(): number {
    return this.#desk?.count ?? 0;
  }

  /** Whether this server can vouch for sessions: its term stands, or the one that leads has answered lately and the log could be read. */
  get isInTouch(): boolean {
    if (this.#role === 'leading') return this.#term?.stands() === true;
    if (this.#role === 'over' || this.#forwarder.isLeaving) return false;
    return this.#forwarder.silentMs <= cutOffMs(this.#deps.leaderTtlMs) && this.#follower.lagMs <= LAG_MS_MAX;
  }

  /** Whether clients should come here. */
  get readiness(): Readiness {
    if (this.#role === 'leading') return 'ready';
    const isHeard = this.#forwarder.silentMs <= cutOffMs(this.#deps.leaderTtlMs);
    const isCurrent = this.#follower.lagMs <= READY_LAG_MS;
    return readinessOf({ isHeard, isCurrent, isLed: this.#seen !== undefined });
  }

  /** Begins to follow, and to try to lead. Resolves when the network is there and everything in the log is applied. */
  async start(): Promise<void> {
    const { attachments, deadlines, leases } = this.#deps.replica();
    leases.witness = this.#news;
    leases.slackMs = LEASE_SLACK_MS;
    leases.mayExpire = () => this.#forwarder.knowsRenewals;
    deadlines.usedElsewhere = (id) => this.#news.used(id);
    attachments.elsewhere = (sid) =>
      this.#desk === undefined ? this.#news.isAttached(sid) : this.#desk.mayBeHeld(sid);
    this.#watch = this.#deps.log.watch(() => this.#follower.look());
    this.#scheduleLook();
    this.upkeep.start();
    await new Promise<void>((resolve, reject) => {
      const failed = (error: unknown) => {
        reject(error);
        this.#fail(error);
      };
      const reached = (leader: SeenLeader | undefined) => this.#reached(leader, resolve);
      const lead = () => (this.#term === undefined || this.#role === 'over' ? undefined : this.#lead(this.#term));
      this.#follower.run(reached).then(lead).then(resolve, failed);
    });
    if (!(await this.#place.join())) throw new Error('the server was told to end before it had joined the others');
  }

  carry(command: Command, urgent: boolean): Promise<Applied | Fault> {
    return this.#forwarder.carry(command, urgent);
  }

  /** A server has connected to the peer door. Undefined: this one does not lead. */
  accept(link: FollowerLink): FollowerHandler | undefined {
    return this.#role === 'leading' ? this.#desk?.accept(link) : undefined;
  }

  /** Told of every change, after the leases. */
  publish(position: Position, changes: readonly Change[]): void {
    this.upkeep.publish(position, changes);
    this.#desk?.applied();
    this.#currency.applied();
    for (const change of changes) {
      if (change.kind === 'SessionMoved') this.#desk?.moved(change.session.sid);
      if (change.kind !== 'SessionClosed') continue;
      this.#desk?.closed(change.session.sid);
      this.#news.closed(change.session.sid);
    }
  }

  /**
   * Waits until everything is applied here that was acknowledged anywhere before the call. A refusal when that takes too long: then
   * nothing can be said to be absent.
   */
  current(): Promise<Fault | undefined> {
    return this.#currency.current();
  }

  /** The same for a revision, which may be applied already. */
  reached(revision: number): Promise<Fault | undefined> {
    return this.#currency.reached(revision);
  }

  /** Follows no more, and gives its term back. What is known of forwarded commands is answered; of others OUTCOME_UNKNOWN. */
  async close(): Promise<void> {
    const [forwarder, news, { clock }] = [this.#forwarder, this.#news, this.#deps];
    await leave({ forwarder, news, clock, isFollowing: () => this.#role === 'following' });
    this.#end();
    await this.#term?.resign();
  }

  #end(): void {
    this.#role = 'over';
    this.#campaign.stop();
    this.upkeep.end();
    this.#watch?.close();
    for (const resolve of this.#follower.end()) resolve(false);
    this.#currency.end();
    this.#forwarder.giveUp();
  }

  #fail(error: unknown): void {
    if (this.#role === 'over') return;
    this.#end();
    this.#deps.lost(error);
  }

  /** The log was read to its end. False: this server leads, and follows no more. */
  #reached(leader: SeenLeader | undefined, begun: () => void): boolean {
    this.#forwarder.reached(leader);
    this.#seen = leader;
    this.#campaign.begin();
    // A term's first batch is there from its beginning: behind it is nothing of an earlier one.
    if (this.#term !== undefined && this.#follower.seq >= this.#term.figures.seq) return false;
    if (this.#role === 'starting' && this.#deps.replica().state.revision > 0) {
      this.#role = 'following';
      begun();
    }
    return true;
  }

  #apply(record: StoredRecord): void {
    const replica = this.#deps.replica();
    const { revision } = replica.state;
    if (record.revision <= revision) return;
    if (record.revision > revision + 1) throw new Error(`record ${record.revision} follows revision ${revision}`);
    const outcome = replica.follow(decodeRecord(record, this.#deps.rulesMax));
    if (record.tag !== undefined) this.#forwarder.applied(record.tag, outcome);
  }

  #win(term: Term): void {
    this.#term = term;
    if (term.lost.aborted) this.#fail(term.lost.reason);
    else term.lost.addEventListener('abort', () => this.#fail(term.lost.reason));
    this.#follower.look();
  }

  /** Everything that earlier terms appended is applied, and nothing more of them can come. */
  async #lead(term: Term): Promise<void> {
    const replica = this.#deps.replica();
    const { clock, leaderTtlMs } = this.#deps;
    const self = () => this.#roster.self;
    const desk = deskOf(replica, { term: term.number, clock, leaderTtlMs, self });
    const rest = this.#forwarder.lead();
    this.#news.end();
    this.upkeep.lead(term);
    replica.lead(term.journal);
    this.#desk = desk;
    this.#role = 'leading';
    for (const resolve of this.#follower.end()) void this.#currency.confirm().then(resolve);
    this.#touch();
    await this.#deps.leads(term);
    for (const { command, urgent, resolve } of rest) {
      void (urgent ? replica.enforce(command) : replica.submit(command)).then(resolve);
    }
  }

  /** Looks at the log now and then, also when nothing was told. */
  #scheduleLook(): void {
    this.#deps.clock.after(LOOK_MS, () => {
      if (this.#role === 'over' || this.#role === 'leading') return;
      this.#touch();
      this.#follower.look();
      this.#scheduleLook();
    });
  }

  #touch(): void {
    // Not looked at again while it leads: a term that is lost ends the process.
    const isInTouch = this.#role === 'leading' || this.isInTouch;
    const { readiness } = this;
    const isCurrent = this.lagMs <= LAG_MS_MAX;
    const isKnown = isInTouch === this.#isInTouch && readiness === this.#readiness && isCurrent === this.#isCurrent;
    if (this.#role === 'starting' || isKnown) return;
    this.#isInTouch = isInTouch;
    this.#readiness = readiness;
    this.#isCurrent = isCurrent;
    this.#deps.inTouch(isInTouch, readiness, isCurrent);
  }
}

function outcomeOf(replica: Replica, command: Command): Applied | Fault {
  const changes = replica.tryOut(command);
  return changes instanceof Fault ? changes : { revision: replica.state.revision, changes };
}
