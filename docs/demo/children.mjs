import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The built program, as it is in the package. */
export const PROGRAM = fileURLToPath(new URL('../../dist/bundle/switchyard.js', import.meta.url));

/** The processes of a demo, which end with it. */
export class Children {
  #isInterrupted = false;
  #running = new Set();

  constructor() {
    // Ctrl-C reaches the children as well; this one waits for them and tidies up.
    process.on('SIGINT', () => {
      this.#isInterrupted = true;
    });
    // Other signals reach only this process.
    for (const signal of ['SIGTERM', 'SIGHUP']) {
      process.on(signal, () => {
        this.#isInterrupted = true;
        for (const child of this.#running) child.kill('SIGTERM');
      });
    }
  }

  get isInterrupted() {
    return this.#isInterrupted;
  }

  /** Starts switchyard. Its standard error is always shown, except where it is read here. */
  start(args, output, more = {}) {
    return this.run(
      process.execPath,
      [PROGRAM, ...args],
      ['ignore', output, args[0] === 'replay' ? 'pipe' : 'inherit'],
      more,
    );
  }

  /** Starts any program. */
  run(command, args, stdio, more = {}) {
    const child = spawn(command, args, { stdio, env: { ...process.env, ...more } });
    this.#running.add(child);
    // A program that is not there has no end, only this.
    child.once('error', () => this.#running.delete(child));
    child.once('close', () => this.#running.delete(child));
    if (this.#isInterrupted) child.kill('SIGTERM');
    return child;
  }

  /** Ends all of them, the newest first, so that none loses what it needs before it ends. */
  async stopAll() {
    for (const child of [...this.#running].reverse()) await stop(child);
  }
}

/** The first line that a process prints. Rejects when it ends before. */
export function firstLine(child) {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code, signal) => {
      reject(new Error(`it ended with ${signal ?? `status ${code}`} before it said anything`));
    });
  });
}

/** The exit status of a process, once it has ended. */
export function ended(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode ?? 1);
    else child.once('close', (code) => resolve(code ?? 1));
  });
}

/** Ends a process, and waits until it has. */
export function stop(child, signal = 'SIGTERM') {
  child.kill(signal);
  return ended(child);
}

/** Sets what is said apart from what a watch shows. */
export function say(line) {
  console.log(`▶ ${line}`);
}
