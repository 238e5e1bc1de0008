import { SeededRandom } from '../../simulation/random.js';
import * as raw from '../raw.js';
import {
  CALL_KINDS,
  type CallKind,
  ENDINGS,
  type Offender,
  type Op,
  type Phase,
  type Round,
  type ServerPlan,
  type StreamRange,
} from './plan.js';

/** Rounds that one server bears before it is told to drain and another one is started. */
export const ROUNDS_OF_ONE_SERVER = 25;
const OFFENDERS_MAX = 3;
const PHASES_MAX = 4;
/** Calls of one op: with several ops a connection passes every bound that counts calls. */
const CALLS_MAX = 300;
const DRAIN_AFTER_MS_MAX = 300;
/** Calls of one op whose answers are large: they take most of the time of a round. */
const PAGES_MAX = 40;
/** Parts of the seed, so that a server's options do not depend on what its rounds are. */
const SERVERS = 1_000_000_007;

/** Bounds as they are by default, and low ones, so that one connection passes several of them in a phase. */
const SERVER_ARGS: readonly (readonly string[])[] = [
  [],
  ['--early-resets-max', '200', '--early-resets-per-second', '1'],
  ['--early-resets-max', '100', '--early-resets-per-second', '1'],
  ['--early-resets-max', '20', '--early-resets-per-second', '1', '--watches-per-connection-max', '200'],
  ['--control-frames-max', '200', '--control-frames-per-second', '1', '--answer-bytes-per-connection-max', '1048576'],
  ['--message-bytes', '65536', '--request-bytes-max', '262144', '--request-bytes-per-connection-max', '131072'],
];

/** The round of this number of a run. It depends on the seed and the number alone, so that one can be played without the others. */
export function drawRound(seed: number, number: number): Round {
  const random = new SeededRandom(seed).fork(number);
  const offenders = Array.from({ length: random.between(1, OFFENDERS_MAX) }, () => new OffenderDraw(random).offender());
  const server = drawServer(seed, Math.floor(number / ROUNDS_OF_ONE_SERVER));
  const isLast = (number + 1) % ROUNDS_OF_ONE_SERVER === 0;
  return isLast ? { server, offenders, drainAfterMs: random.below(DRAIN_AFTER_MS_MAX) } : { server, offenders };
}

function drawServer(seed: number, number: number): ServerPlan {
  const random = new SeededRandom(seed).fork(SERVERS + number);
  return { tls: random.chance(0.4), args: [...random.pick(SERVER_ARGS), '--drain-deadline', '2s'] };
}

/** Draws what one connection does, and keeps in mind which streams it has opened. */
class OffenderDraw {
  readonly #random: SeededRandom;
  readonly #opened: StreamRange[] = [];
  #next = 1;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  offender(): Offender {
    const random = this.#random;
    const window = random.pick([0, 0, 1, 100, 65_535, 65_535, 65_535, 1_048_576]);
    const phases = Array.from({ length: random.between(1, PHASES_MAX) }, (_, at) => this.#phase(at));
    return { window, phases, ending: random.pick(ENDINGS) };
  }

  #phase(at: number): Phase {
    const random = this.#random;
    const isSetUp = at === 0 && random.chance(0.7);
    const ops = isSetUp ? this.#calls(random.between(1, 3)) : this.#attack();
    const cuts = random.chance(0.5) ? [] : Array.from({ length: random.between(1, 12) }, () => random.word());
    const answersMs = isSetUp ? random.pick([0, 500, 2_000]) : random.pick([0, 0, 20, 100]);
    return { ops, cuts, gapMs: random.pick([0, 0, 1, 10]), answersMs };
  }

  /** Resets above all, among and before everything else that can come in the same write. */
  #attack(): Op[] {
    const random = this.#random;
    const ops: Op[] = random.chance(0.5) ? this.#calls(1) : [];
    for (let count = random.between(1, 6); count > 0; count--) ops.push(...this.#some());
    return random.chance(0.6) ? [...ops, ...this.#calls(random.between(1, 3))] : ops;
  }

  #some(): Op[] {
    const random = this.#random;
    const draw = random.fraction();
    if (draw < 0.45) return [this.#reset()];
    if (draw < 0.55) return [this.#data()];
    if (draw < 0.65) return [this.#window()];
    if (draw < 0.72) return [{ op: 'ping', count: random.pick([1, 10, 300, 1_500]) }];
    if (draw < 0.8) return [this.#settings()];
    if (draw < 0.85) return [{ op: 'priority', ...this.#range() }];
    if (draw < 0.92) return this.#calls(1);
    if (draw < 0.95) return [{ op: 'goaway', code: random.pick([0, 0, raw.INTERNAL_ERROR, raw.ENHANCE_YOUR_CALM]) }];
    return [this.#garbage()];
  }

  #calls(ops: number): Op[] {
    return Array.from({ length: ops }, () => this.#call(this.#random.pick(CALL_KINDS)));
  }

  #call(kind: CallKind): Op {
    const random = this.#random;
    const countMax = kind === 'largePage' ? PAGES_MAX : CALLS_MAX;
    const count = random.chance(0.3) ? random.between(1, 10) : random.between(10, countMax);
    const range = { first: this.#next, count, step: 1 };
    this.#next += 2 * count;
    this.#opened.push(range);
    return { op: 'call', kind, ...range };
  }

  #reset(): Op {
    const random = this.#random;
    const code = random.pick([raw.CANCEL, raw.CANCEL, 0, raw.INTERNAL_ERROR, 0xffff_ffff]);
    return { op: 'reset', code, isBackwards: random.chance(0.3), ...this.#range() };
  }

  #data(): Op {
    const random = this.#random;
    // Most stay within the first window of a connection; some do not, which ends it from within nghttp2.
    const bytes = random.pick([0, 1, 5, 100, 1_000, 16_384]);
    const range = this.#range();
    const within = Math.max(1, Math.floor(60_000 / Math.max(bytes, 1)));
    const count = random.chance(0.9) ? Math.min(range.count, within) : range.count;
    return { op: 'data', bytes, isEnd: random.chance(0.5), ...range, count };
  }

  #window(): Op {
    const random = this.#random;
    const increment = random.chance(0.95) ? random.between(1, 1_048_576) : random.pick([0, 0x7fff_ffff]);
    if (random.chance(0.3)) return { op: 'window', increment, first: 0, count: 1, step: 1 };
    return { op: 'window', increment, ...this.#range() };
  }

  #settings(): Op {
    const random = this.#random;
    const [identifier, value] = random.pick<readonly [number, number]>([
      [1, random.below(65_536)],
      [3, random.below(1_000)],
      [4, random.pick([0, 1, 65_535, 1_048_576])],
      [5, random.between(16_384, 65_536)],
      [6, random.below(65_536)],
      [random.below(65_536), random.word()],
    ]);
    return { op: 'settings', count: random.pick([1, 1, 10, 300]), identifier, value };
  }

  /** Frames that no rule allows, types that are unknown, and bytes that are no frame at all. */
  #garbage(): Op {
    const random = this.#random;
    const hex = Buffer.from(random.bytes(random.below(48))).toString('hex');
    if (random.chance(0.2)) return { op: 'bytes', hex };
    const type = random.chance(0.6) ? random.between(10, 255) : random.below(10);
    const stream = random.chance(0.5) ? 0 : this.#range().first;
    return { op: 'garbage', type, flags: random.below(256), stream, hex };
  }

  /** Streams that were opened: all of one op but the last as a rule, or some of them, or some that were not. */
  #range(): StreamRange {
    const random = this.#random;
    if (this.#opened.length === 0 || random.chance(0.03)) {
      return { first: this.#next + 2 * random.below(10), count: random.between(1, 10), step: random.between(1, 3) };
    }
    const { first, count } = random.chance(0.6) ? this.#opened.at(-1)! : random.pick(this.#opened);
    if (random.chance(0.6)) return { first, count: Math.max(1, count - 1), step: 1 };
    const skipped = random.below(count);
    const step = random.between(1, 3);
    return { first: first + 2 * skipped, count: Math.ceil((count - skipped) / step), step };
  }
}
