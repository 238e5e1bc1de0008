import { createInterface } from 'node:readline';

/** What a process beside the server is told to do, a line of JSON each. */
export type Order = { readonly go: number } | { readonly rest: true };

/** What it says of the time from a `go` to the next `rest`, beside what it counts itself. */
export interface Spell {
  /** How much of one core it used, 1 being all of it. */
  readonly cpuShare: number;
}

/** A process that works and rests by turns. */
export interface Worker {
  /** Works from now on. A hog uses so much of one core. */
  go(cpuShare: number): void;
  /** Works no more. Answers with what it did in all. */
  rest(): object;
}

/**
 * Says that it has begun, and does what it is told until it is told no more: prints a line when it begins, and one with a
 * {@link Spell} at each `rest`.
 */
export function obey(worker: Worker): void {
  let fromMs = 0;
  let before = process.cpuUsage();
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const order = JSON.parse(line) as Order;
    if ('go' in order) {
      fromMs = performance.now();
      before = process.cpuUsage();
      worker.go(order.go);
      return;
    }
    const done = worker.rest();
    const { user, system } = process.cpuUsage(before);
    const spell: Spell = { cpuShare: (user + system) / 1_000 / (performance.now() - fromMs) };
    console.log(JSON.stringify({ ...done, ...spell }));
  });
  lines.on('close', () => process.exit(0));
  console.log('begun');
}
