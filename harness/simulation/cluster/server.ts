import { pino } from 'pino';
import type { Clock } from '../../../src/base/clock.js';
import type { Asking } from '../../../src/brokering/asking.js';
import type { BranchHost } from '../../../src/cluster/door/branch-calls.js';
import { EpochRenewal } from '../../../src/cluster/epoch-renewal.js';
import { LogMemory, type MemoryStore } from '../../../src/cluster/log-memory.js';
import { Member } from '../../../src/cluster/member.js';
import type { DialLeader, FollowerHandler, FollowerLink } from '../../../src/cluster/peers.js';
import type { Change } from '../../../src/core/model/change.js';
import type { Command } from '../../../src/core/model/command.js';
import { INITIAL_LIMITS } from '../../../src/core/model/limits.js';
import type { Position } from '../../../src/core/model/position.js';
import type { State } from '../../../src/core/store/state.js';
import { encodeRevision } from '../../../src/grpc/encode/network-topic.js';
import { unknownPart } from '../../../src/journal/format/frame.js';
import type { KnownNumbers } from '../../../src/journal/readers.js';
import { LogKeys } from '../../../src/log/etcd/keys.js';
import { EtcdLog } from '../../../src/log/etcd/log.js';
import { ServerName } from '../../../src/log/etcd/server-name.js';
import type { EtcdStore } from '../../../src/log/etcd/store.js';
import type { FollowedLog, LogTail } from '../../../src/log/shared-log.js';
import { DEFAULT_RELAY_LIMITS } from '../../../src/relay/limits.js';
import { Relay } from '../../../src/relay/relay.js';
import type { BranchRequest } from '../../../src/relay/remote-branch.js';
import { cutOff } from '../../../src/replica/currency.js';
import { DEFAULT_REPLICA_LIMITS } from '../../../src/replica/limits.js';
import type { Publisher } from '../../../src/replica/publisher.js';
import { recover } from '../../../src/replica/recover.js';
import { Replica } from '../../../src/replica/replica.js';
import { joinRelays, type PeerBranches } from '../../../src/server/neighbours.js';
import { within } from '../machine/etcd-disk.js';
import type { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';
import { Brokering } from './brokering.js';
import type { LinkPlace } from './links.js';

/** How long the leader may be silent before another can win. */
export const LEADER_TTL_MS = 3_000;
export const NETWORK = 'simulated';
/** So few that a run meets snapshots, and servers that begin from one. */
const SNAPSHOT_EVERY = 200;

const NO_BRANCHES: Pick<PeerBranches, 'dial' | 'reach'> = {
  dial: () => {
    throw new Error('this server has no way to the others for streams');
  },
  reach: async () => false,
};

/** Deliberate faults between a server's parts. */
export interface ClusterTampering {
  /** A server's connection to etcd. */
  readonly store?: (store: EtcdStore) => EtcdStore;
  /** What a server asks for when it dials another one for a branch of a stream. */
  readonly dialled?: (request: BranchRequest) => BranchRequest;
  /** The log as a server sees it. */
  readonly log?: (log: FollowedLog) => FollowedLog;
  /** The same for its end, at a server of this name. */
  readonly tail?: (tail: LogTail, name: string) => LogTail;
  /** No fault: how long every server waits before it reads the log's end, until all comes to rest; as on busy machines. */
  readonly lateMs?: number;
  /** What a leader hears over a link, by how many links of that follower there were before in its life. */
  readonly handler?: (handler: FollowerHandler, nth: number) => FollowerHandler;
  /** How a server makes sure that it is up to date. */
  readonly current?: (member: Member) => ReturnType<Member['current']>;
  /** Whether servers remember nothing of the log outside of it. */
  readonly isForgetful?: boolean;
  /** What a server of this name says that it knows, by how many processes it has had; absent: all are of one build. */
  readonly known?: (name: string, lives: number) => KnownNumbers;
  /** How a server's relay makes sure that it is up to date, before it refuses an end. */
  readonly relayCurrent?: () => Promise<undefined>;
  /** How a server finds what an answer is to, by its SID and the order's id. */
  readonly orderFor?: (state: State) => Asking['orderFor'];
  /** Called at a server that begins to lead, once it knows how its leases end. */
  readonly leading?: (replica: Replica) => void;
  /** Whether a server takes itself for in touch with the others. */
  readonly isInTouch?: (member: Member) => boolean;
  /** Called with every change at each server, once it is applied there. */
  readonly changed?: (change: Change, server: ClusterServer) => void;
}

/** What a simulated server of several is made of. */
export interface ClusterServerDeps {
  readonly name: string;
  readonly process: Process;
  readonly random: SeededRandom;
  readonly store: EtcdStore;
  readonly dial: DialLeader;
  /** How it asks other servers for branches of streams; absent: it has none to ask for. */
  readonly branches?: Pick<PeerBranches, 'dial' | 'reach'>;
  /** What it says with its name that it knows; absent: it claims no name, and all are of one build. */
  readonly known?: KnownNumbers | undefined;
  /** Its data folder, as far as it remembers how far the log was applied. */
  readonly memory: MemoryStore;
  readonly tamper: ClusterTampering;
  /** How long it waits before it reads the log's end; absent: not at all. */
  readonly lateMs?: (() => number) | undefined;
  /** Told of each revision that is applied, in the replay of a start, too. */
  readonly applied: (state: State, position: Position, changes: readonly Change[]) => void;
  /** Told when a session has an attachment at any server, as far as is known at this one, and when it has none any more. */
  readonly attached?: (sid: number, isAttached: boolean) => void;
  /** The process cannot go on. */
  readonly fatal: (error: unknown) => void;
}

/** A server of several, without doors: the log, the replica and the member, as the composition root puts them together. */
export class ClusterServer implements LinkPlace {
  readonly name: string;
  readonly process: Process;
  readonly #tamper: ClusterTampering;
  readonly #links = new Map<string, number>();
  isUp = false;
  branchHost: BranchHost | undefined;

  private constructor(
    deps: ClusterServerDeps,
    readonly member: Member,
    readonly replica: Replica,
    readonly state: State,
    readonly memory: LogMemory | undefined,
    readonly relay: Relay,
    readonly brokering: Brokering,
  ) {
    this.name = deps.name;
    this.process = deps.process;
    this.#tamper = deps.tamper;
  }

  /** Recovers what the log holds, and follows. `made` is called before it waits for anything. */
  static async start(deps: ClusterServerDeps, made: (server: ClusterServer) => void): Promise<void> {
    const { name, process, random, tamper, fatal, applied } = deps;
    const { clock } = process;
    const store = tamper.store?.(within(process, deps.store)) ?? within(process, deps.store);
    const { known } = deps;
    let ownName: ServerName | undefined;
    if (known !== undefined) {
      const keys = new LogKeys(NETWORK);
      const claim = { store, clock, random, keys, network: NETWORK, name, peerAddress: name, known };
      ownName = await ServerName.claim({ ...claim, isRefused: async () => false, taken: fatal, warn: () => {} });
    }
    const log = new EtcdLog({
      ...{ clock, random, name, store, known },
      claimedAt: () => ownName?.claimedAt,
      log: pino({ level: 'silent' }),
      network: NETWORK,
      peerAddress: name,
      leaderTtlMs: LEADER_TTL_MS,
      compactsHistory: true,
      quotaBytes: 2 * 1_073_741_824,
    });
    const view = await log.view();
    const { state, replay } = await recover(view.journal, INITIAL_LIMITS);
    await replay((position, changes) => applied(state, position, changes));
    if (known !== undefined && state.rules > known.rulesMax) throw unknownPart('the log', `rules ${state.rules}`);
    const memory = tamper.isForgetful
      ? undefined
      : await LogMemory.open({ clock, store: deps.memory, warn: () => {} }, view, (seq) => log.chainAt(seq));
    const renewal = new EpochRenewal({ random, logger: pino({ level: 'silent' }), memory, isAsked: false });
    const member: Member = new Member({
      ...{ clock, random, name, address: name, addresses: [`${name}:8768`] },
      log: lateLog(tamperedLog(log, tamper, name), clock, deps.lateMs),
      logger: pino({ level: 'silent' }),
      ...{ seq: view.seq, chain: view.chain, uuid: uuidOf(name) },
      leaderTtlMs: LEADER_TTL_MS,
      rulesMax: known?.rulesMax,
      upkeep: {
        encode: (position, changes) => encodeRevision(position, changes, state.serverSid),
        snapshotEvery: SNAPSHOT_EVERY,
      },
      pendingMax: DEFAULT_REPLICA_LIMITS.pendingMax,
      dial: deps.dial,
      replica: () => replica,
      leads: async () => {
        tamper.leading?.(replica);
        await renewal.settle(replica);
        await replica.found(uuidOf(name));
      },
      lost: (error) => {
        replica.abandon();
        fatal(error);
      },
      inTouch: (isInTouch) => {
        if (!isInTouch) replica.attachments.letGo(cutOff());
      },
    });
    const replica: Replica = new Replica({
      ...{ state, clock, random, fatal },
      journal: member,
      limits: { ...DEFAULT_REPLICA_LIMITS, snapshotEvery: SNAPSHOT_EVERY },
      warn: () => {},
    });
    const { leases, deadlines, attachments } = replica;
    attachments.changed = deps.attached;
    const used = (id: number) => deadlines.used(id);
    const submit = (command: Command) => replica.enforce(command);
    const relay = new Relay({ state, used, submit }, clock, DEFAULT_RELAY_LIMITS, random);
    const serve = (host: BranchHost) => {
      branchHost = host;
    };
    let branchHost: BranchHost | undefined;
    const { dial, reach } = deps.branches ?? NO_BRANCHES;
    const branches: typeof deps.branches = {
      reach,
      dial: (to, request, owner) => dial(to, tamper.dialled?.(request) ?? request, owner),
    };
    joinRelays(relay, replica, { member, branches: { ...branches, serve }, clock });
    if (tamper.relayCurrent !== undefined) relay.places = { ...relay.places!, current: tamper.relayCurrent };
    const witness: Publisher = {
      publish: (position, changes) => {
        applied(state, position, changes);
        for (const change of changes) tamper.changed?.(change, server);
      },
    };
    const brokering = new Brokering({ ...{ state, replica, process, random }, orderFor: tamper.orderFor });
    replica.publishTo(leases, deadlines, attachments, member, relay, ...brokering.publishers, witness);
    const server: ClusterServer = new ClusterServer(deps, member, replica, state, memory, relay, brokering);
    server.branchHost = branchHost;
    made(server);
    await member.start();
    await renewal.settle(replica);
    memory?.keep(() => ({ epoch: state.epoch, seq: member.position.seq, chain: member.position.chain }));
    replica.opened();
    server.isUp = true;
  }

  get revision(): number {
    return this.state.revision;
  }

  /** Whether it vouches for sessions. */
  get isInTouch(): boolean {
    return this.#tamper.isInTouch?.(this.member) ?? this.member.isInTouch;
  }

  /** Ends in order, as it is told to before an etcd is restored. */
  async end(): Promise<void> {
    this.isUp = false;
    await this.member.close();
    await this.memory?.close();
  }

  accept(link: FollowerLink, from: LinkPlace): FollowerHandler | undefined {
    const handler = this.member.accept(link);
    const nth = this.#links.get(from.name) ?? 0;
    this.#links.set(from.name, nth + 1);
    return handler && (this.#tamper.handler?.(handler, nth) ?? handler);
  }

  /** Whether it has applied all that was acknowledged before, as far as it knows. */
  async isCurrent(): Promise<boolean> {
    return (await (this.#tamper.current?.(this.member) ?? this.member.current())) === undefined;
  }
}

function tamperedLog(log: FollowedLog, { log: change, tail }: ClusterTampering, name: string): FollowedLog {
  if (tail !== undefined) return withTail(log, (one) => tail(one, name));
  return change?.(log) ?? log;
}

/** A log of which the end is read late. */
function lateLog(log: FollowedLog, clock: Clock, lateMs: ClusterServerDeps['lateMs']): FollowedLog {
  if (lateMs === undefined) return log;
  return withTail(log, (tail) => ({
    read: async () => {
      await new Promise<void>((resolve) => clock.after(lateMs(), resolve));
      return tail.read();
    },
  }));
}

/** A log of which the end is read through something. */
export function withTail(log: FollowedLog, change: (tail: LogTail) => LogTail): FollowedLog {
  return { ...wholeLog(log), tail: (seq, chain) => change(log.tail(seq, chain)) };
}

/** A log with all that it has, to change a part of it. */
export function wholeLog(log: FollowedLog): FollowedLog {
  return {
    lead: (signal) => log.lead(signal),
    snapshots: log.snapshots,
    close: () => log.close(),
    view: () => log.view(),
    watch: (changed) => log.watch(changed),
    chainAt: (seq) => log.chainAt(seq),
    tail: (seq, chain) => log.tail(seq, chain),
  };
}

/** The UUID of a simulated server: `s1` has 1 in it. */
export function uuidOf(name: string): string {
  return `00000000-0000-5000-8000-${name.slice(1).padStart(12, '0')}`;
}
