import { MemoryDisk } from '../../../src/journal/storage/memory.js';
import { Process } from '../machine/process.js';
import { SeededRandom } from '../machine/random.js';
import { Scheduler } from '../machine/scheduler.js';
import { Trace } from '../trace.js';
import { Verdict, type Violation } from '../verdict.js';
import { Apart } from './apart.js';
import { NetworksCaller } from './caller.js';
import { NetworksCallers } from './callers.js';
import { NetworksServer, type NetworksTampering } from './server.js';

const PACE_MS = 120;
const LIFE_MS = [5_000, 40_000] as const;
const DOWN_MS = 500;

/** How a world went. */
export interface NetworksResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** The same for two runs of one seed. */
  readonly hash: string;
  readonly starts: number;
  /** How often each kind of thing was held against its network. */
  readonly heard: Readonly<Record<string, number>>;
}

/** One server with several networks that is killed now and then, and callers that try everything everywhere. Made of a seed alone. */
export class NetworksWorld {
  readonly #scheduler = new Scheduler();
  readonly #trace: Trace;
  readonly #verdict: Verdict;
  readonly #apart: Apart;
  readonly #random: SeededRandom;
  readonly #disk = new MemoryDisk();
  readonly #callers: NetworksCallers;
  #process: Process | undefined;
  #caller: NetworksCaller | undefined;
  #starts = 0;

  constructor(
    readonly seed: number,
    private readonly tamper: NetworksTampering = {},
    follow?: (line: string) => void,
  ) {
    this.#trace = new Trace(this.#scheduler, follow);
    this.#verdict = new Verdict(() => this.#scheduler.nowMs);
    this.#apart = new Apart(this.#verdict);
    this.#random = new SeededRandom(seed).fork(1);
    const note = (line: string) => this.#trace.note(line);
    const random = this.#random.fork(0);
    this.#callers = new NetworksCallers({ random, note, apart: this.#apart, caller: () => this.#caller });
  }

  /** Lets so much time pass, or as much as nothing is wrong. */
  async run(minutes: number): Promise<NetworksResult> {
    this.#start();
    this.#act();
    await this.#scheduler.run(minutes * 60_000, () => this.#verdict.violation !== undefined);
    this.#process?.kill();
    const { violation } = this.#verdict;
    const heard = Object.fromEntries(this.#apart.heard);
    return { seed: this.seed, violation, hash: this.#trace.hash, starts: this.#starts, heard };
  }

  #start(): void {
    const process = new Process(this.#scheduler);
    const fatal = (error: unknown) => this.#verdict.fail('Sound', String(error));
    const parts = { disk: this.#disk, tamper: this.tamper, fatal, clock: process.clock };
    this.#process = process;
    this.#starts++;
    NetworksServer.start({ ...parts, random: this.#random.fork(this.#starts) }).then((server) => {
      if (!process.isAlive) return;
      this.#caller = new NetworksCaller({ server, process, tamper: this.tamper, unsound: fatal });
      this.#trace.note(`the server runs with ${server.count} networks`);
      this.#callers.begin();
    }, fatal);
    this.#scheduler.after(this.#random.between(...LIFE_MS), () => this.#kill());
  }

  /** The process dies: nothing that it had open is heard of again. */
  #kill(): void {
    this.#trace.note('the server dies');
    this.#process?.kill();
    this.#caller = undefined;
    this.#callers.died();
    this.#scheduler.after(DOWN_MS, () => this.#start());
  }

  #act(): void {
    this.#callers.act();
    this.#scheduler.after(this.#random.between(1, PACE_MS), () => this.#act());
  }
}
