import { setTimeout as wait } from 'node:timers/promises';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import {
  CALLS_BEHIND,
  callsBehind,
  closedWatch,
  deltaWatch,
  exchange,
  inFlight,
  type Opening,
  streams,
  unary,
} from './openings.js';
import * as raw from './raw.js';
import { CALLS, expectClosed, openAll, resetAll, type Scene } from './scene.js';
import { openSession } from './target.js';

/** One way to be expelled, or to go while the server still reads. */
export interface Way {
  /** What the offender does, so that a test's name says it. */
  readonly name: string;
  /** Options of the server. */
  readonly args?: readonly string[];
  /** Whether it is tried over TLS as well, where sockets and sessions are taken down in another order. */
  readonly overTls?: boolean;
  /** Sessions that are there before, so that answers are large. */
  readonly sessions?: number;
  /** What the server counts when it closes the offender for it ({@link Target.closings}). Absent: it passes no bound. */
  readonly counted?: string;
  /** What it may count besides on a machine that is slow. */
  readonly countedLate?: string;
  /** Whether it may be over before the bound is passed, as that is a matter of time. */
  readonly isCountedByChance?: boolean;
  /** Fails when an offender that has to go does not. */
  attack(scene: Scene): Promise<void>;
}

/**
 * So often calls are opened and reset until they were too many. They count only within their first second, so there are
 * half as many in each round: a busy machine takes a second to open hundreds, and not to open some tens.
 */
const ROUNDS = 24;
const CALLS_MIN = 40;
/** The bound that it passes, as the server counts it. */
export const RESETS_COUNTED = cutOff('calls that are reset as soon as they are made');
/** Fewer early resets than by default, and next to none a second, so that those of all rounds add up. */
export const STRICT = ['--early-resets-max', '200', '--early-resets-per-second', '1'];
/** What follows the resets in the same write. */
const TAILS: Readonly<Record<string, (next: number) => Buffer>> = {
  'and nothing behind': () => Buffer.alloc(0),
  'and calls with DATA behind': (next) => callsBehind(next),
};

/** Calls of every kind, reset by the hundred in one write. */
export const FLOODS: readonly Way[] = [
  ...floods('watches of ends', closedWatch, { isAnswered: true, overTls: true }),
  ...floods('watches of the graph', deltaWatch, { isAnswered: true, overTls: true }),
  ...floods('unary calls', unary, { isAtOnce: true }),
  ...floods('calls whose DATA is in flight', inFlight, {}),
  ...floods('Exchange calls', exchange, { overTls: true }),
  relays(),
];

interface Resets {
  /** Whether response headers of each call are to be expected before it is reset. */
  readonly isAnswered?: boolean;
  /** Whether each call is opened in the write that resets it. */
  readonly isAtOnce?: boolean;
  /** How many calls the first round has. */
  readonly calls?: number;
  /** What goes before the resets of these streams in the same write. */
  readonly before?: (numbers: readonly number[]) => Buffer;
  /** What goes behind them, its first stream the next one. */
  readonly tail?: (next: number) => Buffer;
}

/** Opens calls and resets all but one of them in one write, again and again until the connection is closed for it. */
export async function resetUntilClosed(
  connection: raw.RawConnection,
  opening: Opening,
  { isAnswered = false, isAtOnce = false, calls = CALLS, before, tail }: Resets,
): Promise<void> {
  for (let round = 0, next = 1; connection.isOpen && round < ROUNDS; round++) {
    const numbers = streams(Math.max(CALLS_MIN, calls >> round), next);
    next += 2 * numbers.length;
    if (!isAtOnce) await openAll(connection, opening, numbers, isAnswered);
    const opened = isAtOnce ? numbers.map(opening) : [];
    const parts = [before?.(numbers), resetAll(numbers), tail?.(next)].filter((part) => part !== undefined);
    await connection.write(Buffer.concat([...opened, ...parts]));
    next += 2 * CALLS_BEHIND;
    await wait(100);
  }
  await expectClosed(connection);
}

/** The sample of a connection that was closed at a bound. */
export function cutOff(why: string): string {
  return `switchyard_grpc_cut_off_total{cause="${why}"}`;
}

function floods(what: string, opening: Opening, { isAnswered = false, isAtOnce = false, overTls = false }): Way[] {
  return Object.entries(TAILS).map(([behind, tail]) => ({
    name: `resets ${CALLS} ${what} in one write, ${behind}`,
    overTls,
    args: STRICT,
    counted: RESETS_COUNTED,
    attack: async (scene) => resetUntilClosed(await scene.dial(), opening, { isAnswered, isAtOnce, tail }),
  }));
}

function relays(): Way {
  return {
    name: `resets ${CALLS} Relay calls in one write, and calls with DATA behind`,
    args: STRICT,
    counted: RESETS_COUNTED,
    attack: async (scene) => {
      const client = scene.target.client();
      const { sessionToken } = await openSession(client);
      client.close();
      const relay: Opening = (stream) => raw.open(stream, Streams.relay.path, { 'switchyard-session': sessionToken });
      await resetUntilClosed(await scene.dial(), relay, { tail: callsBehind });
    },
  };
}
