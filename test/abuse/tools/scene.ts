import { setTimeout as wait } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { Opening } from './openings.js';
import * as raw from './raw.js';
import type { Target } from './target.js';

/** Calls that one offender opens: more than may be reset at once, the bound and what it gains meanwhile included. */
export const CALLS = 700;
/** How long the server may take to answer what was opened; what it has not by then it is not waited for. */
const ANSWERED_MS = 3_000;
/** How long an offender may stay once it has done what it is closed for, on a machine that does much else. */
const CLOSED_MS = 60_000;

/** How long calls may wait for their answers, behind all that came before them. */
const CALLS_MS = 20_000;

/** An attack on a server, and its connections, which are taken down with it. */
export class Scene {
  readonly #connections: raw.RawConnection[] = [];

  constructor(readonly target: Target) {}

  /**
   * A connection that has said hello, with so much window for each stream; from another address of the loopback where one is
   * given: whoever shares an address shares its turns.
   */
  async dial(window?: number, localAddress?: string): Promise<raw.RawConnection> {
    const connection = await this.target.dial(localAddress);
    this.#connections.push(connection);
    await connection.write(raw.preface(window));
    return connection;
  }

  leave(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  /** Whether nghttp2 has closed a connection before the server could: from Node 22 on it counts resets itself. */
  get isNghttp2First(): boolean {
    return this.#connections.some(({ goaway }) => goaway === raw.INTERNAL_ERROR);
  }
}

/** Opens calls in one write, and waits until each has its response headers, unless they are not to be expected. */
export async function openAll(
  connection: raw.RawConnection,
  opening: Opening,
  numbers: readonly number[],
  isAnswered: boolean,
): Promise<void> {
  const before = connection.count(raw.HEADERS);
  await connection.write(Buffer.concat(numbers.map(opening)));
  const endMs = performance.now() + ANSWERED_MS;
  const isDue = () => isAnswered && connection.count(raw.HEADERS) < before + numbers.length;
  while (connection.isOpen && isDue() && performance.now() < endMs) await wait(5);
  if (!isAnswered) await wait(200);
}

/** All that one write resets: every call but the last, which is there to be asked for data. */
export function resetAll(numbers: readonly number[]): Buffer {
  return Buffer.concat(numbers.slice(0, -1).map((stream) => raw.reset(stream)));
}

/** Resolves once a call is answered, on a connection that is open still. */
export async function expectAnswered(connection: raw.RawConnection, stream: number): Promise<void> {
  const endMs = performance.now() + CALLS_MS;
  while (connection.isOpen && !connection.answered.has(stream) && performance.now() < endMs) await wait(10);
  const { isOpen, goaway, answered } = connection;
  expect({ isOpen, goaway, isAnswered: answered.has(stream) }).toEqual({
    isOpen: true,
    goaway: undefined,
    isAnswered: true,
  });
}

/** The codes of GOAWAY of a connection that is expelled; 0: the last was the server's answer to a GOAWAY of the client's own. */
const EXPELLED = [raw.ENHANCE_YOUR_CALM, raw.INTERNAL_ERROR, raw.NO_ERROR];

/**
 * Resolves once the server has closed a connection, with one of these codes or with a GOAWAY that was lost: as it is expelled
 * unless others are given, with ENHANCE_YOUR_CALM, or INTERNAL_ERROR where nghttp2 was the first to have enough (Node 22
 * and 24). Fails when it is not closed in good time.
 */
export async function expectClosed(connection: raw.RawConnection, codes: readonly number[] = EXPELLED): Promise<void> {
  // By polling, as the test's own timers may be late when it has thousands of sockets.
  for (const endMs = performance.now() + CLOSED_MS; connection.isOpen; ) {
    if (performance.now() > endMs) throw new Error(`an offender is still there after ${CLOSED_MS} ms`);
    await wait(10);
  }
  expect([...codes, undefined]).toContain(connection.goaway);
}
