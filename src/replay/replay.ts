import type { Clock, Random } from '../base/clock.js';
import { within } from '../base/timing.js';
import { type Network, type OwnSession, type Position, type Switchyard, SwitchyardError } from '../client/index.js';
import { wait } from '../client/instance/scope.js';
import { type Comparison, compare } from './comparison.js';
import { Latencies } from './latency.js';
import { type Proving, ReplayedMember } from './member.js';
import type { PlannedLink, ReplayPlan } from './plan.js';
import { TaskQueue } from './queue.js';

/** Calls under way at once: enough to fill the server's batches, few enough to measure calls and not a queue. */
const CALLS_AT_ONCE = 64;
/** Instances that share a connection. A fleet has one each; a replay must not run out of descriptors. */
const INSTANCES_PER_CONNECTION = 100;
/** How long one report is tried again: longer than a server takes to restart. */
const REPORT_TIMEOUT_MS = 120_000;
/** How often reports that met a session just going are made again before that is a mismatch. */
const SETTLE_ROUNDS_MAX = 20;
const SETTLE_REST_MS = 250;
/** How long the watcher may take to reach what it has to show: longer than it waits between two tries. */
const WATCHER_TIMEOUT_MS = 60_000;

/** What a replay needs from outside. */
export interface ReplaySurroundings extends Proving {
  /** Makes one connection to the server, or to any one of several. The replay closes it. */
  connect(): Switchyard;
  /** Makes one connection to each of the servers, and to no other. The replay closes them. */
  connectEach(): readonly Switchyard[];
  readonly clock: Clock;
  readonly random: Random;
  /** Interrupts; what is up then is taken down by {@link Replay.close}. */
  readonly signal: AbortSignal;
}

/** How far a replay is. */
export interface ReplayStatus {
  readonly sessions: number;
  readonly links: number;
  /** Times that a session was cut off or lost and came back by itself. */
  readonly upsets: number;
}

/** What the watchers saw in the end, one after the other. */
export interface Verdict extends Comparison {
  /** The newest position that one of them is at. */
  readonly position: Position;
  /** How many there are: one for each server. */
  readonly watchers: number;
}

/**
 * Brings a planned network up on a real server, one session for each node, and keeps it up: each link is reported by
 * both of its ends, and again whenever one of them has a new session. Of several servers of one network each session begins at any.
 *
 * Nothing here looks at the graph to mend it. Whether it came out right is judged by a watcher at each server, on a connection of
 * its own ({@link Replay.verify}).
 */
export class Replay {
  readonly latencies = new Latencies();
  /** What went wrong for good; a replay with any of these has failed. */
  readonly problems: string[] = [];
  readonly members: readonly ReplayedMember[];
  private readonly connections: Switchyard[] = [];
  private readonly linksOf: readonly PlannedLink[][];
  private readonly standing = new Set<PlannedLink>();
  private readonly unsettled = new Set<PlannedLink>();
  private readonly queue = new TaskQueue(CALLS_AT_ONCE);
  /** One at each server, in their order. */
  private readonly watchers: readonly Network[];
  private newest: Position | undefined;
  private upsets = 0;

  constructor(
    readonly plan: ReplayPlan,
    private readonly surroundings: ReplaySurroundings,
  ) {
    const observers = surroundings.connectEach();
    this.connections.push(...observers);
    this.watchers = observers.map((observer) => observer.watchNetwork());
    const linksOf: PlannedLink[][] = plan.nodes.map(() => []);
    for (const link of plan.links) {
      linksOf[link.a].push(link);
      linksOf[link.b].push(link);
    }
    this.linksOf = linksOf;
    this.members = plan.nodes.map((node, index) => {
      if (index % INSTANCES_PER_CONNECTION === 0) this.connect();
      const { clock, key, bindProofs } = surroundings;
      return new ReplayedMember(index, node, this.connections.at(-1)!, this, this.latencies, clock, {
        key,
        bindProofs,
      });
    });
  }

  get status(): ReplayStatus {
    const sessions = this.members.filter((member) => member.cvid !== undefined).length;
    return { sessions, links: this.standing.size, upsets: this.upsets };
  }

  /** Waits until every watcher has its first snapshot. Rejects when one of the servers is not there. */
  async begin(): Promise<void> {
    const { signal } = this.surroundings;
    const synced = this.watchers.map((watcher) => {
      const broken = new Promise<never>((_, reject) => watcher.on('broken', reject));
      return Promise.race([watcher.synced(signal), broken]);
    });
    await Promise.all(synced);
  }

  /** Lets everybody join, one after the other as the plan says; links are reported as soon as both ends are there. */
  async bringUp(): Promise<void> {
    for (const member of this.members) {
      this.surroundings.signal.throwIfAborted();
      await member.join();
    }
    await this.settle();
  }

  /**
   * What the watchers see, each compared with the plan. Waits until everybody is attached, every report has been answered
   * and every watcher has reached the last answer; when a server went away meanwhile, looks again.
   */
  async verify(): Promise<Verdict> {
    for (;;) {
      const before = this.upsets;
      await this.settle();
      await Promise.all(this.watchers.map((_, at) => this.watcherReached(at, this.newest!))).catch((error) => {
        // Of another epoch: a server that kept nothing was started anew, and newer answers are on their way.
        if (this.upsets === before) throw error;
      });
      const verdict = this.compareAll();
      if (verdict.differences.length === 0 || this.upsets === before) return verdict;
    }
  }

  /** Everybody says goodbye, and every connection is closed. */
  async close(): Promise<void> {
    for (const watcher of this.watchers) watcher.close();
    await Promise.all(this.members.map((member) => member.leave()));
    await Promise.all(this.connections.map((connection) => connection.close()));
  }

  /** Called by members. */
  opened(member: ReplayedMember, { position }: OwnSession): void {
    this.advance(position);
    for (const link of this.linksOf[member.index]) {
      this.standing.delete(link);
      this.enqueue(link);
    }
  }

  /** Called by members. */
  upset(): void {
    this.upsets += 1;
  }

  /** Called by members. */
  failed({ node }: ReplayedMember, error: SwitchyardError): void {
    this.problems.push(`node ${node.id}: its session ended: ${error.reason ?? error.message}`);
  }

  /** Waits for somebody who is on the way back, and not for somebody who is over: that is told as a problem. */
  private async attached(member: ReplayedMember): Promise<void> {
    const { signal } = this.surroundings;
    const { instance } = member;
    try {
      await instance.attached(signal);
    } catch (error) {
      if (signal.aborted || instance.state !== 'ended') throw error;
    }
  }

  /** Each difference says which watcher has it, where there are several. */
  private compareAll(): Verdict {
    const comparisons = this.watchers.map((watcher) => compare(this.plan, watcher.graph));
    const differences = comparisons.flatMap(({ differences: own }, at) => own.map((line) => this.at(at) + line));
    const positions = this.watchers.map(({ position }) => position!);
    const position = positions.reduce((newest, one) => (one.revision > newest.revision ? one : newest));
    return { ...comparisons[0], differences, position, watchers: this.watchers.length };
  }

  private at(watcher: number): string {
    return this.watchers.length === 1 ? '' : `watcher ${watcher + 1} of ${this.watchers.length}: `;
  }

  private async watcherReached(at: number, position: Position): Promise<void> {
    const { clock, signal } = this.surroundings;
    try {
      await within(clock, WATCHER_TIMEOUT_MS, (inTime) => this.watchers[at].reached(position, inTime), signal);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'TimeoutError')) throw error;
      const who = this.watchers.length === 1 ? 'the watcher' : `watcher ${at + 1} of ${this.watchers.length}`;
      throw new Error(`${who} did not get to revision ${position.revision} in ${WATCHER_TIMEOUT_MS / 1000} s`);
    }
  }

  /** Waits until everybody is attached and every link has been reported to sessions that still stand. */
  private async settle(): Promise<void> {
    const { signal } = this.surroundings;
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
      await Promise.all(this.members.map((member) => this.attached(member)));
      await this.queue.idle();
      signal.throwIfAborted();
      if (this.unsettled.size === 0) return;
      await wait(this.surroundings.clock, SETTLE_REST_MS, signal);
      for (const link of [...this.unsettled]) this.enqueue(link);
    }
  }

  /** Reports a link from both ends, when both are there. The end that comes later brings the other one along. */
  private enqueue(link: PlannedLink): void {
    const [a, b] = [this.members[link.a], this.members[link.b]];
    const { cvid: cvidA } = a;
    const { cvid: cvidB } = b;
    this.unsettled.delete(link);
    if (cvidA === undefined || cvidB === undefined) return;
    this.queue.add(async () => {
      const isCurrent = () => a.cvid === cvidA && b.cvid === cvidB && !this.surroundings.signal.aborted;
      if (!isCurrent()) return;
      try {
        await Promise.all([this.report(a, cvidB, link), this.report(b, cvidA, link)]);
        if (isCurrent()) this.standing.add(link);
      } catch (error) {
        // When an end has a new session by now, that one's own report is on its way.
        if (isCurrent()) this.notice(link, error);
      }
    });
  }

  private async report(from: ReplayedMember, peerCvid: number, { link }: PlannedLink): Promise<void> {
    const { clock, signal } = this.surroundings;
    const startedMs = clock.nowMs();
    const options = { retry: true, timeoutMs: REPORT_TIMEOUT_MS, signal };
    const { position } = await from.instance.linkEstablished(peerCvid, link, options);
    this.latencies.add('ReportLink', clock.nowMs() - startedMs);
    this.advance(position);
  }

  /** A session that is gone may not know it yet; everything else is a refusal that should not have been. */
  private notice(link: PlannedLink, error: unknown): void {
    const { reason } = error instanceof SwitchyardError ? error : { reason: undefined };
    if (reason === 'NODE_NOT_FOUND' || reason?.startsWith('SESSION_')) {
      this.unsettled.add(link);
      return;
    }
    const ends = `${this.plan.nodes[link.a].id} -- ${this.plan.nodes[link.b].id}`;
    this.problems.push(`link ${ends}: ${error instanceof Error ? error.message : String(error)}`);
  }

  /** Remembers the newest position that an answer named. */
  private advance(position: Position): void {
    const { newest } = this;
    if (newest?.epoch !== position.epoch || position.revision > newest.revision) this.newest = position;
  }

  private connect(): Switchyard {
    const connection = this.surroundings.connect();
    this.connections.push(connection);
    return connection;
  }
}
