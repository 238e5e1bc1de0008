import { LAG_MS_MAX } from '../../../src/cluster/limits.js';
import type { Remembered } from '../../../src/cluster/log-memory.js';
import type { Change } from '../../../src/core/model/change.js';
import { isFault } from '../../../src/core/model/fault.js';
import type { Position } from '../../../src/core/model/position.js';
import type { InstanceFlavor, InstanceType } from '../../../src/core/model/session.js';
import type { State } from '../../../src/core/store/state.js';
import { digestOf } from '../../../src/journal/format/digest.js';
import type { Attachment } from '../../../src/replica/attachments.js';
import { SimulatedEtcd, type Way } from '../machine/etcd.js';
import { clockOf } from '../machine/etcd-disk.js';
import { Process } from '../machine/process.js';
import { SeededRandom } from '../machine/random.js';
import { Scheduler } from '../machine/scheduler.js';
import { Verdict, type Violation } from '../verdict.js';
import { isExpiry, Ledger } from './ledger.js';
import { Links } from './links.js';
import { ClusterServer, type ClusterTampering, NETWORK } from './server.js';
import { SnapshotCheck } from './snapshot-check.js';

const LEASE_PACES = [0.9, 1, 1.1];
const TROUBLED = 0.005;
/** How many troubles last so long that the others take a server for lost. */
const LOST = 0.15;
/** How often an operator restores etcd instead. */
const RESTORED = 0.08;
/** How long it waits until all servers are up and at one revision. */
const REST_MS = 250;
const REST_TRIES_MAX = 80;
/** How long servers may take to end in order. */
const END_MS = 10_000;
const LATE_MS_MAX = 10_000;
const TTL_MS = 5_000;
const RESTART_MS = 1_000;
/** Digests cost as much as the state is large, so they are compared now and then. */
const DIGEST_EVERY = 25;
/** A session that was attached at an undisturbed server for so long has no reason to expire. */
const UNDISTURBED_MS = 20_000;
/** A server that is in touch shows what was acknowledged so long ago: its bound of reading the log, and a look, and a message. */
const STALE_MS = LAG_MS_MAX + 3_000;
/** How long everything has to come to rest. */
const CALM_MS = 60_000;

/** How a run went. */
export interface ClusterResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly revisions: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly simulatedMs: number;
}

interface Place {
  readonly name: string;
  server: ClusterServer | undefined;
  process: Process | undefined;
  store: 'passes' | 'lost' | 'unanswered';
  /** What it remembers on its own disk. */
  memory: Remembered | undefined;
  /** When something was last done to it. */
  disturbedMs: number;
}

interface Held {
  readonly attachment: Attachment;
  readonly place: Place;
  readonly sinceMs: number;
}

/**
 * Several servers of one network on a simulated etcd, without doors: they are killed, stand still, and are cut off from each other and
 * from etcd, while callers at all of them open, attach, renew and end sessions.
 *
 * Checks besides those of the {@link Ledger} and the {@link SnapshotCheck}: **Agreed** (every server has the same state at a revision), **Current** (a server that says
 * it is up to date has all that was acknowledged before the question), **Fresh** (a server that is in touch is not far behind), **Leased**
 * (no session expires that is attached), **Homed** (a session is attached at its home only, and expires there), **Converged** (in the end all have everything, one leads, and the others are in touch with it).
 */
export class ClusterWorld {
  readonly scheduler = new Scheduler();
  readonly verdict = new Verdict(() => this.scheduler.nowMs);
  readonly ledger = new Ledger(NETWORK, this.verdict);
  readonly snapshots: SnapshotCheck;
  readonly #random: SeededRandom;
  /** Drawn from beside the other strikes, so that these stay what they are. */
  readonly #restoring: SeededRandom;
  readonly #etcd = new SimulatedEtcd(clockOf(this.scheduler));
  readonly #links: Links;
  readonly #places: readonly Place[];
  readonly #digests = new Map<number, string>();
  readonly #held = new Map<number, Held>();
  /** The server that proposed each expiry in the log, by revision. */
  readonly #expiries = new Map<number, number | undefined>();
  readonly #sids: number[] = [];
  #newest = 0;
  /** What was acknowledged {@link STALE_MS} ago. */
  #old = 0;
  #made = 0;
  #acknowledged = 0;
  #unknown = 0;
  #isCalm = false;
  /** Counts restores of etcd: what was acknowledged before one is no longer so. */
  #life = 0;
  #isRestoring = false;
  /** How often etcd was restored. */
  restores = 0;

  constructor(
    readonly seed: number,
    count: number,
    readonly tamper: ClusterTampering = {},
  ) {
    this.#random = new SeededRandom(seed);
    this.#restoring = this.#random.fork(2);
    this.#links = new Links(this.scheduler, this.#random.fork(1));
    this.#etcd.leasePace = this.#random.pick(LEASE_PACES);
    const seen = this.#etcd.connect();
    this.snapshots = new SnapshotCheck(tamper.store?.(seen) ?? seen, NETWORK, this.verdict);
    this.#etcd.committed = (transaction) => {
      this.ledger.take(transaction);
      this.snapshots.take(transaction);
    };
    this.ledger.stored = (command, revision) => {
      if (!isExpiry(command)) return;
      this.#expiries.set(revision, command.home);
      this.#judgeExpiry(command.sid);
    };
    this.#places = Array.from({ length: count }, (_, at) => ({
      ...{ name: `s${at + 1}`, server: undefined, process: undefined, memory: undefined },
      ...{ store: 'passes' as const, disturbedMs: 0 },
    }));
  }

  /** Runs for so long, lets everything heal, and looks whether it does. */
  async run(minutes: number): Promise<ClusterResult> {
    const { scheduler, verdict } = this;
    const unhandled = (error: unknown) => verdict.fail('Sound', `nobody caught ${stackOf(error)}`);
    process.on('unhandledRejection', unhandled);
    try {
      for (const place of this.#places) this.#boot(place);
      this.#call();
      this.#disturb();
      const isOver = () => verdict.violation !== undefined;
      await scheduler.run(minutes * 60_000, isOver);
      this.#calm();
      await scheduler.run(scheduler.nowMs + CALM_MS, isOver);
      this.#judgeRest();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
    const { seed, ledger } = this;
    return {
      ...{ seed, violation: verdict.violation, revisions: ledger.revision, simulatedMs: scheduler.nowMs },
      ...{ acknowledged: this.#acknowledged, unknown: this.#unknown },
    };
  }

  #boot(place: Place): void {
    const { scheduler } = this;
    const process = new Process(scheduler);
    place.process = process;
    place.server = undefined;
    place.disturbedMs = scheduler.nowMs;
    const random = this.#random.fork(1_000 + Math.floor(scheduler.nowMs) + place.name.charCodeAt(1));
    const die = () => {
      if (place.process === process) this.#kill(place, RESTART_MS);
    };
    const deps = {
      ...{ name: place.name, process, random, tamper: this.tamper },
      memory: {
        read: async () => place.memory,
        write: async (remembered: Remembered) => {
          if (process.isAlive) place.memory = remembered;
        },
      },
      store: this.#etcd.connect({ next: () => this.#way(place), delayMs: () => random.fraction() * 3 }),
      dial: this.#links.dialFrom(
        () => place.server!,
        (address) => this.#places.find(({ name }) => name === address)?.server,
      ),
      applied: (state: State, position: Position, changes: readonly Change[]) => {
        this.#judgeState(place.name, state, position);
        for (const change of changes) this.#judgeChange(change, state, position);
        if (place.server !== undefined) this.#judgeHomes(place.server);
      },
      fatal: (error: unknown) => {
        if (error instanceof Error && error.name === 'JournalError') scheduler.after(0, die);
        else this.verdict.fail('Sound', `${place.name} gave itself up: ${stackOf(error)}`);
      },
    };
    ClusterServer.start(deps, (server) => {
      place.server = server;
    }).catch((error: unknown) => deps.fatal(error));
  }

  #way({ store }: Place): Way {
    const random = this.#random;
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
    for (const [sid, held] of this.#held) if (held.place === place) this.#held.delete(sid);
    this.scheduler.after(downMs, () => this.#boot(place));
  }

  /** One thing after the other goes wrong. */
  #disturb(): void {
    const random = this.#random;
    this.scheduler.after(random.between(500, 8_000), () => {
      if (this.#isCalm) return;
      const place = random.pick(this.#places);
      const other = random.pick(this.#places);
      const forMs = random.chance(LOST) ? random.between(16_000, 40_000) : random.between(50, 12_000);
      if (this.#mayRestore() && this.#restoring.chance(RESTORED)) void this.#restore(forMs).then(() => this.#disturb());
      else {
        this.#strike(random.below(6), place, other, forMs);
        this.#disturb();
      }
    });
  }

  #strike(kind: number, place: Place, other: Place, forMs: number): void {
    const touched = kind === 2 || kind === 5 ? this.#places : [place];
    const mark = () => {
      for (const one of touched) one.disturbedMs = this.scheduler.nowMs;
    };
    const heal = (call: () => void) => {
      this.scheduler.after(forMs, () => {
        call();
        mark();
      });
    };
    mark();
    if (kind <= 1) this.#kill(place, forMs);
    else if (kind === 2) {
      if (place !== other) this.#links.cut(place.name, other.name);
      heal(() => this.#links.heal());
    } else if (kind === 3) {
      const { process } = place;
      process?.stop();
      heal(() => process?.proceed());
    } else if (kind === 4) {
      place.store = this.#random.pick(['lost', 'unanswered'] as const);
      heal(() => {
        place.store = 'passes';
      });
    } else {
      this.#links.isSlow = true;
      heal(() => {
        this.#links.isSlow = false;
      });
    }
  }

  /** A world of another deliberate fault has that one alone to be found. */
  #mayRestore(): boolean {
    return this.tamper.isForgetful === true || Object.keys(this.tamper).length === 0;
  }

  /** An operator saves etcd's data and later puts it back, as docs/cluster.md says: all servers are stopped in order before. */
  async #restore(afterMs: number): Promise<void> {
    const [backup, mark] = [this.#etcd.backup(), this.ledger.mark()];
    await this.#wait(afterMs);
    this.#isRestoring = true;
    const servers = await this.#rest();
    const hasRest = servers.length === this.#places.length && !this.#isCalm && mark.revision > 0;
    if (!hasRest) {
      this.#isRestoring = false;
      return;
    }
    // One that dies meanwhile does not end in order.
    const ending = Promise.all(servers.map((server) => server.end())).then(() => true);
    const hasEnded = await Promise.race([ending, this.#wait(END_MS).then(() => false)]);
    this.#isRestoring = false;
    const areAhead = servers.every(({ member }) => member.position.seq > mark.seq);
    for (const place of this.#places) this.#kill(place, RESTART_MS);
    // One that has applied no more than the backup has cannot tell it from the log.
    if (!hasEnded || !areAhead) return;
    this.#etcd.restore(backup);
    this.ledger.restore(mark);
    this.#life++;
    this.restores++;
    this.#newest = mark.revision;
    this.#old = 0;
    for (const byRevision of [this.#digests, this.#expiries]) {
      for (const revision of byRevision.keys()) if (revision > mark.revision) byRevision.delete(revision);
    }
  }

  /** All servers, once they are up and have the same; fewer when that does not come. */
  async #rest(): Promise<readonly ClusterServer[]> {
    for (let tries = 0; tries < REST_TRIES_MAX; tries++) {
      const up = this.#places.flatMap(({ server, process }) => (server?.isUp && !process?.isStopped ? [server] : []));
      const isRest =
        up.length === this.#places.length && up.every(({ state }) => state.revision === this.ledger.revision);
      if (isRest || this.#isCalm) return up;
      await this.#wait(REST_MS);
    }
    return [];
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.scheduler.after(ms, resolve));
  }

  #calm(): void {
    this.#isCalm = true;
    this.#links.heal();
    for (const place of this.#places) {
      place.store = 'passes';
      place.process?.proceed();
    }
  }

  /** One call after the other, at any server. */
  #call(): void {
    const random = this.#random;
    this.scheduler.after(random.between(5, 120), () => {
      const place = random.pick(this.#places);
      const { server } = place;
      if (server?.isUp && !server.process.isStopped && !this.#isCalm && !this.#isRestoring)
        this.#callAt(place, server, random.below(10));
      this.#call();
    });
  }

  #callAt(place: Place, server: ClusterServer, kind: number): void {
    const { replica, state } = server;
    if (server.isInTouch && state.revision < this.#old && this.#hasRun(server)) {
      this.verdict.fail('Fresh', `${server.name} is in touch at ${state.revision}; ${this.#old} is ${STALE_MS} ms old`);
    }
    const sid = this.#sids.length === 0 ? 0 : this.#random.pick(this.#sids);
    if (kind < 5) void this.#open(server);
    else if (kind === 5) void replica.submit({ kind: 'CloseSession', sid, reason: 2 });
    else if (kind === 6) void this.#attach(place, server, sid);
    else if (kind === 7) {
      if (server.isInTouch && server.state.sessions.has(sid)) replica.renew(sid);
    } else void this.#ask(server);
  }

  /** Not one that has just gone on after it stood still, and has looked at nothing yet. */
  #hasRun({ process }: ClusterServer): boolean {
    return this.scheduler.nowMs - process.runningSinceMs > STALE_MS;
  }

  async #open({ replica, process }: ClusterServer): Promise<void> {
    const uuid = `00000000-0000-4000-8000-${String(++this.#made).padStart(12, '0')}`;
    const home = replica.homes.opening();
    if (isFault(home)) return;
    const outcome = await replica.submit({
      ...home,
      ...{ kind: 'OpenSession', uuid, type: 2 as InstanceType, flavor: 0 as InstanceFlavor, ttlMs: TTL_MS },
      ...{ name: '', labels: {}, tokenHash: uuid.slice(-32).padEnd(32, '0'), atMs: 0 },
    });
    // Nobody hears what a dead process says.
    if (!process.isAlive) return;
    if (isFault(outcome)) {
      if (outcome.reason === 'OUTCOME_UNKNOWN') this.#unknown++;
      this.ledger.refused(uuid, outcome);
      return;
    }
    this.#acknowledged++;
    const { revision } = outcome;
    const life = this.#life;
    this.#newest = Math.max(this.#newest, revision);
    this.scheduler.after(STALE_MS, () => {
      if (life === this.#life) this.#old = Math.max(this.#old, revision);
    });
    this.ledger.acknowledged(uuid, outcome.revision);
    for (const change of outcome.changes) if (change.kind === 'SessionOpened') this.#sids.push(change.session.sid);
    if (this.#sids.length > 50) this.#sids.shift();
  }

  async #ask(server: ClusterServer): Promise<void> {
    const before = this.#newest;
    if (!(await server.isCurrent()) || !server.process.isAlive) return;
    const { revision } = server.state;
    if (revision >= before) return;
    this.verdict.fail('Current', `${server.name} is at ${revision}; ${before} was acknowledged before it was asked`);
  }

  async #attach(place: Place, server: ClusterServer, sid: number): Promise<void> {
    if (!server.state.sessions.has(sid) || !server.isInTouch) return;
    const fault = await server.replica.adopt(sid);
    if (fault !== undefined || !server.process.isAlive || !server.state.sessions.has(sid) || !server.isInTouch) return;
    const attachment = server.replica.attachments.open(sid);
    this.#held.set(sid, { attachment, place, sinceMs: this.scheduler.nowMs });
  }

  #judgeExpiry(sid: number): void {
    const held = this.#held.get(sid);
    this.#held.delete(sid);
    if (held === undefined || held.place.server === undefined) return;
    const lastMs = Math.max(held.sinceMs, ...this.#places.map(({ disturbedMs }) => disturbedMs));
    let isOver = false;
    for (let next = held.attachment.next(); next !== undefined && !isOver; next = held.attachment.next()) {
      isOver = isFault(next);
    }
    if (isOver || this.scheduler.nowMs - lastMs < UNDISTURBED_MS) return;
    this.verdict.fail('Leased', `session ${sid} expired while it was attached at ${held.place.name}`);
  }

  #judgeState(name: string, state: State, { revision }: Position): void {
    if (revision % DIGEST_EVERY !== 0) return;
    const digest = digestOf(state);
    const known = this.#digests.get(revision);
    this.#digests.set(revision, known ?? digest);
    if (known === undefined || known === digest) return;
    this.verdict.fail('Agreed', `${name} has another state at revision ${revision} than another server`);
  }

  /** A session expires at its home, or because that is lost. */
  #judgeChange(change: Change, state: State, { revision }: Position): void {
    if (change.kind !== 'SessionClosed' || !this.#expiries.has(revision)) return;
    const by = this.#expiries.get(revision);
    const { sid, home = state.serverSid } = change.session;
    if (by !== undefined && by !== home)
      this.verdict.fail('Homed', `session ${sid} expired by server ${by}, and was at ${home}`);
  }

  /** In a revision a session is attached at its home, or nowhere. */
  #judgeHomes({ replica, name }: ClusterServer): void {
    const { homes, attachments } = replica;
    for (const sid of attachments.sids()) {
      if (!homes.isHere(sid))
        this.verdict.fail('Homed', `session ${sid} is attached at ${name} and at home at ${homes.of(sid)}`);
    }
  }

  #judgeRest(): void {
    for (const { name, server } of this.#places) {
      const at = server?.isUp ? server.state.revision : undefined;
      if (at !== this.ledger.revision) this.verdict.fail('Converged', `${name} is at ${at} of ${this.ledger.revision}`);
    }
    for (const { name, server } of this.#places) {
      if (server?.isInTouch === false) this.verdict.fail('Converged', `${name} is out of touch`);
    }
    const leaders = this.#places.filter(({ server }) => server?.member.role === 'leading');
    if (leaders.length !== 1) this.verdict.fail('Converged', `${leaders.length} servers lead`);
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
