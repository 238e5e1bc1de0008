import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { compiled } from './compiled.js';
import { firstLineOf, NatNetwork, type NetworkOptions, type Place } from './network.js';
import { ECHO_PORT, SERVER_PORT } from './ports.js';
import { letsStrangersIn } from './routers.js';
import type { Outcome, Told } from './told.js';

const PROBE = fileURLToPath(new URL('./probe.mjs', import.meta.url));

/** What is spoken between two instances. */
export type Transport = 'tcp' | 'udp';
/** All of it, in the order of the tables in the documentation. */
export const TRANSPORTS: readonly Transport[] = ['tcp', 'udp'];

/** An end of a connection. */
type Side = 'a' | 'b';
const SIDES: readonly Side[] = ['a', 'b'];
const OTHER = { a: 'b', b: 'a' } as const;
const INDEX = { a: 0, b: 1 } as const;

/** By when a connection has come to something: the server decides within 55 s, and this machine may be busy. */
const CONNECT_MS = 75_000;
/**
 * How long a plain dial may take. One that should be let in may need several tries where packets are lost; one that
 * should not costs all of its time, and would be answered within two round trips.
 */
const PATIENCE_MS = { letIn: 10_000, stopped: 400 } as const;

/** Two instances behind their routers and the server, all of them running. Whoever makes it removes it. */
export class Cell {
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  readonly #endings = new Map<number, (why: string) => void>();
  readonly #instances: { readonly process: ChildProcess; readonly cvid: number }[] = [];
  #server: ChildProcess | undefined;
  #ids = 0;

  private constructor(
    readonly network: NatNetwork,
    private readonly data: string,
  ) {}

  /** `data`: the server's folder, when it is to be killed and started again. */
  static async make(options: NetworkOptions, data = ':memory:'): Promise<Cell> {
    const cell = new Cell(await NatNetwork.make(options), data);
    try {
      await cell.startServer();
      const host = options.ipv6 ? `[${cell.network.host6('server')}]` : cell.network.outside('server');
      const joined = SIDES.map((side) => cell.#join(side, `${host}:${SERVER_PORT}`));
      cell.#instances.push(...(await Promise.all(joined)));
      return cell;
    } catch (error) {
      cell.remove();
      throw error;
    }
  }

  async startServer(): Promise<void> {
    this.#server = await this.#started('server', [compiled('test/nat/server.ts'), this.data]);
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
  async connect(transport: Transport, from: Side = 'a', hold = false) {
    const id = ++this.#ids;
    const ended = new Promise<string>((resolve) => this.#endings.set(id, resolve));
    const outcome = this.#told(from, { id, what: 'connect', to: this.cvid(OTHER[from]), transport, hold });
    const hangs = setTimeout(() => this.#heard({ id, error: `nothing came of it in ${CONNECT_MS} ms` }), CONNECT_MS);
    const { path, tookMs, connectionId, error } = await outcome;
    clearTimeout(hangs);
    return { path, tookMs, connectionId, error, ended };
  }

  /** Resolves when the graph has a link between the two, as the server's watchers see it, or (not `present`) has none. */
  async linked(transport: Transport, present: boolean): Promise<void> {
    const to = this.cvid('b');
    await this.#told('a', { id: ++this.#ids, what: 'link', to, transport, present });
  }

  /** Resolves when the two try to reach each other. */
  async punching(): Promise<void> {
    await this.#told('a', { id: ++this.#ids, what: 'punching' });
  }

  /** Asks the server to have `b` dial these hosts for `a`. Answers with its refusal. */
  async claim(hosts: readonly string[]): Promise<string | undefined> {
    return (await this.#told('a', { id: ++this.#ids, what: 'claim', to: this.cvid('b'), hosts })).error;
  }

  /** The SID of an end. */
  cvid(side: Side): number {
    return this.#instances[INDEX[side]]!.cvid;
  }

  /** The plain dials that do not end as they should: let in by every router that lets strangers in, and by no other. */
  async wrongDials(): Promise<string[]> {
    await this.#started('server', [PROBE, 'echo', String(ECHO_PORT)]);
    const dials = TRANSPORTS.flatMap((transport) =>
      SIDES.map(async (from) => {
        const to = OTHER[from];
        const { [to]: router } = this.network.options;
        const expected = letsStrangersIn(router) ? 'let in' : 'silence';
        const came = await this.#plainDial(transport, from, to);
        return came === expected ? [] : [`${transport} from ${from} to ${to}, ${router}: ${came}, not ${expected}`];
      }),
    );
    return (await Promise.all(dials)).flat();
  }

  /** Ends everything in it, and removes it. */
  remove(): void {
    this.network.remove();
  }

  /** What comes of a dial from one end to a port that the other has mapped, towards somebody else. */
  async #plainDial(transport: Transport, from: Side, to: Side): Promise<string> {
    const inside = [PROBE, 'inside', transport, this.network.outside('server'), String(ECHO_PORT)];
    const [port] = JSON.parse(await this.#firstLine(to, inside)) as [number];
    const patience = PATIENCE_MS[letsStrangersIn(this.network.options[to]) ? 'letIn' : 'stopped'];
    return this.#firstLine(from, [PROBE, 'knock', transport, this.network.outside(to), String(port), String(patience)]);
  }

  async #join(place: Place, server: string) {
    const process = this.network.spawn(place, this.#node([compiled('test/nat/instance.ts'), server]), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const exited = once(process, 'exit').then(([code]) => Promise.reject(new Error(`an instance ended with ${code}`)));
    const [{ cvid }] = (await Promise.race([once(process, 'message'), exited])) as [{ cvid: number }];
    exited.catch((error: Error) => {
      for (const id of this.#waiting.keys()) this.#heard({ id, error: error.message });
    });
    process.on('message', (outcome: Outcome) => this.#heard(outcome));
    return { process, cvid };
  }

  #told(side: Side, told: Told): Promise<Outcome> {
    const outcome = new Promise<Outcome>((resolve) => this.#waiting.set(told.id, resolve));
    this.#instances[INDEX[side]]!.process.send(told);
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
