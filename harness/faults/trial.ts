import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../../src/config/config.js';
import { SeededRandom } from '../simulation/machine/random.js';
import type { Fault } from './fault.js';
import { RealFleet } from './fleet.js';
import { checkLedger, readLedger } from './ledger.js';
import { ServerProcess } from './server.js';

const ADMIN_TOKEN = 'the-administrator-of-a-trial';
/** Short, so that what should end in a trial ends while somebody looks; SIDs so few that they come round. */
const FLAGS = {
  'admin-token': ADMIN_TOKEN,
  'session-ttl': '2s',
  'session-ttl-min': '1s',
  grace: '1s',
  'order-deadline': '2s',
  'drain-deadline': '2s',
  'sid-base-max': '512',
};
/** How long anything may take that has to come: it is awaited, and on a busy machine takes its time. */
const PATIENCE_MS = 120_000;
const LOOK_MS = 20;

/** How a trial is made. */
export interface TrialOptions {
  readonly seed: number;
  /** Whether `dist` is there and to be used. */
  readonly built: boolean;
  readonly hosts?: number;
  readonly clones?: number;
  /** Where the data folder is made. */
  readonly parent?: string;
  readonly host?: string;
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The mean time between two things that clients do. */
  readonly paceMs?: number;
  /** The longest TTL. A longer one says more about leases, and takes longer to be at rest. */
  readonly ttlMax?: string;
}

/** One network from its first record to its last: a server process after the other, its folder, and its clients. */
export class Trial {
  readonly random: SeededRandom;

  private constructor(
    readonly server: ServerProcess,
    readonly fleet: RealFleet,
    readonly folder: string,
    readonly options: TrialOptions,
  ) {
    this.random = new SeededRandom(options.seed).fork(1);
  }

  /** Starts a server, with clients that are at work. Whoever begins a trial ends it by {@link close}. */
  static async begin(options: TrialOptions): Promise<Trial> {
    const { seed, built, host, prefix, env, parent = tmpdir(), hosts = 8, clones = 2, ttlMax = '3s' } = options;
    const folder = mkdtempSync(join(parent, 'switchyard-faults-'));
    const all = { ...FLAGS, 'session-ttl-max': ttlMax };
    const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
    const more = ['--rendezvous-listen', `${host ?? '127.0.0.1'}:0`];
    const server = await ServerProcess.begin({
      ...{ data: folder, built, flags: [...flags, ...more] },
      ...(host && { host }),
      ...(prefix && { prefix }),
      ...(env && { env }),
    });
    const { limits } = readConfig({ flags: all, env: {}, platform: 'linux', home: '/', readFile: () => '' });
    const random = new SeededRandom(seed).fork(0);
    const fleet = new RealFleet({
      ...{ server: server.address, adminToken: ADMIN_TOKEN },
      ...{ random, limits, hosts, clones },
    });
    const trial = new Trial(server, fleet, folder, options);
    fleet.begin();
    void trial.hearExpiries();
    trial.resume();
    await trial.until('a first session', () => fleet.serverSid > 0);
    return trial;
  }

  /** Lets a fault happen once. What it cannot do for want of a server that answers is a violation. */
  async suffer(fault: Fault, patient: boolean): Promise<void> {
    try {
      await fault.strike(this, patient);
    } catch (error) {
      this.fleet.verdict.fail('Sound', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  /** Clients are at work from now on. */
  resume(): void {
    this.fleet.work(this.options.paceMs ?? 8);
  }

  /** Waits until something holds. When it never does, that is a violation. False: something is wrong. */
  async until(what: string, holds: () => boolean | Promise<boolean>, check = 'Converged'): Promise<boolean> {
    const { verdict } = this.fleet;
    const endsMs = performance.now() + PATIENCE_MS;
    while (verdict.violation === undefined) {
      if (await holds()) return true;
      if (performance.now() > endsMs) verdict.fail(check, `${what} did not come in ${PATIENCE_MS / 1_000} s`);
      await sleep(LOOK_MS);
    }
    return false;
  }

  /** Waits until clients got so many answers more. */
  async untilAnswered(count: number): Promise<boolean> {
    const { fleet } = this;
    const before = fleet.countOf('ok');
    return this.until(`${count} answers`, () => fleet.countOf('ok') >= before + count);
  }

  /** Waits until the server answers again. */
  async untilServed(): Promise<boolean> {
    const { client } = this.fleet.admin;
    const asks = () => client.listSessions({}, { pageSize: 1, timeoutMs: 1_000 }).next();
    return this.until('an answer', () => asks().then(yes, no));
  }

  /** Lets the server go down as it should. */
  async drain(): Promise<void> {
    const status = await this.server.drain();
    if (status !== 0) this.fleet.verdict.fail('Sound', `a drain ended with ${status}`);
  }

  /** Judges all that was heard, by the journal. The server has to be down. */
  async judge(): Promise<void> {
    const { fleet, folder, server } = this;
    fleet.found(await readLedger(folder, fleet.truth));
    fleet.judgeAll();
    for (const problem of server.problems.splice(0)) fleet.verdict.fail('Sound', `the server: ${problem}`);
  }

  /**
   * Lets everything come to rest, and looks whether it does. **Converged**: every instance is attached, and every reader
   * at the last position. **Tidy**: when the instances have gone, no session is left.
   */
  async comeToRest(): Promise<void> {
    const { fleet, folder } = this;
    const { hosts, admin, observers } = fleet;
    fleet.rest();
    await this.untilServed();
    const isHome = () => hosts.every(({ instance }) => SETTLED.has(instance?.state ?? 'ended'));
    await this.until('every instance back', isHome);
    await Promise.all(hosts.map(({ client }) => client.close()));
    await this.until('the end of every session', async () => (await this.sessions()) === 0, 'Tidy');
    await this.untilToldAll();
    await Promise.all([...observers, admin].map(({ client }) => client.close()));
    await this.drain();
    await this.judge();
    fleet.found(await checkLedger(folder));
    const left = fleet.truth.state.sessions.count;
    if (left > 0) fleet.verdict.fail('Tidy', `${left} sessions are left in the journal`);
  }

  /** Ends whatever still runs. Resolves with where the data folder is kept, when somebody will want to look at it. */
  async close(): Promise<string | undefined> {
    const { fleet, server, folder } = this;
    fleet.rest();
    await server.kill();
    await Promise.all([...fleet.hosts, ...fleet.observers, fleet.admin].map(({ client }) => client.close()));
    const kept = fleet.verdict.violation && mkdtempSync(join(tmpdir(), 'switchyard-faults-kept-'));
    // The disk that it is on may be gone with the trial.
    if (kept !== undefined) cpSync(folder, kept, { recursive: true });
    rmSync(folder, { recursive: true });
    return kept;
  }

  private async sessions(): Promise<number> {
    let count = 0;
    try {
      for await (const _session of this.fleet.admin.client.listSessions()) count++;
    } catch {
      // Away, or busy: it is asked again.
      return -1;
    }
    return count;
  }

  /** Every reader comes to where the network stands now. */
  private async untilToldAll(): Promise<void> {
    const { observers, admin, serverSid } = this.fleet;
    const { position } = await admin.client.getNode(serverSid);
    const readers = [...observers, admin].flatMap((member) => [...member.readers]);
    for (const reader of readers) reader.hurry();
    const late = () => readers.flatMap((reader) => reader.lag(position) ?? []);
    await this.until(`every reader at ${position.revision}`, () => late().length === 0);
  }

  private async hearExpiries(): Promise<void> {
    const { expiries, admin, verdict } = this.fleet;
    try {
      for await (const message of admin.client.watchEndpointClosed()) expiries.ended(message, this.server.begunMs);
    } catch (error) {
      if (!String(error).includes('the client is closed')) verdict.fail('Sound', `a watch ended: ${error}`);
    }
  }
}

const SETTLED: ReadonlySet<string> = new Set(['attached', 'ended']);

const yes = () => true;
/** Whatever it was: it is tried again, and that it never works is what will be said. */
const no = () => false;
