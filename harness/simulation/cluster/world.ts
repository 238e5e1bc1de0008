import type { Remembered } from '../../../src/cluster/log-memory.js';
import type { Change } from '../../../src/core/model/change.js';
import type { Position } from '../../../src/core/model/position.js';
import type { State } from '../../../src/core/store/state.js';
import { JournalError } from '../../../src/journal/journal.js';
import { SimulatedEtcd, type Way } from '../machine/etcd.js';
import { clockOf } from '../machine/etcd-disk.js';
import { Process } from '../machine/process.js';
import { SeededRandom } from '../machine/random.js';
import { Scheduler } from '../machine/scheduler.js';
import { Verdict, type Violation } from '../verdict.js';
import { AttachedCheck } from './attached-check.js';
import { BranchLinks } from './branch-links.js';
import { Callers } from './callers.js';
import { ClusterConnections } from './connections.js';
import { StateJudge } from './judge.js';
import { Keepers } from './keepers.js';
import { isExpiry, Ledger } from './ledger.js';
import { Links } from './links.js';
import { OneLeader } from './one-leader.js';
import type { ClusterScene, Place } from './place.js';
import { ReadableCheck } from './readable-check.js';
import { ClusterRelays } from './relays.js';
import { Restores } from './restores.js';
import { ClusterServer, type ClusterServerDeps, type ClusterTampering, NETWORK } from './server.js';
import { SnapshotCheck } from './snapshot-check.js';
import { Strikes } from './strikes.js';

const LEASE_PACES = [0.9, 1, 1.1];
/** How many requests to etcd meet trouble though nothing was done to their way. */
const TROUBLED = 0.005;
const LATE_MS_MAX = 10_000;
const RESTART_MS = 1_000;
/** How long everything has to come to rest. */
const CALM_MS = 60_000;

/** How a run went. */
export interface ClusterResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly revisions: number;
  readonly acknowledged: number;
  readonly unknown: number;
  /** Blocks of streams that sinks have taken, and the streams that led from one server to another. */
  readonly carried: number;
  readonly remoteStreams: number;
  /** Direct connections that were acknowledged, and those of them between instances at different servers. */
  readonly connections: number;
  readonly remoteConnections: number;
  /** Blocks that such connections carried through the server, and those of them on ways between different servers. */
  readonly relayed: number;
  readonly remoteRelayed: number;
  /** How many times a server was asked for a session that was attached at another one. */
  readonly comparedAttachments: number;
  readonly simulatedMs: number;
}

/**
 * Several servers of one network on a simulated etcd, without doors: they are killed, stand still, and are cut off from each other and
 * from etcd, while callers at all of them open, attach, renew and end sessions, and clients send each other data over streams and ask for
 * direct connections.
 *
 * Its checks are those of {@link Ledger}, {@link StateJudge}, {@link Callers}, {@link Keepers}, {@link SnapshotCheck}, {@link ReadableCheck},
 * {@link ClusterConnections}, {@link ClusterRelays}, {@link OneLeader} and {@link AttachedCheck}, and **Sound**: no server gives
 * itself up, and no rejection is left alone.
 */
export class ClusterWorld implements ClusterScene {
  readonly scheduler = new Scheduler();
  readonly verdict = new Verdict(() => this.scheduler.nowMs);
  readonly ledger = new Ledger(NETWORK, this.verdict);
  readonly random: SeededRandom;
  readonly snapshots: SnapshotCheck;
  readonly places: readonly Place[];
  readonly #etcd = new SimulatedEtcd(clockOf(this.scheduler));
  readonly #links: Links;
  readonly #judge = new StateJudge(this.verdict, this.ledger);
  readonly #callers: Callers;
  readonly #keepers: Keepers;
  readonly #connections: ClusterConnections;
  readonly #relays: ClusterRelays;
  readonly #attached = new AttachedCheck(this);
  readonly #restores: Restores;
  #isCalm = false;

  constructor(
    readonly seed: number,
    count: number,
    readonly tamper: ClusterTampering = {},
  ) {
    this.random = new SeededRandom(seed);
    this.#links = new Links(this.scheduler, this.random.fork(1));
    this.#etcd.leasePace = this.random.pick(LEASE_PACES);
    const seen = this.#etcd.connect();
    this.snapshots = new SnapshotCheck(tamper.store?.(seen) ?? seen, NETWORK, this.verdict);
    const readable = new ReadableCheck(this.#etcd, NETWORK, this.verdict);
    this.#etcd.committed = (transaction) => {
      readable.take(transaction);
      if (this.verdict.violation !== undefined) return;
      this.ledger.take(transaction);
      this.snapshots.take(transaction);
    };
    this.places = Array.from({ length: count }, (_, at) => ({
      ...{ name: `s${at + 1}`, server: undefined, process: undefined, memory: undefined },
      ...{ store: 'passes' as const, disturbedMs: 0, lives: 0 },
    }));
    this.#callers = new Callers(this);
    this.#keepers = new Keepers(this, this.random.fork(3));
    this.#connections = new ClusterConnections(this, this.random.fork(4), this.#meets());
    this.#relays = new ClusterRelays(this);
    this.#restores = new Restores({
      ...{ scene: this, etcd: this.#etcd, kill: (place, downMs) => this.#kill(place, downMs) },
      restored: (revision) => {
        const parts = [this.#judge, this.#callers, this.#keepers, this.#connections, this.#relays];
        for (const part of parts) part.restored(revision);
      },
    });
    this.ledger.stored = (command, revision) => {
      this.#judge.stored(command, revision);
      if (!isExpiry(command)) return;
      this.#callers.judgeExpiry(command.sid);
      this.#keepers.judgeExpiry(command.sid);
    };
  }

  get isCalm(): boolean {
    return this.#isCalm;
  }

  get isRestoring(): boolean {
    return this.#restores.isRestoring;
  }

  get life(): number {
    return this.#restores.count;
  }

  /** Runs for so long, lets everything heal, and looks whether it does. */
  async run(minutes: number): Promise<ClusterResult> {
    const { scheduler, verdict } = this;
    const unhandled = (error: unknown) => verdict.fail('Sound', `nobody caught ${stackOf(error)}`);
    process.on('unhandledRejection', unhandled);
    try {
      for (const place of this.places) this.#boot(place);
      this.#callers.begin();
      this.#keepers.begin();
      this.#connections.begin();
      this.#relays.begin();
      this.#strikes().begin();
      new OneLeader(this).begin();
      this.#attached.begin();
      const isOver = () => verdict.violation !== undefined;
      await scheduler.run(minutes * 60_000, isOver);
      this.#calm();
      await scheduler.run(scheduler.nowMs + CALM_MS, isOver);
      this.#judge.judgeRest(this.places);
      this.#relays.judgeRest();
      this.#connections.judgeRest();
      this.#attached.judgeRest();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
    const { seed, ledger } = this;
    const { acknowledged, unknown } = this.#callers;
    return {
      ...{ seed, violation: verdict.violation, revisions: ledger.revision, simulatedMs: scheduler.nowMs },
      ...{ acknowledged, unknown, carried: this.#relays.taken, remoteStreams: this.#relays.remote },
      ...this.#connections.counts,
      comparedAttachments: this.#attached.compared,
    };
  }

  #boot(place: Place): void {
    const { scheduler } = this;
    const process = new Process(scheduler);
    place.process = process;
    place.lives++;
    place.server = undefined;
    place.disturbedMs = scheduler.nowMs;
    const deps = this.#depsOf(place, process);
    ClusterServer.start(deps, (server) => {
      place.server = server;
    }).catch((error: unknown) => deps.fatal(error));
  }

  #depsOf(place: Place, process: Process): ClusterServerDeps {
    const { scheduler } = this;
    const { name } = place;
    const { lateMs } = this.tamper;
    const random = this.random.fork(1_000 + Math.floor(scheduler.nowMs) + name.charCodeAt(1));
    const find = (address: string) => this.places.find((one) => one.name === address)?.server;
    const from = () => place.server!;
    const die = () => {
      if (place.process === process) this.#kill(place, RESTART_MS);
    };
    return {
      ...{ name, process, random, tamper: this.tamper, known: this.tamper.known?.(name, place.lives) },
      memory: {
        read: async () => place.memory,
        write: async (remembered: Remembered) => {
          if (process.isAlive) place.memory = remembered;
        },
      },
      lateMs: lateMs === undefined ? undefined : () => (this.#isCalm ? 0 : lateMs),
      store: this.#etcd.connect({ next: () => this.#way(place), delayMs: () => random.fraction() * 3 }),
      dial: this.#links.dialFrom(from, find),
      branches: new BranchLinks({ clock: process.clock, links: this.#links, from, find }),
      applied: (state: State, position: Position, changes: readonly Change[]) => {
        this.#judge.applied(name, state, position, changes);
        this.#connections.applied(position.revision, changes);
        this.#attached.applied(process, changes);
        if (place.server !== undefined) this.#judge.judgeHomes(place.server);
      },
      attached: (sid: number, isAttached: boolean) => this.#attached.tell(process, sid, isAttached),
      fatal: (error: unknown) => {
        // One that decides otherwise than the others begins anew, and nobody would notice.
        const isOtherwise = error instanceof JournalError && error.kind === 'differs';
        if (error instanceof JournalError && !isOtherwise) scheduler.after(0, die);
        else this.verdict.fail('Sound', `${name} gave itself up: ${stackOf(error)}`);
      },
    };
  }

  #way({ store }: Place): Way {
    const { random } = this;
    if (store !== 'passes') return { kind: store };
    if (this.#isCalm || !random.chance(TROUBLED)) return { kind: 'passes' };
    const kind = random.pick(['lost', 'unanswered', 'late'] as const);
    return kind === 'late' ? { kind, byMs: random.fraction() * LATE_MS_MAX } : { kind };
  }

  #kill(place: Place, downMs: number): void {
    const { process } = place;
    if (process === undefined || !process.isAlive) return;
    process.kill();
    this.#links.died(process);
    place.server = undefined;
    place.disturbedMs = this.scheduler.nowMs;
    this.#callers.died(place);
    this.scheduler.after(downMs, () => this.#boot(place));
  }

  /** A world of another deliberate fault has that one alone to be found. */
  #meets(isMeant = false): boolean {
    return isMeant === true || Object.keys(this.tamper).length === 0;
  }

  #strikes(): Strikes {
    const mayRestore = this.#meets(this.tamper.isForgetful);
    const restore = (afterMs: number) => this.#restores.restore(afterMs);
    return new Strikes({
      ...{ scene: this, links: this.#links, restoring: this.random.fork(2) },
      kill: (place, downMs) => this.#kill(place, downMs),
      restore: mayRestore ? restore : undefined,
    });
  }

  #calm(): void {
    this.#isCalm = true;
    this.#links.heal();
    for (const place of this.places) {
      place.store = 'passes';
      place.process?.proceed();
    }
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
