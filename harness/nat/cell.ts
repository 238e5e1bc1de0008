import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { env as processEnv } from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compiled } from './compiled.js';
import { mapperArgv } from './mapper.js';
import { firstLineOf, NatNetwork, type NetworkOptions, type Place } from './network.js';
import type { PlainKind } from './plain.js';
import { ECHO_PORT, FORWARD_PORT, PLAIN_PORT, PROXY_PASSWORD, PROXY_PORT, PROXY_USER, SERVER_PORT } from './ports.js';
import { letsStrangersIn } from './routers.js';
import type { Fallback, Outcome, Told } from './told.js';

const PROBE = fileURLToPath(new URL('./probe.mjs', import.meta.url));

/** What is spoken between two instances. */
export type Transport = 'tcp' | 'udp';
/** All of it, in the order of the tables in the documentation. */
export const TRANSPORTS: readonly Transport[] = ['tcp', 'udp'];

/** By when a connection has come to something: the server decides within 55 s, and this machine may be busy. */
const CONNECT_MS = 75_000;
/**
 * How long a plain dial may take. One that should be let in may need several tries where packets are lost; one that
 * should not costs all of its time, and would be answered within two round trips.
 */
const PATIENCE_MS = { 'let in': 10_000, silence: 400 } as const;

/** How a connection is to be made. */
export interface ConnectChoices {
  readonly hold?: boolean;
  /** Whether it is over only once it is direct or two attempts have failed. */
  readonly settles?: boolean;
  readonly fallback?: Fallback;
}

/** An instance in every site and the server, all of them running. Whoever makes it removes it. */
export class Cell {
  /** What proxies have let through, as they were asked for it. */
  readonly proxied: string[] = [];
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  readonly #endings = new Map<number, (why: string) => void>();
  readonly #instances = new Map<string, { readonly process: ChildProcess; readonly cvid: number }>();
  #server: ChildProcess | undefined;
  #ids = 0;

  private constructor(
    readonly network: NatNetwork,
    private readonly data: string,
    private readonly port: number,
    private readonly serverFlags: readonly string[],
  ) {}

  /** `data`: the server's folder, when it is to be killed and started again. `serverFlags`: what node is given for it. */
  static async make(
    options: NetworkOptions,
    data = ':memory:',
    port = SERVER_PORT,
    serverFlags: readonly string[] = [],
  ): Promise<Cell> {
    const cell = new Cell(await NatNetwork.make(options), data, port, serverFlags);
    try {
      await cell.startServer();
      const server = `${cell.network.serverHost}:${port}`;
      const join = async (site: string) => cell.#join(site, server, await cell.#proxied(site));
      await Promise.all(cell.network.hosts.map(join));
      return cell;
    } catch (error) {
      cell.remove();
      throw error;
    }
  }

  async startServer(): Promise<void> {
    const argv = [compiled('harness/nat/server.ts'), this.data, String(this.port)];
    this.#server = await this.#started('server', [...this.serverFlags, ...argv]);
  }

  /** Ends the server as a crash does. What `ip netns exec` started is the server itself, as it execs. */
  async killServer(): Promise<void> {
    const exited = once(this.#server!, 'exit');
    this.#server!.kill('SIGKILL');
    await exited;
  }

  /**
   * One end connects to the other, and bytes go both ways; it never waits for ever. With `hold` the connection stays;
   * `ended` tells why it does not any more.
   */
  async connect(transport: Transport, from: string, to: string, options: ConnectChoices = {}) {
    const { hold = false, settles = true, fallback = 'immediate' } = options;
    const id = ++this.#ids;
    const ended = new Promise<string>((resolve) => this.#endings.set(id, resolve));
    const outcome = this.#told(from, { id, what: 'connect', to: this.cvid(to), transport, hold, settles, fallback });
    const hangs = setTimeout(() => this.#heard({ id, error: `nothing came of it in ${CONNECT_MS} ms` }), CONNECT_MS);
    const { path, tookMs, movedMs, connectionId, error } = await outcome;
    clearTimeout(hangs);
    return { held: id, path, tookMs, movedMs, connectionId, error, ended };
  }

  /** Bytes go there and back on a connection that is held, as its outcome named it. Answers with how, or why not. */
  talk(from: string, held: number, bytes: number): Promise<Outcome> {
    return this.#told(from, { id: ++this.#ids, what: 'talk', held, bytes });
  }

  /**
   * One end sends so many bytes to the other, `stays`: through the server and by no other way. Answers with the way they took and how
   * long that was.
   */
  async copy(transport: Transport, from: string, to: string, bytes: number, stays = false) {
    const { path, tookMs, error } = await this.#told(from, {
      id: ++this.#ids,
      what: 'copy',
      to: this.cvid(to),
      transport,
      bytes,
      stays,
    });
    if (path === undefined || tookMs === undefined) throw new Error(error);
    return { path, tookMs };
  }

  /** The same over a plain TCP connection or as plain.ts can it, to a site that lets strangers in. Answers with the milliseconds. */
  async plainCopy(from: string, to: string, bytes: number, kind: PlainKind = 'tcp'): Promise<number> {
    const plain = compiled('harness/nat/plain.ts');
    const taking = await this.#started(to, [plain, 'take', kind, String(PLAIN_PORT)]);
    const give = [plain, 'give', kind, this.network.outside(to), String(PLAIN_PORT), String(bytes)];
    try {
      return Number(await this.#firstLine(from, give));
    } finally {
      taking.kill('SIGKILL');
    }
  }

  /** How long a plain TCP connection from a site to a port of the server takes, until bytes have gone both ways. */
  async plainDial(from: string, port = ECHO_PORT): Promise<number> {
    const argv = [PROBE, 'dial', this.network.outside('server'), String(port)];
    return Number(await this.#firstLine(from, argv));
  }

  /** Has plain dials to the server's FORWARD_PORT answered by a site that lets strangers in, over both hops of a relayed connection. */
  async startForward(site: string): Promise<void> {
    await this.#started(site, [PROBE, 'echo', String(ECHO_PORT)]);
    const to = [this.network.outside(site), String(ECHO_PORT)];
    await this.#started('server', [compiled('harness/nat/plain.ts'), 'forward', String(FORWARD_PORT), ...to]);
  }

  /** Starts what answers plain dials at the server. */
  async startEcho(): Promise<void> {
    await this.#started('server', [PROBE, 'echo', String(ECHO_PORT)]);
  }

  /** Resolves when the graph has a link between the two, as the server's watchers see it, or (not `present`) has none. */
  async linked(transport: Transport, from: string, to: string, present: boolean): Promise<void> {
    await this.#told(from, { id: ++this.#ids, what: 'link', to: this.cvid(to), transport, present });
  }

  /** Resolves when a connection of this end is in the middle of an attempt. */
  async punching(from: string): Promise<void> {
    await this.#told(from, { id: ++this.#ids, what: 'punching' });
  }

  /** Asks the server to have one end dial these hosts for the other. Answers with its refusal. */
  async claim(from: string, to: string, hosts: readonly string[]): Promise<string | undefined> {
    return (await this.#told(from, { id: ++this.#ids, what: 'claim', to: this.cvid(to), hosts })).error;
  }

  /** The SID of an end. */
  cvid(site: string): number {
    return this.#instances.get(site)!.cvid;
  }

  /**
   * The plain dials between sites that do not end as they should: let in by every router that lets strangers in, and by
   * no other. Each goes to a port that the other has mapped, towards somebody else.
   */
  async wrongDials(): Promise<string[]> {
    await this.startEcho();
    const inside = [PROBE, 'inside', this.network.outside('server'), String(ECHO_PORT)];
    const mapped = new Map<string, Record<Transport, [number]>>();
    const map = async (site: string) => mapped.set(site, JSON.parse(await this.#firstLine(site, inside)));
    await Promise.all(this.#sites.map(map));
    const wrong = this.#sites.map(async (from) => {
      const dials = this.#sites
        .filter((to) => to !== from)
        .flatMap((to) => TRANSPORTS.map((transport) => ({ to, transport, port: mapped.get(to)![transport][0] })));
      const came = await this.#knock(from, dials);
      return dials.flatMap(({ to, transport }, at) => {
        const said = `${transport} from ${from} to ${to}: ${came[at]}, not ${this.#welcome(to)}`;
        return came[at] === this.#welcome(to) ? [] : [said];
      });
    });
    return (await Promise.all(wrong)).flat();
  }

  /** Ends everything in it, and removes it. */
  remove(): void {
    this.network.remove();
  }

  get #sites(): string[] {
    return Object.keys(this.network.options.routers);
  }

  /** What a stranger meets at a site. */
  #welcome(site: string): 'let in' | 'silence' {
    return letsStrangersIn(this.network.options.routers[site]!) ? 'let in' : 'silence';
  }

  async #knock(from: string, dials: readonly { to: string; transport: Transport; port: number }[]): Promise<string[]> {
    const argv = dials.flatMap(({ to, transport, port }) => {
      return [transport, this.network.outside(to), port, PATIENCE_MS[this.#welcome(to)], 0].map(String);
    });
    return JSON.parse(await this.#firstLine(from, [PROBE, 'knock', ...argv]));
  }

  /** Starts the proxy of a site that has one. Answers with the environment of its instance. */
  async #proxied(site: string): Promise<Record<string, string>> {
    if (this.network.options.fences?.[site] !== 'proxy') return {};
    const argv = this.#node([compiled('harness/nat/proxy.ts'), String(this.network.options.proxyIdleMs ?? 0)]);
    const { process, address } = this.network.spawnInRouter(site, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    await firstLineOf(process);
    createInterface(process.stdout!).on('line', (target) => this.proxied.push(target));
    const [user, password] = [PROXY_USER, PROXY_PASSWORD].map(encodeURIComponent);
    return { https_proxy: `http://${user}:${password}@${address}:${PROXY_PORT}` };
  }

  /** Starts what maps ports in the router of a site that does. Answers with how its instance hears of it. */
  async #mapper(site: string): Promise<string[]> {
    if (!this.network.options.mappers?.includes(site)) return [];
    const { process } = this.network.spawnInRouter(site, mapperArgv(site), { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      process.stderr!.on('data', (bytes: Buffer) => {
        said += bytes;
        if (said.includes('NAT-PMP')) resolve();
      });
      process.once('exit', () => reject(new Error(`miniupnpd ended: ${said}`)));
    });
    return ['map-ports'];
  }

  async #join(site: string, server: string, env: Readonly<Record<string, string>>): Promise<void> {
    const mapped = await this.#mapper(site);
    const process = this.network.spawn(site, this.#node([compiled('harness/nat/instance.ts'), server, ...mapped]), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...processEnv, ...env },
    });
    const exited = once(process, 'exit').then(([code]) => Promise.reject(new Error(`an instance ended with ${code}`)));
    const [{ cvid }] = (await Promise.race([once(process, 'message'), exited])) as [{ cvid: number }];
    exited.catch((error: Error) => {
      for (const id of this.#waiting.keys()) this.#heard({ id, error: error.message });
    });
    process.on('message', (outcome: Outcome) => this.#heard(outcome));
    this.#instances.set(site, { process, cvid });
  }

  #told(site: string, told: Told): Promise<Outcome> {
    const outcome = new Promise<Outcome>((resolve) => this.#waiting.set(told.id, resolve));
    this.#instances.get(site)!.process.send(told);
    return outcome;
  }

  #heard(outcome: Outcome): void {
    const { id, ended } = outcome;
    if (ended !== undefined) this.#endings.get(id)?.(ended);
    else this.#waiting.get(id)?.(outcome);
    this.#waiting.delete(id);
  }

  async #started(place: Place, argv: readonly string[]): Promise<ChildProcess> {
    const child = this.network.spawn(place, this.#node(argv), { stdio: ['ignore', 'pipe', 'inherit'] });
    await firstLineOf(child);
    return child;
  }

  #firstLine(place: Place, argv: readonly string[]): Promise<string> {
    return firstLineOf(this.network.spawn(place, this.#node(argv), { stdio: ['ignore', 'pipe', 'inherit'] }));
  }

  #node(argv: readonly string[]): string[] {
    return [process.execPath, ...argv];
  }
}

/** Whether this machine can make cells; in one line what it lacks, if it cannot. */
export function lacksForCells(): string | undefined {
  const lacks = NatNetwork.lacks();
  if (lacks) return lacks;
  return spawnSync(process.execPath, ['-e', 'require("udx-native")']).status === 0
    ? undefined
    : 'udx-native is missing';
}
