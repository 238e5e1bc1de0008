import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Fields } from './case.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** An answer that takes longer is none; a relayed connection over a restart takes the longest. */
const ANSWER_MS = 60_000;
/** After its input has ended a testee says goodbye for its instances. */
const GOODBYE_MS = 10_000;
/** The last so many lines of its standard error are kept, for reports. */
const ERROR_LINES_MAX = 30;

/** How a testee is started. */
export interface TesteePlan {
  /** Its column in the table. */
  readonly name: string;
  /** The program and its arguments, in the repository's folder; the server's address is put after them, and the network where it is not the default one. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is missing to run it, in one line; undefined: nothing. */
  readonly missing: () => Promise<string | undefined>;
}

/** A command that the testee did not carry out. */
export class Refused extends Error {
  constructor(readonly fields: Fields) {
    super(JSON.stringify(fields));
  }
}

/** The first line of a testee. */
interface Greeting {
  readonly can: readonly string[];
  readonly cannot?: Readonly<Record<string, string>>;
}

interface Waiting {
  readonly resolve: (answer: Fields) => void;
  readonly reject: (error: Error) => void;
}

/** A testee's process: commands go in, answers and events come out, a JSON object in each line. */
export class TesteeProcess {
  /** What it can do, in its own words. */
  readonly can: Promise<readonly string[]>;
  /** Why it cannot do some of the rest. */
  readonly #cannot: Promise<Readonly<Record<string, string>>>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #events: Fields[] = [];
  readonly #errors: string[] = [];
  #wake: () => void = () => {};
  #lastSeq = 0;

  constructor(plan: TesteePlan, address: string, network?: string) {
    const [program, ...args] = plan.command;
    const env = { ...process.env, ...plan.env };
    this.#child = spawn(program, [...args, address, ...(network === undefined ? [] : [network])], {
      cwd: ROOT,
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#exited = once(this.#child, 'exit').catch((error: unknown) => this.#errors.push(String(error)));
    // A testee that has ended takes no more commands; the answer that is missing says so.
    this.#child.stdin?.on('error', () => {});
    const lines = createInterface({ input: this.#child.stdout! });
    const said = new Promise<Greeting>((resolve, reject) => {
      lines.once('line', (line) => {
        resolve(JSON.parse(line) as Greeting);
        lines.on('line', (next) => this.#take(JSON.parse(next) as Fields));
      });
      void this.#exited.then(() => reject(new Error(`the testee ended: ${this.#errors.join('\n')}`)));
    });
    this.can = said.then(({ can }) => can);
    this.#cannot = said.then(({ cannot = {} }) => cannot);
    for (const promise of [this.can, this.#cannot]) promise.catch(() => {});
    createInterface({ input: this.#child.stderr! }).on('line', (line) => {
      this.#errors.push(line);
      if (this.#errors.length > ERROR_LINES_MAX) this.#errors.shift();
    });
    void this.#exited.then(() => this.#end());
  }

  /** Those of some needs that it does not meet, with its reasons. */
  async lacks(needs: readonly string[]): Promise<readonly string[]> {
    const [can, cannot] = [await this.can, await this.#cannot];
    const missing = needs.filter((need) => !can.includes(need));
    return missing.map((need) => (need in cannot ? `${need} (${cannot[need]})` : need));
  }

  /** Carries out a command. Rejects with {@link Refused} when the testee could not. */
  async command(fields: Fields): Promise<Fields> {
    const seq = ++this.#lastSeq;
    const late = setTimeout(() => this.#settle(seq, (one) => one.reject(this.#failure('no answer'))), ANSWER_MS);
    try {
      return await new Promise<Fields>((resolve, reject) => {
        this.#waiting.set(seq, { resolve, reject });
        this.#child.stdin!.write(`${JSON.stringify({ seq, ...fields })}\n`);
      });
    } finally {
      clearTimeout(late);
    }
  }

  /** The next event of a kind that a subject tells; what it told before that is forgotten. Undefined: none came in time. */
  async event(kind: string, as: string, withinMs: number): Promise<Fields | undefined> {
    const endsAtMs = performance.now() + withinMs;
    for (;;) {
      const at = this.#events.findIndex((event) => event.event === kind && event.as === as);
      if (at >= 0) {
        const found = this.#events[at];
        const rest = this.#events.filter((event, index) => index > at || event.as !== as);
        this.#events.splice(0, this.#events.length, ...rest);
        return found;
      }
      const leftMs = endsAtMs - performance.now();
      if (leftMs <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** What it has told and nobody has asked for, and its last words, for reports. */
  get rest(): string {
    return [...this.#events.map((event) => JSON.stringify(event)), ...this.#errors].join('\n');
  }

  /** Ends its input, and then the process. Resolves with what was wrong about that. */
  async close(): Promise<string | undefined> {
    this.#child.stdin!.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), GOODBYE_MS);
    await this.#exited;
    clearTimeout(late);
    const { exitCode, signalCode } = this.#child;
    return exitCode === 0 ? undefined : `the testee ended with ${exitCode ?? signalCode}\n${this.#errors.join('\n')}`;
  }

  #take(message: Fields): void {
    const { seq, ok, error } = message;
    if (typeof seq === 'number') {
      this.#settle(seq, ({ resolve, reject }) =>
        error === undefined ? resolve((ok ?? {}) as Fields) : reject(new Refused(error as Fields)),
      );
      return;
    }
    this.#events.push(message);
    this.#wake();
  }

  #settle(seq: number, settle: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(seq);
    this.#waiting.delete(seq);
    if (waiting !== undefined) settle(waiting);
  }

  #end(): void {
    for (const seq of [...this.#waiting.keys()]) this.#settle(seq, (one) => one.reject(this.#failure('it ended')));
  }

  #failure(what: string): Error {
    return new Error(`the testee gave no answer: ${what}\n${this.rest}`);
  }
}
