import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { hasEnded } from '../has-ended.js';
import { quietPort } from '../port.js';
import { programArguments } from '../program.js';

/** How late an event loop was, in ms, by the percentile of its turns; see harness/bench/parts/probe.mjs. */
export type Stalls = readonly (readonly [percent: number, ms: number])[];

const PROBE = ['--expose-gc', '--import', './harness/bench/parts/probe.mjs'];
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The program as it is installed. */
const BUILT = ['dist/src/main.js'];
/** Clock ticks a second in /proc, which Linux fixes at 100 for user space. */
const TICKS_PER_SECOND = 100;
/** pino's number of `error`. What a server logs there is its own fault. */
const ERROR_LEVEL = 50;
/** The last so many lines of a server's log are kept, for reports. */
const LOG_LINES_MAX = 50;

/** How a server process is run. */
export interface ServerOptions {
  readonly data: string;
  /** Further options of `switchyard serve`. */
  readonly flags?: readonly string[];
  /** Whether `dist` is there and to be used. */
  readonly built: boolean;
  readonly host?: string;
  /** What stands before the command: `ip netns exec NAME`, say. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it can be asked how late its event loop was. */
  readonly probed?: boolean;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server as a user runs it: one process after the other over one data folder, at one address. */
export class ServerProcess {
  /** What it logged as its own fault, and every end that nobody asked for. */
  readonly problems: string[] = [];
  /** When the present process was begun, by this process's monotonic clock. */
  begunMs = 0;
  /** Further addresses by name, as it printed them. */
  listening: Readonly<Record<string, string>> = {};
  private child: ChildProcess | undefined;
  private readonly log: string[] = [];

  private constructor(
    private readonly options: ServerOptions,
    private readonly port: number,
  ) {}

  /** Starts the first process. */
  static async begin(options: ServerOptions): Promise<ServerProcess> {
    const server = new ServerProcess(options, await quietPort(options.host ?? '127.0.0.1'));
    await server.start();
    return server;
  }

  get address(): string {
    return `${this.options.host ?? '127.0.0.1'}:${this.port}`;
  }

  /** CPU time of the present process so far, user and system. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.child!.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Begins a process; resolves when it listens. */
  async start(): Promise<void> {
    const lines = this.spawn();
    const { child } = this;
    const exited = once(child!, 'exit').then(() => undefined);
    const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), exited]);
    if (line === undefined) throw new Error(`the server ended before it listened: ${this.log.join('\n')}`);
    this.listening = (JSON.parse(line) as { listening: Record<string, string> }).listening;
  }

  /** Begins a process and kills it after a while, wherever it has come to by then. */
  async startInVain(forMs: number): Promise<void> {
    this.spawn();
    await new Promise((resolve) => setTimeout(resolve, forMs));
    await this.kill();
  }

  /** From now on the delays of the event loop are counted. */
  async beginStalls(): Promise<void> {
    await this.ask('beginStalls');
  }

  /** What they were since then. */
  endStalls(): Promise<Stalls> {
    return this.ask('endStalls');
  }

  /** SIGKILL. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGTERM: goes down as a server should. Resolves with its exit status. */
  drain(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  /** SIGSTOP. */
  pause(): void {
    this.child!.kill('SIGSTOP');
  }

  /** SIGCONT. */
  proceed(): void {
    this.child!.kill('SIGCONT');
  }

  private async ask(question: string): Promise<Stalls> {
    const child = this.child!;
    child.send({ id: 0, question });
    const [{ answer }] = (await once(child, 'message')) as [{ answer: Stalls }];
    return answer;
  }

  private spawn() {
    const { prefix = [], built, flags = [], data, env = {}, probed } = this.options;
    // Its clients may be at the other end of a network that loses packets.
    const far = ['--allow-open', '--allow-plaintext'];
    const serve = [
      'serve',
      '--json',
      '--log-level',
      'warn',
      '--listen',
      this.address,
      '--data',
      data,
      ...far,
      ...flags,
    ];
    const [command, ...args] = [
      ...prefix,
      process.execPath,
      ...(probed ? PROBE : []),
      ...(built ? BUILT : programArguments()),
      ...serve,
    ];
    this.begunMs = performance.now();
    const { PATH, HOME } = process.env;
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...(probed ? (['ipc'] as const) : [])],
    });
    this.child = child;
    running.add(child);
    child.once('exit', (code, signal) => {
      running.delete(child);
      if (this.child === child) this.problems.push(`the server ended by itself: ${code ?? signal}`);
    });
    createInterface({ input: child.stderr! }).on('line', (line) => this.took(line));
    return createInterface({ input: child.stdout! });
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || hasEnded(child)) return null;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    // Whoever waits for questions does not end.
    if (child.connected) child.disconnect();
    child.kill(signal);
    const [status] = await exited;
    return status;
  }

  private took(line: string): void {
    this.log.push(line);
    if (this.log.length > LOG_LINES_MAX) this.log.shift();
    if (line.startsWith('warning: ')) return;
    // What is not the log's is a stack, of an error that nobody caught.
    const isLog = line.startsWith('{"level":');
    if (!isLog || (JSON.parse(line) as { level: number }).level >= ERROR_LEVEL) this.problems.push(line);
  }
}
