import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded } from '../../has-ended.js';
import { bound } from './children.js';

/** Clock ticks a second in /proc, which Linux fixes at 100 for user space. */
const TICKS_PER_SECOND = 100;
const PAGE_KIB = 4;

/** What a server's memory is once everything is collected. */
export interface Memory {
  /** All that is resident. */
  readonly residentBytes: number;
  /** What is held on the heap and outside it, buffers included. */
  readonly heldBytes: number;
}

/** How late the event loop came, in ms, by the percentile of its turns. */
export type Stalls = readonly (readonly [percent: number, ms: number])[];

/** The questions that probe.mjs answers inside a server. */
interface Answers {
  memory: Memory;
  beginStalls: undefined;
  endStalls: Stalls;
}

/** A server that a bench has started. It alone is stopped by it, by its pid. */
export class Started {
  private asked = 0;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    /** Further ports by name, where the program prints them. */
    readonly ports: Readonly<Record<string, number>>,
  ) {}

  /**
   * Starts a program whose first line of output is JSON with `listening`, or a number that is its port. With probe.mjs
   * among its arguments it can be asked.
   */
  static async announcing(command: string, args: readonly string[]): Promise<Started> {
    const child = bound(spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] }));
    const lines = createInterface({ input: child.stdout! });
    const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [string | number];
    if (typeof line !== 'string') throw new Error(`${command} ${args.join(' ')} ended before it listened`);
    const ports = portsOf(line);
    return new Started(child, ports.grpc, ports);
  }

  /** Starts a program that listens on a port that is known, and waits until it does. */
  static async listening(command: string, args: readonly string[], port: number): Promise<Started> {
    const child = bound(spawn(command, args, { stdio: 'ignore' }));
    for (let tries = 0; tries < 200; tries++) {
      if (child.pid === undefined) throw new Error(`${command} is not installed`);
      if (hasEnded(child)) throw new Error(`${command} ended before it listened`);
      if (await accepts(port)) return new Started(child, port, {});
      await sleep(50);
    }
    throw new Error(`${command} does not listen on ${port}`);
  }

  /** Seconds of CPU so far, user and system. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** The same by the scheduler's own count, in nanoseconds: for runs that are over before ten ticks are. */
  cpuNanos(): number {
    const tasks = readdirSync(`/proc/${this.child.pid}/task`);
    return tasks.reduce((sum, task) => sum + this.#ranNanos(task), 0);
  }

  /** Of that, what the main thread took, in which node runs its event loop. */
  mainNanos(): number {
    return this.#ranNanos(String(this.child.pid));
  }

  #ranNanos(task: string): number {
    return Number(readFileSync(`/proc/${this.child.pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
  }

  /** Resident memory in MiB. */
  residentMiB(): number {
    const [, resident] = readFileSync(`/proc/${this.child.pid}/statm`, 'latin1').split(' ');
    return (Number(resident) * PAGE_KIB) / 1024;
  }

  /** How many files and sockets it has open. */
  openFiles(): number {
    return readdirSync(`/proc/${this.child.pid}/fd`).length;
  }

  /** Asks a server that was started with probe.mjs. */
  ask<Q extends keyof Answers>(question: Q): Promise<Answers[Q]> {
    const id = this.asked++;
    return new Promise((resolve) => {
      const answered = (message: { id: number; answer: Answers[Q] }) => {
        if (message.id !== id) return;
        this.child.off('message', answered);
        resolve(message.answer);
      };
      this.child.on('message', answered);
      this.child.send({ id, question });
    });
  }

  /** Resolves when it has used no CPU to speak of for a while. */
  async quiet(): Promise<void> {
    for (let before = this.cpuSeconds(); ; ) {
      await sleep(300);
      const now = this.cpuSeconds();
      if (now - before <= 0.02) return;
      before = now;
    }
  }

  /** Lets it stand still, or go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(name);
  }

  async stop(): Promise<void> {
    if (hasEnded(this.child)) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}

function portsOf(line: string): Record<string, number> {
  if (/^\d+$/.test(line)) return { grpc: Number(line) };
  const { listening } = JSON.parse(line) as { listening: Record<string, string> };
  return Object.fromEntries(Object.entries(listening).map(([name, at]) => [name, Number(at.split(':').at(-1))]));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
