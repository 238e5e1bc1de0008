import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compiled } from './compiled.js';
import type { Outcome, Told } from './instance.js';
import { NatNetwork, type NetworkOptions, type Place } from './network.js';
import { ECHO_PORT, SERVER_PORT } from './ports.js';
import type { NatKind } from './routers.js';

const PROBE = fileURLToPath(new URL('./probe.mjs', import.meta.url));

/** What is spoken between two instances. */
export type Transport = 'tcp' | 'udp';

/**
 * Where theory lets two ends meet: unless one of them sends from a port that nobody can know (`edm`) to another that
 * takes nothing from a port it has not sent to (`apdf`, `edm`).
 */
export function reachable(a: NatKind, b: NatKind): boolean {
  const strict = (kind: NatKind) => kind === 'apdf' || kind === 'edm';
  return !((a === 'edm' && strict(b)) || (b === 'edm' && strict(a)));
}

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
      const joined = ['a', 'b'].map((place) => cell.#join(place as Place, `${host}:${SERVER_PORT}`));
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

  /** One end connects to the other. With `hold` the connection stays; `ended` tells why it does not any more. */
  async connect(transport: Transport, from: 'a' | 'b' = 'a', hold = false) {
    const [own, other] = from === 'a' ? [0, 1] : [1, 0];
    const id = ++this.#ids;
    const ended = new Promise<string>((resolve) => this.#endings.set(id, resolve));
    const outcome = new Promise<Outcome>((resolve) => this.#waiting.set(id, resolve));
    this.#instances[own]!.process.send({ id, to: this.#instances[other]!.cvid, transport, hold } satisfies Told);
    return { ...(await outcome), ended };
  }

  /** The SID of an end. */
  cvid(side: 'a' | 'b'): number {
    return this.#instances[side === 'a' ? 0 : 1]!.cvid;
  }

  /** By transport, whether each end is let in by the other, whom it was never sent anything, at a port it has mapped. */
  async plainDials(transports: readonly Transport[]): Promise<{ aToB: boolean; bToA: boolean }[]> {
    await this.#started('server', [PROBE, 'echo', String(ECHO_PORT)]);
    return Promise.all(
      transports.map(async (transport) => {
        const dials = [this.#plainDial(transport, 'a', 'b'), this.#plainDial(transport, 'b', 'a')] as const;
        const [aToB, bToA] = await Promise.all(dials);
        return { aToB, bToA };
      }),
    );
  }

  /** Ends everything in it, and removes it. */
  remove(): void {
    this.network.remove();
  }

  async #plainDial(transport: Transport, from: 'a' | 'b', to: 'a' | 'b'): Promise<boolean> {
    const inside = [PROBE, 'inside', transport, this.network.outside('server'), String(ECHO_PORT)];
    const [port] = JSON.parse(await this.#firstLine(to, inside)) as [number];
    const knock = [PROBE, 'knock', transport, this.network.outside(to), String(port)];
    return (await this.#firstLine(from, knock)) === 'let in';
  }

  async #join(place: Place, server: string) {
    const process = this.network.spawn(place, this.#node([compiled('test/nat/instance.ts'), server]), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const exited = once(process, 'exit').then(([code]) => Promise.reject(new Error(`an instance ended with ${code}`)));
    const [{ cvid }] = (await Promise.race([once(process, 'message'), exited])) as [{ cvid: number }];
    exited.catch(() => {});
    process.on('message', (outcome: Outcome) => {
      if (outcome.ended !== undefined) this.#endings.get(outcome.id)?.(outcome.ended);
      else this.#waiting.get(outcome.id)?.(outcome);
    });
    return { process, cvid };
  }

  async #started(place: Place, argv: readonly string[]): Promise<ChildProcess> {
    const child = this.network.spawn(place, this.#node(argv), { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(createInterface(child.stdout!), 'line');
    return child;
  }

  async #firstLine(place: Place, argv: readonly string[]): Promise<string> {
    const child = this.network.spawn(place, this.#node(argv), { stdio: ['ignore', 'pipe', 'inherit'] });
    return ((await once(createInterface(child.stdout!), 'line')) as [string])[0];
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
