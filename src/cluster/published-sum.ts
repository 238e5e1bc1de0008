import { crc32 } from 'node:zlib';
import type { Change } from '../core/model/change.js';
import type { Position } from '../core/model/position.js';
import { JournalError } from '../journal/journal.js';
import type { TailedBatch, Told, ToldSource } from '../log/shared-log.js';

/**
 * In which words the network feed tells of a command, and what its changes are called. To be raised with every change of either:
 * servers of two numbers do not compare what they have published.
 */
export const FEED_VERSION = 1;

/** One revision as the network feed publishes it. */
export type EncodeRevision = (position: Position, changes: readonly Change[]) => Uint8Array | undefined;

/**
 * Sums up what a server publishes, to find out when two servers have decided differently: the leader stores its sum with each batch, and
 * a follower that came to another one must not go on.
 *
 * The sum is of what the network feed says and of the names of all changes: what touches no node is in it, too. It costs one more
 * encoding of each revision, and only where several servers have a log in common.
 */
export class PublishedSum implements ToldSource {
  readonly #encode: EncodeRevision;
  readonly #version: number;
  #sum = 0;
  #from: number;
  #comparedSeq: number | undefined = 0;
  /** Sums that did not agree. */
  differing = 0;

  /** `from`: the first batch of which everything will be published from now on. */
  constructor(encode: EncodeRevision, from: number, version: number = FEED_VERSION) {
    this.#encode = encode;
    this.#from = from;
    this.#version = version;
  }

  get told(): Told {
    return { sum: this.#sum, version: this.#version, from: this.#from };
  }

  /** The last batch up to which what was decided here is what the leader has decided; undefined while it does not say so. */
  get comparedSeq(): number | undefined {
    return this.#comparedSeq;
  }

  restart(seq: number): void {
    this.#sum = 0;
    this.#from = seq;
  }

  /** Takes in what is published. */
  publish(position: Position, changes: readonly Change[]): void {
    for (const { kind } of changes) this.#sum = crc32(kind, this.#sum);
    const bytes = this.#encode(position, changes);
    if (bytes !== undefined) this.#sum = crc32(bytes, this.#sum);
  }

  /** Compares with a batch that is about to be applied. Throws a JournalError, `differs`, where the leader has published something else. */
  check({ seq, told, records }: TailedBatch): void {
    if (told === undefined) {
      if (records.length > 0) this.#comparedSeq = undefined;
      return;
    }
    const isSame = told.version === this.#version;
    if (isSame && told.from === this.#from && told.sum !== this.#sum) {
      this.differing++;
      throw new JournalError(
        'differs',
        `this server has decided batches ${told.from} to ${seq - 1} otherwise than the one that leads: it begins anew from a snapshot`,
      );
    }
    if (!isSame) this.#comparedSeq = undefined;
    else this.#comparedSeq = told.from === this.#from ? seq - 1 : (this.#comparedSeq ?? 0);
    this.restart(seq);
  }
}
