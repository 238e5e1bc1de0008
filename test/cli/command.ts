import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { Sink } from '../../src/cli/output/output.js';
import { makeTerminal } from '../../src/cli/output/terminal.js';
import { runCli } from '../../src/cli/program.js';
import { Interrupt, type Surroundings } from '../../src/cli/surroundings.js';
import { systemClock, systemRandom } from '../../src/client/system.js';

/** The home of everybody here, where keys are kept. */
const HOME = mkdtempSync(join(tmpdir(), 'switchyard-home-'));
process.once('exit', () => rmSync(HOME, { recursive: true, force: true }));
/** Commands of one process are as many processes to those who ask. */
let nextPid = 1;

/** What a command printed, and how it ended. */
export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A command under way, in this process, with a terminal that remembers. */
export interface RunningCommand {
  readonly ended: Promise<Ended>;
  /** Resolves with what was printed to `out` as soon as it matches. */
  printed(pattern: RegExp): Promise<string>;
  /** The same for standard error. */
  said(pattern: RegExp): Promise<string>;
  interrupt(signalName?: Interrupt['signalName']): void;
}

/** What a test may say about the process that a command runs in. */
export type Setting = Partial<
  Pick<Surroundings, 'env' | 'home' | 'readFile' | 'platform' | 'input' | 'output' | 'random' | 'onHangUp'>
> & {
  /** What `out` waits for at each write: a reader that takes nothing until then. */
  readonly ready?: Promise<void>;
  readonly colored?: boolean;
  /** Cells in a line of the terminal that both outputs are; they are none without it. */
  readonly columns?: number;
};

/** Starts a command line. */
export function startCommand(args: readonly string[], setting: Setting = {}): RunningCommand {
  const stop = new AbortController();
  const out = new Recorder(setting.columns, setting.ready);
  const err = new Recorder(setting.columns);
  const surroundings: Surroundings = {
    env: {},
    platform: 'linux',
    home: HOME,
    readFile: () => {
      throw new Error('no such file');
    },
    input: Readable.from([]),
    output: new PassThrough(),
    clock: systemClock,
    random: systemRandom,
    pid: nextPid++,
    ...setting,
    terminal: makeTerminal(out, err, setting.colored === true),
    signal: stop.signal,
  };
  return {
    ended: runCli(args, surroundings).then((status) => ({ status, out: out.text, err: err.text })),
    printed: (pattern) => out.matches(pattern),
    said: (pattern) => err.matches(pattern),
    interrupt: (signalName = 'SIGINT') => stop.abort(new Interrupt(signalName)),
  };
}

/** Runs a command line to its end. */
export function runCommand(args: readonly string[], setting: Setting = {}): Promise<Ended> {
  return startCommand(args, setting).ended;
}

/** An output that remembers. */
export class Recorder implements Sink {
  readonly interactive: boolean;
  text = '';
  private waiting: { readonly pattern: RegExp; readonly resolve: (text: string) => void }[] = [];

  constructor(
    readonly columns: number | undefined,
    private readonly ready: Promise<void> = Promise.resolve(),
  ) {
    this.interactive = columns !== undefined;
  }

  write(text: string): Promise<void> {
    this.text += text;
    this.waiting = this.waiting.filter(({ pattern, resolve }) => {
      if (!pattern.test(this.text)) return true;
      resolve(this.text);
      return false;
    });
    return this.ready;
  }

  matches(pattern: RegExp): Promise<string> {
    if (pattern.test(this.text)) return Promise.resolve(this.text);
    return new Promise((resolve) => this.waiting.push({ pattern, resolve }));
  }
}

/** The commands that the help lists, in its order: those of the program, or of one of its commands. */
export async function listedCommands(...words: readonly string[]): Promise<string[]> {
  const { out } = await runCommand([...words, '--help']);
  return [...out.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name!).filter((name) => name !== 'help');
}
