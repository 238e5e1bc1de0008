import type { SessionRequest } from '../../gen/switchyard/v1/session_service.js';
import type { SwitchyardError } from '../../src/client/error.js';
import { StatusCode } from '../../src/client/status.js';
import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import type { StoredRecord } from '../../src/journal/journal.js';
import type { Check } from './check.js';
import { Abandoned } from './checks/abandoned.js';
import { Anchored } from './checks/anchored.js';
import { Kept } from './checks/kept.js';
import { Leases } from './checks/leases.js';
import { Once } from './checks/once.js';
import { Orders } from './checks/orders.js';
import { Owned } from './checks/owned.js';
import { Replays } from './checks/replays.js';
import { Shared } from './checks/shared.js';
import { Sids } from './checks/sids.js';
import { Silence } from './checks/silence.js';
import { Wire } from './checks/wire.js';
import { Enrollers } from './clients/enrollers.js';
import type { Fleet } from './clients/fleet.js';
import { Flood } from './clients/flood.js';
import { HalfClosers } from './clients/half-closers.js';
import { HastyCallers } from './clients/hasty.js';
import { type Joining, join } from './clients/joining.js';
import { keyOfInstance } from './clients/keys.js';
import { Relays } from './clients/relays.js';
import { Thief } from './clients/thief.js';
import { AuditDisk } from './machine/audit-disk.js';
import type { Answered } from './machine/channel.js';
import { Disk } from './machine/disk.js';
import { EtcdDisk } from './machine/etcd-disk.js';
import { Host } from './machine/host.js';
import { Machine } from './machine/machine.js';
import { Network, Route } from './machine/network.js';
import { SeededRandom } from './machine/random.js';
import { Scheduler } from './machine/scheduler.js';
import type { Tampering } from './machine/server.js';
import { Panel } from './panel.js';
import { type Plan, STEPS } from './plan.js';
import type { ServerScene } from './scene.js';
import { Trace } from './trace.js';
import { Truth } from './truth.js';
import { type Found, Verdict } from './verdict.js';

const SWEEP_MS = 2_000;
/** Long enough that a line is anchored between two cuts. */
const CUT_EVERY_MS = 140_000;

/** A whole world: a server, its disk, its network, its clients, and everything that looks on. Made of a plan alone. */
export class World implements Fleet {
  readonly scheduler = new Scheduler();
  readonly trace: Trace;
  readonly verdict: Verdict;
  readonly truth: Truth;
  readonly disk: Disk;
  readonly machine: Machine;
  readonly replays: Replays;
  /** Where instances live, some of them with one UUID. */
  readonly hosts: readonly Host[];
  readonly admin: Host;
  /** All of them, those that only watch included. */
  readonly everyHost: readonly Host[];
  private readonly panel: Panel;
  private readonly network: Network;
  private readonly random: SeededRandom;
  /** Who opens sessions without end, if there is somebody. */
  private readonly flood: Flood | undefined;
  /** Callers that give up before they are answered, if there are any. */
  private readonly hasty: HastyCallers | undefined;
  /** Who tries to take the places of others, where there are keys. */
  private readonly thief: Thief | undefined;
  /** Instances that send each other data, if there are any. */
  readonly relays: Relays | undefined;
  /** Who redeem tickets, if there are any. */
  private readonly enrollers: Enrollers | undefined;
  /** Clients of system events that end their side at once, if there are any. */
  readonly halfClosers: HalfClosers | undefined;
  /** What is known of the audit log, if there is one. */
  readonly anchored: Anchored | undefined;
  private isCalm = false;
  private marks = 0;
  private addresses = 0;

  constructor(
    readonly plan: Plan,
    tamper: Tampering = {},
    follow?: (line: string) => void,
  ) {
    const { scheduler } = this;
    const { limits, seed } = plan;
    const nowMs = () => scheduler.nowMs;
    this.random = new SeededRandom(seed).fork(1);
    this.trace = new Trace(scheduler, follow);
    this.verdict = new Verdict(nowMs);
    this.truth = new Truth(INITIAL_LIMITS, nowMs, (revision) => {
      this.trace.note(`= ${revision.revision} ${revision.command.kind} ${revision.changes.length}`);
      this.panel.tell('durable', revision);
    });
    const told = (records: readonly StoredRecord[]) => this.truth.take(records);
    const isOnEtcd = plan.isOnEtcd ?? false;
    const problem = (check: string, text: string) => this.verdict.fail(check, text);
    this.disk = isOnEtcd
      ? new EtcdDisk(this.random.fork(1), told, { scheduler, tamper: tamper.etcd ?? ((store) => store), problem })
      : new Disk(this.random.fork(1), told);
    const { truth, verdict, disk, trace } = this;
    const scene: ServerScene = { truth, verdict, disk, limits, nowMs, serverRuns: () => this.machine.runs };
    this.replays = new Replays(scene);
    const auditDisk = plan.isAudited ? new AuditDisk() : undefined;
    this.anchored = auditDisk && new Anchored(scene, auditDisk);
    this.panel = new Panel(this.checks(scene));
    this.network = new Network(scheduler);
    const { panel, network } = this;
    const random = this.random.fork(2);
    this.machine = new Machine({
      scheduler,
      network,
      disk,
      random,
      limits,
      cores: plan.cores,
      panel,
      verdict,
      trace,
      tamper,
      auditDisk,
    });
    const originals = plan.instances - plan.clones;
    this.hosts = Array.from({ length: plan.instances }, (_, at) => this.host(`i${at}`, uuidOf(at % originals)));
    const watchers = Array.from({ length: plan.watchers }, (_, at) => this.host(`w${at}`, undefined));
    this.admin = this.host('admin', undefined);
    this.everyHost = [...this.hosts, ...watchers, this.admin];
    if (plan.keyed !== 'none') this.thief = this.makeThief();
    if (plan.isTicketed) {
      const { scheduler, network, verdict, truth } = this;
      this.enrollers = new Enrollers({ scheduler, network, verdict, truth, random: this.random.fork(6) });
    }
    if (plan.isFlooded) this.flood = new Flood(scheduler, network, this.random.fork(3));
    if (plan.isRelayed) this.relays = new Relays(this, (ms, call) => this.later(ms, call), this.random.fork(6));
    const peers = () => this.hosts.flatMap(({ sid }) => sid ?? []);
    if (plan.isHalfClosed) {
      const { scheduler, network, verdict, truth } = this;
      this.halfClosers = new HalfClosers({ scheduler, network, verdict, truth, random: this.random.fork(7), peers });
    }
    if (plan.isHasty) {
      this.hasty = new HastyCallers({ scheduler, network, random: this.random.fork(4), peers });
    }
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  get serverSid(): number {
    return this.truth.state.serverSid;
  }

  note(line: string): void {
    this.trace.note(line);
  }

  /** The truth of whatever is heard is known by then. */
  judge(name: string, find: () => Found | undefined): void {
    const found = find();
    if (found !== undefined) this.verdict.fail(found.check, `${name}: ${found.text}`);
  }

  mark(): string {
    this.marks++;
    return `m${this.marks}`;
  }

  /** Does something later. */
  later(delayMs: number, call: () => void): void {
    this.scheduler.after(delayMs, call);
  }

  /** Carries out all that is planned, or what there is before something is wrong. */
  async run(): Promise<void> {
    const { plan, scheduler } = this;
    this.hosts.forEach((host, at) => {
      if (at % 4 !== 3) this.later(at * 37, () => this.join(host, { ttlMs: undefined, manner: at }));
    });
    this.everyHost.forEach((_host, at) => {
      if (at >= this.hosts.length) this.later(at * 41, () => STEPS.watch.act(this, [at, at * 5, at * 6]));
    });
    for (const { atMs, kind, picks } of plan.steps) {
      scheduler.at(atMs, () => {
        this.trace.note(`* ${kind} ${picks.join(' ')}`);
        STEPS[kind as keyof typeof STEPS].act(this, picks);
      });
    }
    this.flood?.begin();
    this.hasty?.begin();
    this.thief?.begin();
    this.relays?.begin();
    this.enrollers?.begin();
    this.halfClosers?.begin();
    if (this.anchored !== undefined) this.later(CUT_EVERY_MS, () => this.cutAudit());
    this.sweep();
    await this.pass(plan.minutes * 60_000);
  }

  /** Lets time pass, as long as nothing is wrong. */
  async pass(ms: number): Promise<void> {
    const { scheduler, verdict } = this;
    await scheduler.run(scheduler.nowMs + ms, () => verdict.violation !== undefined);
  }

  /** From now on nothing goes wrong, and whoever stood still or was away is back. */
  calm(): void {
    this.isCalm = true;
    this.flood?.end();
    this.hasty?.end();
    this.thief?.end();
    this.relays?.end();
    this.enrollers?.end();
    this.halfClosers?.end();
    this.disk.slownessMs = 1;
    this.disk.full = false;
    this.disk.failing = false;
    if (this.disk.isRefusing) this.machine.die(true, 1_000);
    this.machine.proceed();
    for (const host of this.everyHost) {
      host.route.latencyMs = 4;
      host.route.heal();
      host.process.proceed();
      for (const reader of host.readers) reader.hurry();
    }
  }

  /** Lets an instance join from a host, with its own way of taking orders. */
  join(host: Host, joining: Joining): void {
    if (host.process.isAlive && host.uuid !== undefined) join(this, host, host.uuid, joining);
  }

  /** A host dies, and comes back after a while with a process that knows nothing. */
  killHost(host: Host, loudly: boolean, downForMs: number): void {
    if (!host.process.isAlive) return;
    host.die(loudly);
    this.later(downForMs, () => {
      host.boot();
      if (host.uuid !== undefined) this.join(host, { ttlMs: undefined, manner: host.random.below(8) });
    });
  }

  private checks(scene: ServerScene): Check[] {
    return [
      new Wire(scene),
      new Kept(scene),
      new Once(scene),
      new Sids(scene),
      new Leases(scene),
      new Silence(scene),
      new Abandoned(scene),
      new Orders(scene),
      new Owned(scene),
      new Shared(scene),
      this.replays,
      ...(this.anchored === undefined ? [] : [this.anchored]),
      { heard: ({ method, error }) => this.refuseInternal(method, error) },
    ];
  }

  private refuseInternal(method: string, error: SwitchyardError | undefined): void {
    if (error?.code === StatusCode.INTERNAL) this.verdict.fail('Sound', `${method} answered: ${error.message}`);
  }

  /** The server dies, and somebody takes lines of its audit log away before it comes back. */
  private cutAudit(): void {
    if (this.isCalm) return;
    this.machine.die(true, 1_000);
    this.trace.note('* the audit log is cut short');
    this.anchored?.cut();
    this.later(CUT_EVERY_MS, () => this.cutAudit());
  }

  private sweep(): void {
    this.panel.tell('swept');
    this.later(SWEEP_MS, () => this.sweep());
  }

  private host(name: string, uuid: string | undefined): Host {
    const random = this.random.fork(100 + nameNumber(name));
    const answered: Answered = (path, request, outcome, metadata) => {
      const error = outcome instanceof Error ? (outcome as SwitchyardError) : undefined;
      const response = error === undefined ? outcome : undefined;
      if (error === undefined && path.endsWith('/Session')) this.thief?.overhear(request as SessionRequest);
      this.panel.tell('heard', { method: path.split('/').at(-1)!, request, response, error, metadata });
    };
    this.addresses++;
    const route = new Route(`10.0.0.${this.addresses}`, this.network, random.fork(1));
    const key = uuid && keyOfInstance(uuid, this.plan.keyed);
    const isAdmin = name === 'admin';
    return new Host({ name, uuid, key: key || undefined, isAdmin, scheduler: this.scheduler, route, random, answered });
  }

  private makeThief(): Thief {
    const { scheduler, network, verdict, truth } = this;
    const uuids = new Set(this.hosts.flatMap(({ uuid }) => uuid ?? []));
    const bound = () => [...uuids].filter((uuid) => truth.state.identities.get(uuid) !== undefined);
    return new Thief({ scheduler, network, verdict, bound, random: this.random.fork(5) });
  }
}

function uuidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

function nameNumber(name: string): number {
  let number = 0;
  for (let at = 0; at < name.length; at++) number = (number * 31 + name.charCodeAt(at)) % 1_000_003;
  return number;
}
