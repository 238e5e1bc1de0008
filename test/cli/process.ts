import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NEXT_BUILD } from '../../harness/next-build.mjs';
import { nextBuildArguments, programArguments } from '../../harness/program.js';
import { besides } from '../grpc/running.js';

const ROOT = new URL('../../', import.meta.url);

/** The program as a process of its own, run from its sources. */
export class Program {
  readonly process: ChildProcess;
  out = '';
  err = '';
  private readonly ending: Promise<number | string>;

  /** `node` is the program that runs it: the one that runs this test when it is not given. */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    node = process.execPath,
    input: 'ignore' | 'pipe' = 'ignore',
  ) {
    const program = NEXT_BUILD in env ? nextBuildArguments() : programArguments();
    this.process = spawn(node, [...program, ...args], {
      cwd: fileURLToPath(ROOT),
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: [input, 'pipe', 'pipe'],
    });
    this.process.stdout!.on('data', (bytes) => (this.out += bytes));
    this.process.stderr!.on('data', (bytes) => (this.err += bytes));
    this.ending = once(this.process, 'close').then(([code, signal]) => code ?? signal);
  }

  /** Resolves with standard output as soon as it matches. Rejects when the program ends before. */
  async printed(pattern: RegExp): Promise<string> {
    let ended: number | string | undefined;
    void this.ending.then((status) => (ended = status));
    while (!pattern.test(this.out)) {
      if (ended !== undefined) throw new Error(`it ended with ${ended} before it printed ${pattern}: ${this.err}`);
      await Promise.race([once(this.process.stdout!, 'data'), this.ending]);
    }
    return this.out;
  }

  /** Sends a signal, and resolves with the exit status, or the signal's name when that ended it. */
  async stop(signal: NodeJS.Signals): Promise<number | string> {
    this.process.kill(signal);
    return this.ending;
  }

  /** Resolves with the exit status, or the name of the signal that ended it. */
  ended(): Promise<number | string> {
    return this.ending;
  }
}

/** Starts a server process and waits until it listens; answers with it, its address, and where else it listens. */
export async function startServerProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  node?: string,
): Promise<{ program: Program; address: string; listening: Readonly<Record<string, string>> }> {
  const listen = args[args.indexOf('--listen') + 1];
  const rendezvous = args.includes('--listen') ? ['--rendezvous-listen', besides(listen!)] : [];
  const program = new Program(['serve', '--json', '--log-level', 'error', ...rendezvous, ...args], env, node);
  const line = await program.printed(/\n/);
  const { listening } = JSON.parse(line) as { listening: Record<string, string> };
  return { program, address: listening.grpc, listening };
}
