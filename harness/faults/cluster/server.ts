import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { NEXT_BUILD } from '../../next-build.mjs';
import { nextBuildArguments, programArguments } from '../../program.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BUILT = ['dist/src/main.js'];
/** What a server ends with that has lost its term, cannot reach its log or was cut off: whoever runs it starts it again. */
const TEMPORARY = 74;
/** What a start ends with that finds no etcd. */
const NO_START = 1;
/** As systemd does it with `Restart=always` and a `RestartSec` of its own choice. */
const RESTART_MS = 500;
/** pino's number of `error`. */
const ERROR_LEVEL = 50;
const LOG_LINES_MAX = 100;
/** Why a server may end that has lost its log: another leads, or etcd does not answer. */
const LOSSES: ReadonlySet<string | undefined> = new Set(['deposed', 'failed', 'locked', 'full']);

/** How a server of a cluster is run. */
export interface ClusterServerOptions {
  readonly name: string;
  /** HOST:PORT of its gRPC door. */
  readonly address: string;
  readonly flags: readonly string[];
  readonly built: boolean;
  /** What stands before the command. */
  readonly prefix: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** One server of a cluster, which is started again whenever it ends in a way that says so, as systemd would. */
export class ClusterServer {
  /** What it logged as its own fault, and ends that have no excuse. */
  readonly problems: string[] = [];
  /** How often it was started again without having been killed. */
  restarts = 0;
  readonly #options: ClusterServerOptions;
  readonly #log: string[] = [];
  #child: ChildProcess | undefined;
  #isWanted = false;
  #isNext = false;

  constructor(options: ClusterServerOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get address(): string {
    return this.#options.address;
  }

  /** The last lines that it logged. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** Whether processes that begin are of the later build. */
  get isNext(): boolean {
    return this.#isNext;
  }

  /** From now on processes that begin are of the later build. */
  upgrade(): void {
    this.#isNext = true;
  }

  /** Begins a process, and keeps one there from now on. */
  start(): void {
    this.#isWanted = true;
    if (this.#child === undefined) this.#spawn();
  }

  /** SIGKILL. Resolves when the process is gone; no other one begins. */
  async kill(): Promise<void> {
    this.#isWanted = false;
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** SIGTERM. Resolves when the process has ended in order; no other one begins. */
  async terminate(): Promise<void> {
    this.#isWanted = false;
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const [code, signal] = await ended;
    if (code !== 0) this.problems.push(`${this.name} was asked to end, and ended with ${code ?? signal}`);
  }

  /** SIGSTOP or SIGCONT. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name);
  }

  #spawn(): void {
    const { prefix, built, flags, env } = this.#options;
    const own = built ? BUILT : programArguments();
    const program = this.#isNext ? nextBuildArguments() : own;
    const [command, ...args] = [...prefix, process.execPath, ...program, 'serve', ...flags];
    const { PATH, HOME, BUNDLED_PROGRAM } = process.env;
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { PATH, HOME, BUNDLED_PROGRAM, ...env, ...(this.#isNext ? { [NEXT_BUILD]: '1' } : {}) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    createInterface({ input: child.stderr! }).on('line', (line) => this.#took(line));
    child.once('exit', (code, signal) => {
      this.#child = undefined;
      if (!this.#isWanted) return;
      if (code !== TEMPORARY && code !== NO_START)
        this.problems.push(`${this.name} ended by itself: ${code ?? signal}`);
      this.restarts++;
      setTimeout(() => {
        if (this.#isWanted && this.#child === undefined) this.#spawn();
      }, RESTART_MS);
    });
  }

  #took(line: string): void {
    this.#log.push(line);
    if (this.#log.length > LOG_LINES_MAX) this.#log.shift();
    if (!line.startsWith('{"level":')) return;
    const { level, err } = JSON.parse(line) as { level: number; err?: { kind?: string } };
    if (level >= ERROR_LEVEL && !LOSSES.has(err?.kind)) this.problems.push(`${this.name}: ${line}`);
  }
}
