import { Arena } from './arena.js';
import { drawRound } from './draw.js';
import type { Patience } from './patience.js';
import type { Round } from './plan.js';

/** What rounds came to. */
export interface Tally {
  rounds: number;
  /** Servers that were started, each of which but the last was drained while a round went on. */
  servers: number;
  /** Connections that were expelled, by why. */
  readonly expelled: Map<string, number>;
  /** Calls of the ordinary client, all of which were answered. */
  calls: number;
  slowestMs: number;
  /** Resident memory of a server at its highest. */
  peakBytes: number;
}

/** A round that found something. */
export class RoundFailure extends Error {
  override readonly name = 'RoundFailure';

  constructor(
    readonly seed: number,
    readonly number: number,
    readonly round: Round,
    cause: unknown,
  ) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`seed ${seed}, round ${number}: ${why}`, { cause });
  }
}

/** Where a run begins and ends. */
export interface FuzzerOptions {
  readonly seed: number;
  /** The first round. */
  readonly from: number;
  /** How long everything may take that the server has to do. */
  readonly patience?: Patience;
  /** Whether no server speaks TLS, whatever was drawn. */
  readonly isPlain?: boolean;
  /** Called before each round, with what there was up to then: false ends the run. */
  readonly goesOn: (tally: Tally) => boolean;
}

/** Plays the rounds of a seed, one after the other, to one server after the other. */
export class Fuzzer {
  readonly tally: Tally = { rounds: 0, servers: 0, expelled: new Map(), calls: 0, slowestMs: 0, peakBytes: 0 };
  readonly #options: FuzzerOptions;
  #arena: Arena | undefined;
  /** What this server has expelled as it was counted last. */
  #counted = new Map<string, number>();

  constructor(options: FuzzerOptions) {
    this.#options = options;
  }

  /** Resolves at the end of the run, or rejects with a {@link RoundFailure}. */
  async run(): Promise<void> {
    const { seed, from, isPlain = false, goesOn } = this.#options;
    try {
      for (let number = from; goesOn(this.tally); number++) {
        const drawn = drawRound(seed, number);
        const round = isPlain ? { ...drawn, server: { ...drawn.server, tls: false } } : drawn;
        await this.#play(round).catch((error: unknown) => {
          throw new RoundFailure(seed, number, round, error);
        });
      }
    } finally {
      await this.close();
    }
  }

  /** Ends the server. A run that goes on meanwhile fails. */
  async close(): Promise<void> {
    const arena = this.#arena;
    this.#arena = undefined;
    await arena?.close();
  }

  async #play(round: Round): Promise<void> {
    const { tally } = this;
    if (this.#arena === undefined) {
      this.#arena = await Arena.open(round.server, this.#options.patience);
      this.#counted = new Map();
      tally.servers++;
    }
    const arena = this.#arena;
    if (round.drainAfterMs === undefined) {
      const { calls, slowestMs } = await arena.play(round);
      tally.calls += calls;
      tally.slowestMs = Math.max(tally.slowestMs, slowestMs);
      this.#count(await arena.expelled());
    } else {
      await arena.drain(round);
      this.#arena = undefined;
    }
    tally.rounds++;
    tally.peakBytes = Math.max(tally.peakBytes, arena.peakBytes);
  }

  #count(expelled: ReadonlyMap<string, number>): void {
    for (const [cause, count] of expelled) {
      const more = count - (this.#counted.get(cause) ?? 0);
      this.tally.expelled.set(cause, (this.tally.expelled.get(cause) ?? 0) + more);
      this.#counted.set(cause, count);
    }
  }
}

/** Connections that were expelled, whyever. */
export function expelledCount({ expelled }: Tally): number {
  return [...expelled.values()].reduce((sum, count) => sum + count, 0);
}

/** Plays one round to a server of its own. */
export async function playAlone(round: Round, patience?: Patience): Promise<void> {
  const arena = await Arena.open(round.server, patience);
  try {
    if (round.drainAfterMs === undefined) await arena.play(round);
    else await arena.drain(round);
  } finally {
    await arena.close();
  }
}
