import { RULES_MAX, Rules } from '../../core/model/rules.js';
import { FORMAT_VERSION, Format } from '../../journal/format/frame.js';
import type { KnownNumbers, Readers } from '../../journal/readers.js';
import { decodeLeader } from './batch.js';
import { journalErrorOf } from './fence.js';
import type { LogKeys } from './keys.js';
import { ROSTER_MAX } from './limits.js';
import type { Compare, EtcdStore, KeyValue } from './store.js';

/** What this build knows. */
export const OWN_NUMBERS: KnownNumbers = { formatMax: FORMAT_VERSION, rulesMax: RULES_MAX };

/** What a {@link LogReaders} stands on. */
export interface LogReadersDeps {
  readonly store: EtcdStore;
  readonly keys: LogKeys;
  /** The server that asks. */
  readonly own: KnownNumbers & { readonly name: string };
}

/**
 * What every live server of a network knows, as the one that leads has read it: each says it with its name, before it reads anything of the
 * log.
 */
export class LogReaders {
  readonly #deps: LogReadersDeps;
  #least: Readers;
  #claimsAt = 0n;

  private constructor(deps: LogReadersDeps) {
    this.#deps = deps;
    this.#least = leastOf(deps.own, []);
  }

  /** Rejects with a JournalError. */
  static async open(deps: LogReadersDeps): Promise<LogReaders> {
    const readers = new LogReaders(deps);
    await readers.read();
    return readers;
  }

  /** As it was read last. */
  get least(): Readers {
    return this.#least;
  }

  /** Holds as long as no server has come since then. */
  get unchanged(): Compare {
    return { key: this.#deps.keys.claims, target: 'modified', revision: this.#claimsAt };
  }

  /** Reads it anew. Rejects with a JournalError. */
  async read(): Promise<void> {
    const { store, keys, own } = this.#deps;
    const ranges = [{ key: keys.claims }, { ...keys.names, limit: ROSTER_MAX }];
    const success = ranges.map((range) => ({ kind: 'read', range }) as const);
    const { found } = await store.commit({ compare: [], success }).catch((error: unknown) => {
      throw journalErrorOf(error);
    });
    const [[claims] = [], names = []] = found;
    this.#least = leastOf(own, names);
    this.#claimsAt = claims?.modRevision ?? 0n;
  }
}

function leastOf({ name, formatMax, rulesMax }: LogReadersDeps['own'], names: readonly KeyValue[]): Readers {
  let least: Readers = { formatMax, rulesMax, formatOf: name, rulesOf: name };
  for (const { value } of names) {
    const one = numbersOf(value);
    if (one.formatMax < least.formatMax) least = { ...least, formatMax: one.formatMax, formatOf: one.name };
    if (one.rulesMax < least.rulesMax) least = { ...least, rulesMax: one.rulesMax, rulesOf: one.name };
  }
  return least;
}

/** A build that says nothing reads format 4 and knows the first rules. */
function numbersOf(value: Uint8Array): KnownNumbers & { readonly name: string } {
  const { name, formatMax, rulesMax } = decodeLeader(value);
  return { name, formatMax: formatMax || Format.EPOCHS, rulesMax: rulesMax || Rules.FIRST };
}
