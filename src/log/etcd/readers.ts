import { Rules } from '../../core/model/rules.js';
import { Format, formatOf } from '../../journal/format/frame.js';
import { JournalError } from '../../journal/journal.js';
import type { KnownNumbers, Readers } from '../../journal/readers.js';
import { refuseUnread } from '../../journal/unread.js';
import { decodeLeader } from './batch.js';
import { journalErrorOf } from './fence.js';
import type { LogKeys } from './keys.js';
import { ROSTER_MAX } from './limits.js';
import type { Committed, Compare, EtcdStore, KeyValue, Transaction } from './store.js';
import { isStray } from './stray.js';

/** What a {@link LogReaders} stands on. */
export interface LogReadersDeps {
  readonly store: EtcdStore;
  readonly keys: LogKeys;
  /** The server that asks. */
  readonly own: NamedNumbers;
  /** Called with a name whose value cannot be read, once as long as it stays so. */
  readonly warn: (message: string, error: unknown) => void;
}

/**
 * What every live server of a network knows, as the one that leads has read it: each says it with its name, before it reads anything of the
 * log.
 */
export class LogReaders {
  readonly #deps: LogReadersDeps;
  #least: Readers;
  #claimsAt = 0n;
  /** The names that could not be read, as they were reported last: as many as are read at most. */
  #unreadable: ReadonlySet<string> = new Set();

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

  /** Reads it anew, by default with one try. Rejects with a JournalError. */
  async read(
    send: (transaction: Transaction) => Promise<Committed> = (transaction) => this.#deps.store.commit(transaction),
  ): Promise<void> {
    const { keys, own } = this.#deps;
    // One more than are looked at, which says that there are more.
    const ranges = [{ key: keys.claims }, { ...keys.names, limit: ROSTER_MAX + 1 }];
    const success = ranges.map((range) => ({ kind: 'read', range }) as const);
    const { found } = await send({ compare: [], success }).catch((error: unknown) => {
      throw journalErrorOf(error);
    });
    const [[claims] = [], all = []] = found;
    const names = all.filter((name) => !isStray(name));
    this.#least = leastOf(own, this.#numbersOfAll(names));
    this.#claimsAt = claims?.modRevision ?? 0n;
  }

  /** What is not read counts as the first build of several: nothing is raised beyond it. */
  #numbersOfAll(names: readonly KeyValue[]): NamedNumbers[] {
    const unreadable = new Set<string>();
    const numbers = names.slice(0, ROSTER_MAX).map(({ key, value }) => {
      try {
        return numbersOf(value);
      } catch (error) {
        unreadable.add(key);
        const message = `the value of ${key} in etcd cannot be read: it counts as a server of the first build, until it is deleted`;
        if (!this.#unreadable.has(key)) this.#deps.warn(message, error);
        return { ...FIRST_NUMBERS, name: this.#nameOf(key) };
      }
    });
    this.#unreadable = unreadable;
    if (names.length <= ROSTER_MAX) return numbers;
    const { key } = names[ROSTER_MAX];
    return [
      ...numbers,
      { ...FIRST_NUMBERS, name: `${this.#nameOf(key)}, which is beyond the ${ROSTER_MAX} that are asked,` },
    ];
  }

  #nameOf(key: string): string {
    return key.slice(this.#deps.keys.names.key.length);
  }
}

/** What a server knows, and its name. */
export type NamedNumbers = KnownNumbers & { readonly name: string };

/** Keeps a snapshot from being stored that a live server could not read. */
export class SnapshotGuard {
  readonly #readers: LogReaders;
  readonly #logFormat: number;
  #format = 0;

  /** What the log holds already every live server reads. */
  constructor(readers: LogReaders, logFormat: number) {
    this.#readers = readers;
    this.#logFormat = logFormat;
  }

  /** Takes note of a part before it is written. Rejects with a JournalError, `unread`, when a live server could not read it. */
  async admit(chunk: Uint8Array): Promise<void> {
    const format = formatOf(chunk);
    if (format <= this.#format) return;
    this.#format = format;
    await this.conditions();
  }

  /** What the mark of the snapshot compares, so that it does not count when a server came that could not read it. Rejects as `admit` does. */
  async conditions(): Promise<readonly Compare[]> {
    const format = this.#logFormat;
    if (this.#format <= format) return [];
    await this.#readers.read();
    const why = refuseUnread({ formatMax: this.#format, rulesMax: 0 }, { format, readers: this.#readers.least });
    if (why !== undefined) throw new JournalError('unread', `the snapshot cannot be stored yet: ${why}`);
    return [this.#readers.unchanged];
  }
}

/** A build that says nothing reads format 4 and knows the first rules. */
const FIRST_NUMBERS: KnownNumbers = { formatMax: Format.EPOCHS, rulesMax: Rules.FIRST };

function leastOf({ name, formatMax, rulesMax }: NamedNumbers, others: readonly NamedNumbers[]): Readers {
  let least: Readers = { formatMax, rulesMax, formatOf: name, rulesOf: name };
  for (const one of others) {
    if (one.formatMax < least.formatMax) least = { ...least, formatMax: one.formatMax, formatOf: one.name };
    if (one.rulesMax < least.rulesMax) least = { ...least, rulesMax: one.rulesMax, rulesOf: one.name };
  }
  return least;
}

function numbersOf(value: Uint8Array): NamedNumbers {
  const { name, ...said } = decodeLeader(value);
  return { name, ...numbersSaid(said) };
}

/** What a server knows by its own entry, in which 0 stands for a number that its build did not say. */
export function numbersSaid({ formatMax, rulesMax }: KnownNumbers): KnownNumbers {
  return { formatMax: formatMax || FIRST_NUMBERS.formatMax, rulesMax: rulesMax || FIRST_NUMBERS.rulesMax };
}
