import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { SeededRandom } from '../../simulation/machine/random.js';
import { clockEnvironment, setOffset } from '../faketime.js';
import { AttachedClients, type AttachedReport } from './attached.js';
import { PeerCertificates } from './certificates.js';
import { ClusterClients } from './clients.js';
import { EtcdTrio, MEMBERS } from './etcd.js';
import { addressOf, type ClusterGround, type ServerName } from './ground.js';
import { Judge } from './judge.js';
import { ClusterLedger } from './ledger.js';
import { ClusterServer } from './server.js';
import { LogWatcher } from './watcher.js';

const SERVERS: readonly ServerName[] = ['s1', 's2', 's3'];
const NETWORK = 'struck';
const PORT = 8768;
const PEER_PORT = 8779;
/** Every append waits for a sync, and a run's are many: in memory where there is such a folder. */
const PARENT = ['/dev/shm'].find(existsSync) ?? tmpdir();
const FLAGS = {
  network: NETWORK,
  'leader-ttl': '3s',
  'session-ttl-min': '1s',
  'drain-deadline': '2s',
  'admin-token': 'the-administrator-of-a-cluster',
  'log-level': 'warn',
};
/** How long anything may take that has to come: on a busy machine it takes its time. */
const PATIENCE_MS = 120_000;

/** How a cluster is made. */
export interface ClusterOptions {
  readonly ground: ClusterGround;
  readonly seed: number;
  /** Whether `dist` is there and to be used. */
  readonly built: boolean;
  /** Whether the servers' clocks are to jump. */
  readonly isClocked: boolean;
}

/** Three servers over three members of etcd, clients that ask all of them, and what reads their log. */
export class Cluster {
  readonly ground: ClusterGround;
  readonly random: SeededRandom;
  readonly etcd: EtcdTrio;
  readonly servers: readonly ClusterServer[];
  readonly clients: ClusterClients;
  readonly attached: AttachedClients;
  readonly ledger = new ClusterLedger();
  readonly judge = new Judge(this.ledger);
  readonly log: LogWatcher;
  readonly #folder = mkdtempSync(join(PARENT, 'switchyard-cluster-'));

  constructor({ ground, seed, built, isClocked }: ClusterOptions) {
    this.ground = ground;
    this.random = new SeededRandom(seed).fork(1);
    this.etcd = new EtcdTrio(ground, this.#folder);
    const certificates = new PeerCertificates(this.#folder);
    this.servers = SERVERS.map((name) => {
      if (isClocked) setOffset(this.clockFile(name), 0);
      return new ClusterServer({
        ...{ name, built, address: `${addressOf(name)}:${PORT}`, prefix: ground.at(name) },
        flags: this.#flagsOf(name, certificates.issue(name)),
        env: isClocked ? clockEnvironment(this.clockFile(name)) : {},
      });
    });
    const addresses = this.servers.map(({ address }) => address);
    this.clients = new ClusterClients(addresses, new SeededRandom(seed).fork(2));
    this.attached = new AttachedClients(addresses);
    this.log = new LogWatcher(this.ledger, NETWORK, pino({ level: 'silent' }));
  }

  /** Starts all of it. Resolves when every server stores what it is asked to. */
  async begin(): Promise<void> {
    for (const member of MEMBERS) this.etcd.begin(member);
    await this.etcd.untilWhole();
    for (const server of this.servers) server.start();
    await this.untilStored();
    this.log.begin();
    await this.log.caughtUp();
    await this.attached.begin();
  }

  /** Where the offset of a server's wall clock stands. */
  clockFile(name: string): string {
    return join(this.#folder, `${name}.offset`);
  }

  /** Whom a strike is to hit: every second time the server that leads, else one of the others. */
  target(nth: number): ClusterServer {
    const leads = this.servers.filter(({ name }) => name === this.log.leader?.name);
    const others = this.servers.filter((server) => !leads.includes(server));
    return this.random.pick(nth % 2 === 0 && leads.length > 0 ? leads : others);
  }

  /** A server, or what a cut is between, with who leads. */
  readonly describe = (name: string): string => {
    const leader = this.log.leader?.name;
    return name === leader ? `${name}, which leads` : name.includes(leader ?? '-') ? `${name}; ${leader} leads` : name;
  };

  /** Waits until every server, or each of these, stores a command. Resolves with how long that took. Rejects when one never does. */
  async untilStored(servers: readonly ClusterServer[] = this.servers): Promise<number> {
    const startMs = performance.now();
    await Promise.all(servers.map((server) => this.#untilBack(server, startMs)));
    return performance.now() - startMs;
  }

  async #untilBack(server: ClusterServer, startMs: number): Promise<void> {
    while (!(await this.clients.stores(this.servers.indexOf(server)))) {
      if (performance.now() - startMs > PATIENCE_MS) {
        const { name, log } = server;
        throw new Error(`${name} stores nothing for ${PATIENCE_MS / 1_000} s\n${log.join('\n')}`);
      }
      await sleep(100);
    }
  }

  /** Lets clients come to rest and judges all that they were told. */
  async judgeAll(): Promise<AttachedReport> {
    await this.clients.rest();
    await this.log.caughtUp();
    this.judge.judge(this.clients.take());
    const report = await this.attached.judge(this.ledger);
    for (const { what, line } of report.findings) this.judge.find(what, line);
    for (const { problems } of this.servers) this.judge.lines.push(...problems.splice(0));
    return report;
  }

  /** Whether all servers show the sessions that the log comes to. What differs is a finding. */
  async compareAll(): Promise<void> {
    const differences = await this.#differences();
    if (differences.length === 0) return;
    this.judge.findings.lost += differences.length;
    this.judge.lines.push(...differences);
  }

  /** Ends all of it, and removes what it wrote. */
  async close(): Promise<void> {
    this.clients.close();
    await this.attached.close();
    await this.log.close();
    await Promise.all([...this.servers.map((server) => server.kill()), ...MEMBERS.map((one) => this.etcd.kill(one))]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #differences(): Promise<string[]> {
    const startMs = performance.now();
    for (;;) {
      await this.log.caughtUp();
      const wanted = [...this.ledger.state.sessions.copy()].map(({ sid, name }) => `${sid} ${name}`).sort();
      const found = await Promise.all(this.servers.map((_server, at) => this.clients.sessions(at)));
      const lists = found.map((list) => list && [...list].map(([sid, name]) => `${sid} ${name}`).sort());
      const wrong = this.servers.filter((_server, at) => lists[at]?.join() !== wanted.join());
      if (wrong.length === 0) return [];
      // What a server has applied is a little behind what is in the log, and a lease may end just now.
      if (performance.now() - startMs > 10_000)
        return wrong.map(({ name }) => `${name} shows other sessions than the log`);
      await sleep(500);
    }
  }

  #flagsOf(name: ServerName, certificate: readonly string[]): string[] {
    const own = {
      ...FLAGS,
      name,
      journal: this.etcd.url,
      listen: `${addressOf(name)}:${PORT}`,
      'peer-listen': `${addressOf(name)}:${PEER_PORT}`,
      data: join(this.#folder, name),
    };
    const flags = Object.entries(own).flatMap(([option, value]) => [`--${option}`, value]);
    return ['--json', '--allow-open', '--allow-plaintext', ...flags, ...certificate];
  }
}
