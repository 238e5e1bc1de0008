import { SeededRandom } from '../../../harness/simulation/machine/random.js';
import * as raw from '../tools/raw.js';
import {
  type CallKind,
  ENDINGS,
  LARGE_REQUEST_BYTES,
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
/** Calls of one op that are large or whose answers are, a page of all sessions: they take most of the time of a round. */
const LARGE_CALLS_MAX = 12;
const LARGE_KINDS: readonly CallKind[] = ['unary', 'largePage', 'largeMetadata'];
/** All but those that fill the window of the connection at once. */
const DRAWN_KINDS = [
  'closedWatch',
  'deltaWatch',
  'unary',
  'shortPage',
  'shortPage',
  'largePage',
  'largeMetadata',
  'inFlight',
  'exchange',
  'relay',
] as const satisfies readonly CallKind[];
/** Calls that are still there when their resets come: what is answered before was not given up early. */
const RESET_KINDS = ['closedWatch', 'deltaWatch', 'exchange', 'inFlight'] as const satisfies readonly CallKind[];
/** The share of offenders that pass a bound of the server within a second. The others send frames of every kind. */
const FLOODING_SHARE = 0.7;
/** Last bytes of the addresses of offenders: from 127.0.0.1 they would share turns and places with the ordinary client. */
const HOSTS = { first: 2, last: 9 };
/** Large requests that the first window of a connection has room for. */
const REQUESTS_AT_ONCE = Math.floor(65_535 / (LARGE_REQUEST_BYTES + 5));
/** A page of all sessions is larger than this. */
const PAGE_BYTES_MIN = 80_000;
/** Parts of the seed, so that a server's options do not depend on what its rounds are. */
const SERVERS = 1_000_000_007;

/** Bounds that one connection is expelled for, as far as it can pass them within a second. */
interface Bounds {
  /** Early resets at once. */
  readonly resets?: number;
  /** PING and SETTINGS frames at once. */
  readonly controls?: number;
  /** Bytes of requests that are not complete, of all connections. */
  readonly requestBytes?: number;
  /** Bytes of answers that are not taken. */
  readonly answerBytes?: number;
}

interface ServerKind {
  readonly args: readonly string[];
  readonly bounds: Bounds;
}

/** Bounds as they are by default, and low ones, so that one connection passes several of them in a phase. */
const SERVER_KINDS: readonly ServerKind[] = [
  { args: [], bounds: { resets: 500 } },
  { args: ['--early-resets-max', '200', '--early-resets-per-second', '1'], bounds: { resets: 200 } },
  { args: ['--early-resets-max', '100', '--early-resets-per-second', '1'], bounds: { resets: 100 } },
  {
    args: ['--early-resets-max', '20', '--early-resets-per-second', '1', '--watches-per-connection-max', '200'],
    bounds: { resets: 20 },
  },
  {
    args: [
      '--control-frames-max',
      '200',
      '--control-frames-per-second',
      '1',
      '--answer-bytes-per-connection-max',
      '1048576',
    ],
    bounds: { controls: 200, answerBytes: 1_048_576 },
  },
  {
    args: ['--message-bytes', '65536', '--request-bytes-max', '262144', '--early-resets-max', '200'],
    bounds: { requestBytes: 262_144, resets: 200 },
  },
  {
    args: ['--message-bytes', '65536', '--request-bytes-max', '262144', '--request-bytes-per-connection-max', '131072'],
    bounds: { resets: 500 },
  },
];

/** The round of this number of a run. It depends on the seed and the number alone, so that one can be played without the others. */
export function drawRound(seed: number, number: number): Round {
  const random = new SeededRandom(seed).fork(number);
  const { server, bounds } = drawServer(seed, Math.floor(number / ROUNDS_OF_ONE_SERVER));
  const count = random.between(1, OFFENDERS_MAX);
  const offenders = Array.from({ length: count }, () => new OffenderDraw(random, bounds).offender());
  const isLast = (number + 1) % ROUNDS_OF_ONE_SERVER === 0;
  return isLast ? { server, offenders, drainAfterMs: random.below(DRAIN_AFTER_MS_MAX) } : { server, offenders };
}

function drawServer(seed: number, number: number): { readonly server: ServerPlan; readonly bounds: Bounds } {
  const random = new SeededRandom(seed).fork(SERVERS + number);
  const tls = random.chance(0.4);
  const { args, bounds } = random.pick(SERVER_KINDS);
  return { server: { tls, args: [...args, '--drain-deadline', '2s'] }, bounds };
}

type CallOp = Extract<Op, { op: 'call' }>;
type SettingsOp = Extract<Op, { op: 'settings' }>;

/** Draws what one connection does, and keeps in mind which streams it has opened. */
class OffenderDraw {
  readonly #random: SeededRandom;
  readonly #bounds: Bounds;
  readonly #opened: StreamRange[] = [];
  #next = 1;

  constructor(random: SeededRandom, bounds: Bounds) {
    this.#random = random;
    this.#bounds = bounds;
  }

  offender(): Offender {
    const random = this.#random;
    const from = `127.0.0.${random.between(HOSTS.first, HOSTS.last)}`;
    return { from, ...(random.chance(FLOODING_SHARE) ? this.#floodingOffender() : this.#mixedOffender()) };
  }

  /** Passes a bound of the server, with anything else in the same write. */
  #floodingOffender(): Offender {
    const random = this.#random;
    const window = random.pick([0, 65_535, 65_535]);
    // Breaking off discards what the server has not read yet, so few of them do.
    const ending = random.pick(['linger', 'linger', 'linger', ...ENDINGS] as const);
    const { resets, controls, requestBytes, answerBytes } = this.#bounds;
    const floods: (() => Offender)[] = [];
    if (resets !== undefined) floods.push(() => ({ window, phases: this.#resetFlood(resets), ending }));
    if (controls !== undefined) floods.push(() => ({ window, phases: this.#controlFlood(controls), ending }));
    if (requestBytes !== undefined) floods.push(() => ({ window, phases: this.#requestFlood(requestBytes), ending }));
    if (answerBytes !== undefined) floods.push(() => ({ window: 0, phases: this.#answerFlood(answerBytes), ending }));
    return random.pick(floods)();
  }

  /** Calls that are given up: all of them when they have been answered, or each in the write that opens it. */
  #resetFlood(bound: number): Phase[] {
    const random = this.#random;
    const count = random.between(Math.ceil(bound * 1.1), bound * 2);
    const kind = random.pick(RESET_KINDS);
    const code = random.pick([raw.CANCEL, raw.CANCEL, 0, raw.INTERNAL_ERROR]);
    const resetOf = ({ first }: StreamRange, streams: number): Op => {
      const isBackwards = random.chance(0.2);
      return { op: 'reset', code, isBackwards, first, count: streams, step: 1 };
    };
    if (random.chance(0.6)) {
      const opened = this.#open(kind, count);
      const resets = resetOf(opened, count);
      const settings = { cuts: [], gapMs: 0, answersMs: random.pick([20, 200]) };
      return [{ ops: [opened], ...settings }, this.#lastStraw([resets])];
    }
    const batch = random.pick([1, 10, 100, count]);
    const ops: Op[] = [];
    for (let left = count; left > 0; left -= batch) {
      const opened = this.#open(kind, Math.min(batch, left));
      ops.push(opened, resetOf(opened, opened.count));
    }
    return [this.#lastStraw(ops)];
  }

  /** Frames that ask for nothing but an answer, fewer than the unanswered ones that nghttp2 itself ends a session for. */
  #controlFlood(bound: number): Phase[] {
    const random = this.#random;
    const count = random.between(Math.ceil(bound * 1.1), bound * 3);
    const ops: Op[] = random.chance(0.5) ? [{ op: 'ping', count }] : [{ ...this.#settings(), count }];
    return random.chance(0.5) ? [this.#setUp(), this.#lastStraw(ops)] : [this.#lastStraw(ops)];
  }

  /** Requests that never come to their end, as many in a phase as the window of the connection has room for. */
  #requestFlood(bytes: number): Phase[] {
    const phases = Math.ceil(bytes / (REQUESTS_AT_ONCE * LARGE_REQUEST_BYTES)) + 1;
    const settings = { cuts: [], gapMs: 0, answersMs: this.#random.pick([20, 50]) };
    const wave = () => this.#open('largeRequest', REQUESTS_AT_ONCE);
    const waves = Array.from({ length: phases - 1 }, () => ({ ops: [wave()], ...settings }));
    return [...waves, this.#lastStraw([wave()])];
  }

  /** Pages of all sessions, for which the client opens no window. */
  #answerFlood(bytes: number): Phase[] {
    const pages = Math.ceil(bytes / PAGE_BYTES_MIN);
    return [this.#lastStraw([this.#open('largePage', this.#random.between(pages, pages + 5))])];
  }

  /** What is too much, among other frames: those behind it are for a connection that is expelled already. */
  #lastStraw(ops: readonly Op[]): Phase {
    const random = this.#random;
    const some = (max: number) => Array.from({ length: random.below(max + 1) }, () => this.#some()).flat();
    const before = random.chance(0.2) ? some(2) : [];
    const behind = [...some(3), ...(random.chance(0.6) ? this.#calls(random.between(1, 2)) : [])];
    return { ops: [...before, ...ops, ...behind], cuts: this.#cuts(), gapMs: random.pick([0, 0, 1]), answersMs: 0 };
  }

  /** Frames of every kind, in phases. */
  #mixedOffender(): Offender {
    const random = this.#random;
    const window = random.pick([0, 0, 1, 100, 65_535, 65_535, 65_535, 1_048_576]);
    const phases = Array.from({ length: random.between(1, PHASES_MAX) }, (_, at) => this.#phase(at));
    return { window, phases, ending: random.pick(ENDINGS) };
  }

  #phase(at: number): Phase {
    const random = this.#random;
    if (at === 0 && random.chance(0.7)) return this.#setUp();
    const ops = this.#attack();
    return { ops, cuts: this.#cuts(), gapMs: random.pick([0, 0, 1, 10]), answersMs: random.pick([0, 0, 20, 100]) };
  }

  #setUp(): Phase {
    const random = this.#random;
    const ops = this.#calls(random.between(1, 3));
    return { ops, cuts: this.#cuts(), gapMs: random.pick([0, 0, 1, 10]), answersMs: random.pick([0, 100, 500]) };
  }

  #cuts(): number[] {
    const random = this.#random;
    return random.chance(0.5) ? [] : Array.from({ length: random.between(1, 12) }, () => random.word());
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
    return Array.from({ length: ops }, () => this.#call(this.#random.pick(DRAWN_KINDS)));
  }

  #call(kind: CallKind): Op {
    const random = this.#random;
    const countMax = LARGE_KINDS.includes(kind) ? LARGE_CALLS_MAX : CALLS_MAX;
    const count = random.chance(0.3) ? random.between(1, 10) : random.between(10, countMax);
    return this.#open(kind, count);
  }

  #open(kind: CallKind, count: number): CallOp {
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

  #settings(): SettingsOp {
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
