import type { Limits } from '../core/model/limits.js';
import type { Readers } from './readers.js';

/** A stored command: its revision and its bytes, as `record.ts` made them. */
export interface StoredRecord {
  /** Counts the commands of the journal, from 1, without gaps. */
  readonly revision: number;
  /** Not to be changed once it was handed over. */
  readonly bytes: Uint8Array;
  /** In a log that several processes have in common: by which the process that asked for it knows it again. */
  readonly tag?: bigint;
  /** Rules that everybody has to know who applies it; absent where it needs none. */
  readonly rules?: number;
}

/** A stored snapshot, whole: a partly written one is never seen. */
export interface StoredSnapshot {
  /** The state it holds is the one after this revision. */
  readonly revision: number;
  /** Its parts in order, read one by one. Throws a {@link JournalError} when one is not there any more. */
  chunks(): AsyncIterable<Uint8Array>;
}

/**
 * The port to durable storage: a run of commands, and now and then a snapshot that makes the oldest of them needless.
 *
 * Bytes in, bytes out: `record.ts` and `chunk.ts` say what they mean, `frame.ts` their version and their checksum. Two
 * implementations pass the same contract suite (test/journal/contract.ts): memory, and lmdb.
 */
export interface Journal {
  /**
   * Adds records whose revisions follow the last one without a gap. Resolves when all of them are durable, and only
   * then. Rejects with a {@link JournalError}: after `full` and `unread` none of them is, and it may be tried again; after any other nothing
   * can be added until the journal is opened again, because nobody knows what is on the disk, or because it is another's. A gap, another order or a call that overlaps
   * the one before is a broken invariant: it rejects with another error, and nothing is written.
   */
  append(records: readonly StoredRecord[]): Promise<void>;
  /** Revision of the last durable record; 0 in an empty journal. */
  readonly last: number;
  /** Up to which revision records were forgotten. */
  readonly compacted: number;
  /**
   * The format of what is stored, which rises with the first record that needs a later one. In format 1 nothing is appended
   * before {@link moveOn}.
   */
  readonly format: number;
  /** The limits that the first command was decided by, where they are not those that every journal begins with. */
  readonly initialLimits: Limits | undefined;
  /**
   * A journal of format 1 moves on with the next append, in the same transaction, and keeps these as its
   * {@link initialLimits}.
   */
  moveOn(initialLimits: Limits): void;
  /** The revisions of the stored snapshots, ascending. */
  snapshots(): readonly number[];
  /** Opens a stored snapshot. Throws when there is none at that revision. */
  openSnapshot(revision: number): StoredSnapshot;
  /**
   * Every record after `afterRevision`, ascending and without a gap, to the last that was durable at the call: some at a
   * time, because an asynchronous step for each would take longer than decoding it. Throws a {@link JournalError} where one
   * is missing, after those before it, and another error when that revision is compacted away: a caller that asks for it
   * would take the rest for the whole. It holds nothing open between two steps.
   */
  read(afterRevision: number): AsyncIterable<Iterable<StoredRecord>>;
  /**
   * Stores a snapshot, in parts as they come; it counts from when this resolves. Appends go on meanwhile; other
   * snapshots do not. When it rejects, what was written of it is gone.
   */
  writeSnapshot(revision: number, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * Forgets snapshots before `revision` and records up to and including it. There must be a snapshot at `revision`.
   * Appends go on meanwhile. When it is cut short, what is left over does not count any more, and goes with the next.
   */
  compact(revision: number): Promise<void>;
  /** Bytes on disk or in memory, for metrics. */
  size(): number;
  /** The journals of further networks in the same storage; absent where it holds one. */
  readonly networks?: NetworkJournals | undefined;
  /** How much room the storage has; absent where the journal cannot tell before it is full. */
  readonly room?: Room;
  /** What every live process knows that reads it; absent where no other does. */
  readonly readers?: Readers;
  /** Ends what is being written, and lets go of the storage. Closing again is no error. */
  close(): Promise<void>;
}

/** A network other than the default one, as it is stored. */
export interface StoredNetwork {
  /** From 1. None is given twice, also after its network was dropped. */
  readonly number: number;
  readonly name: string;
  /** Sessions that it may have at most; 0: as many as the server. */
  readonly sessionsMax: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

/** What a network is created with. */
export type NewNetwork = Omit<StoredNetwork, 'number'>;

/** What was dropped. */
export interface DroppedNetwork {
  /** Where its records and snapshots were written to before; undefined: nowhere. */
  readonly exportedTo: string | undefined;
}

/**
 * The port to the journals of further networks, which share the storage of the default network's: its lock, its transactions and its
 * syncs.
 */
export interface NetworkJournals {
  /** The networks that there are, by number. */
  list(): readonly StoredNetwork[];
  /** Adds a network with an empty journal. Resolves when that is durable. Its name is for the caller to check. */
  create(network: NewNetwork): Promise<StoredNetwork>;
  /** The journal of a network. One is opened at most once at a time; closing it leaves the storage open. */
  open(number: number): Promise<Journal>;
  /**
   * Takes a network away with all that its journal holds. From the moment that this is durable the network does not count; what a
   * crash leaves of its data goes with the next start. Its journal has to be closed before.
   */
  drop(number: number): Promise<DroppedNetwork>;
  /** The same for a network that nobody was ever in: what its journal holds is written nowhere. */
  discard(number: number): Promise<void>;
}

/**
 * How much room a journal's storage has. `low`: a snapshot should be stored soon, so that what is before it can be forgotten; `scarce`:
 * besides, no more sessions should be opened, so that those that are there can still be closed and expire.
 */
export type Room = 'enough' | 'low' | 'scarce';

/** Why a journal could not do what it was asked. */
export class JournalError extends Error {
  /** The record or snapshot that is meant, when it is about one. */
  readonly revision: number | undefined;

  constructor(
    /**
     * `full`: no space left, nothing was written; `unread`: a live server could not read it, nothing was written; `damaged`: a record or snapshot is not what was written;
     * `version`: written by a newer build; `locked`: another process has it, or has taken it over; `differs`: a snapshot and a
     * replay come to different states; `deposed`: of a shared log, this process leads no more and nothing was written; `failed`:
     * anything else.
     */
    readonly kind: 'full' | 'unread' | 'damaged' | 'version' | 'locked' | 'differs' | 'deposed' | 'failed',
    message: string,
    options: ErrorOptions & { readonly revision?: number } = {},
  ) {
    super(message, options);
    this.name = 'JournalError';
    this.revision = options.revision;
  }
}
