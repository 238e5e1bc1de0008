import { setTimeout as wait } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { numberAboveZero, numberVariable } from '../../../harness/number-option.js';
import { ENHANCE_YOUR_CALM, preface, type RawConnection } from './raw.js';
import type { Observed, Target } from './target.js';

/** How long an attack goes on that nobody stops. In CI it is short; SWITCHYARD_ABUSE_SECONDS makes it longer. */
export const ATTACK_MS = (numberVariable('SWITCHYARD_ABUSE_SECONDS', numberAboveZero) ?? 1) * 1_000;
/**
 * What a process may grow by from one garbage collection to the next, with nothing held for anybody: what an ordinary
 * client alone makes it grow by, with room. The bound of an attack comes on top of it.
 */
export const NOISE_BYTES = 64 * 1_048_576;
/** V8's young generation at its largest where no flag says more: two halves of 16 MiB, and as much for what is copied. */
const YOUNG_BYTES = 48 * 1_048_576;

/** What is left of an attack: its connection, and what others saw meanwhile. */
export interface Outcome {
  readonly connection: RawConnection;
  readonly seen: Observed;
}

/**
 * Carries out an attack on one connection beside an ordinary client, and holds the server to the one thing that all
 * attacks have in common: it grew by less than `heldBytesMax` and noise. Latencies are told, not judged.
 */
export async function attack(
  target: Target,
  name: string,
  work: (connection: RawConnection) => Promise<void>,
  { heldBytesMax = 0, window = undefined as number | undefined } = {},
): Promise<Outcome> {
  const connection = await target.dial();
  try {
    const seen = await target.beside(async () => {
      await connection.write(preface(window));
      await work(connection);
    });
    tell(name, seen);
    expect(seen.grownBytes).toBeLessThan(heldBytesMax + NOISE_BYTES);
    return { connection, seen };
  } finally {
    connection.destroy();
  }
}

/**
 * The same twice, for what makes as much garbage as it can: the first time lets V8's young generation grow to its full size, which it
 * keeps. The second time is held to the bound alone; what an attack leaves for good, it leaves the second time, too.
 */
export async function attackTwice(
  target: Target,
  name: string,
  work: (connection: RawConnection) => Promise<void>,
): Promise<Outcome> {
  await attack(target, `${name}, for the first time`, work, { heldBytesMax: YOUNG_BYTES });
  return attack(target, name, work);
}

/** Says what an ordinary client saw beside an attack. */
export function tell(name: string, { calls, slowestMs, grownBytes }: Observed): void {
  const grown = (grownBytes / 1_048_576).toFixed(1);
  process.stderr.write(
    `  ${name}: ${calls} ordinary calls, the slowest ${slowestMs.toFixed(0)} ms; ${grown} MiB more\n`,
  );
}

/**
 * The server has closed the connection, with ENHANCE_YOUR_CALM: unless that was lost, as its kernel drops what it has yet to
 * send when more comes that nobody will read.
 */
export function expectCalmed({ isOpen, goaway }: RawConnection): void {
  expect(isOpen).toBe(false);
  expect([ENHANCE_YOUR_CALM, undefined]).toContain(goaway);
}

/** Does something again and again until the connection is closed, or the attack has gone on for long enough. */
export async function flood(connection: RawConnection, step: (round: number) => Promise<void>): Promise<void> {
  const endMs = performance.now() + ATTACK_MS;
  for (let round = 0; connection.isOpen && performance.now() < endMs; round++) {
    await step(round);
    // Lets the ordinary client in, which lives in the same process.
    if (round % 8 === 0) await wait(0);
  }
}

/** The same until the connection is closed, which it must be. */
export async function floodUntilClosed(
  connection: RawConnection,
  step: (round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; connection.isOpen; round++) {
    await step(round);
    if (round % 8 === 0) await wait(0);
  }
}

/** Several copies of a frame, as one write. */
export function times(count: number, bytes: Buffer): Buffer {
  return Buffer.concat(Array<Buffer>(count).fill(bytes));
}
