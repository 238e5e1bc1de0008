import type { Journal, Room, StoredRecord } from '../journal/journal.js';
import type { Replayable } from '../journal/replaying.js';

/**
 * The right to append to a log, from when it was won until it is lost or given back.
 *
 * Two terms of a log never overlap in what they append: an append of a term that is over is refused by the store itself, so that
 * neither a clock nor a process that slept can put anything behind what a later term has decided.
 */
export interface Term {
  /** A later term of the same log has a higher number. */
  readonly number: bigint;
  /** Reads the log and appends to it. When the term is lost, `append` rejects with a JournalError of kind `deposed`. */
  readonly journal: Journal;
  /** Bytes of records after which an append should take no more; undefined where it is for the caller to say. */
  readonly appendBytesMax?: number;
  /**
   * Aborted when the term was lost, with a JournalError of kind `deposed` as its reason. It can come before the store lets
   * another process win: from then on nothing should be decided here any more. Never aborted by {@link resign}.
   */
  readonly lost: AbortSignal;
  /**
   * Whether the term stands by the clock. In a process that stood still it may have run out already though {@link lost} is aborted in one of
   * the next turns of the event loop only.
   */
  stands(): boolean;
  /**
   * Says what the batches came to that are applied here, for followers to compare with. Set by who leads; a log of one process asks
   * nothing.
   */
  told?: ToldSource;
  /** What has happened in this term so far, for metrics. */
  readonly figures: TermFigures;
  /** Gives the term back and closes its journal, so that another process can win at once. Again and again the same. */
  resign(): Promise<void>;
}

/** What a leader's network feed has published for some batches. */
export interface Told {
  /** Running CRC-32. */
  readonly sum: number;
  /** In which words it was published: sums of different ones cannot be compared. */
  readonly version: number;
  /** The first batch that is counted. */
  readonly from: number;
}

/** Who sums up what is published. */
export interface ToldSource {
  /** What was published for the batches since the last {@link restart}. */
  readonly told: Told;
  /** Counts from this batch on. */
  restart(seq: number): void;
}

/** Figures of a term. They only grow, but for {@link storeBytes}. */
export interface TermFigures {
  /** Batches in the log, those that were trimmed included. */
  readonly seq: number;
  /** What tells the log up to its last batch from every other history; empty where there is no other. */
  readonly chain: Uint8Array;
  /** Bytes of the store, as it last said; those of other networks in it included. */
  readonly storeBytes: number;
  /** The part of the store's quota that is in use; 0 where there is none. */
  readonly quotaRatio: number;
  /** Transactions that were sent again, by why. */
  readonly retries: Readonly<Record<RetryCause, number>>;
}

/** Why a transaction was sent again: nothing is known of the one before, or the store had no space. */
export type RetryCause = 'unclear' | 'full';

/**
 * The port to a log that several processes can have in common: everybody may read it, and one of them at a time, the leader,
 * may append.
 *
 * Implementations pass the same contract suite (test/log/contract.ts): local, where the term never ends, and etcd, over a real
 * one or over the one that the simulation has.
 */
export interface SharedLog {
  /**
   * Waits until no other process leads, wins a term and resolves with it. What the term's journal shows is everything that any
   * earlier term has appended: nothing of them can come any more.
   *
   * Rejects with a JournalError where the log cannot be used, and with the signal's reason when that gives up.
   */
  lead(signal?: AbortSignal): Promise<Term>;
  /** Lets go of the store. A term has to be given back before. */
  close(): Promise<void>;
}

/** What a log holds at one moment, to recover a state from. */
export interface LogView {
  readonly journal: Replayable;
  /** The last batch in it; 0: there is none. */
  readonly seq: number;
  /** The last command in it. */
  readonly revision: number;
  /** What tells the log up to its last batch from every other history. */
  readonly chain: Uint8Array;
}

/** Who leads, as others see it. */
export interface SeenLeader {
  readonly name: string;
  readonly term: bigint;
  /** Where other servers reach it; empty: nowhere. */
  readonly address: string;
}

/** What one append wrote. */
export interface TailedBatch {
  readonly term: bigint;
  readonly seq: number;
  /** What tells the log up to this batch from every other history. */
  readonly chain: Uint8Array;
  readonly records: readonly StoredRecord[];
  /** What the leader has published for the batches before; absent where it did not say so. */
  readonly told?: Told | undefined;
}

/** What is known of the snapshots of a log. */
export interface SnapshotsSeen {
  /** The newest one that is whole; undefined: there is none. */
  readonly newest: { readonly revision: number; readonly bytes: number } | undefined;
  /** How much room the store has. */
  readonly room: Room;
}

/** A state as it is to be stored. */
export interface SnapshotToStore {
  readonly revision: number;
  /** A batch that is in the log: nothing that comes after the revision is before it. */
  readonly seq: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Resolves with whether the state can be vouched for: asked when everything but the mark is stored. */
  readonly confirm: () => Promise<boolean>;
}

/** Snapshots of a log, stored by a process that follows. */
export interface SharedSnapshots {
  /** What there is. Rejects with a JournalError. */
  look(): Promise<SnapshotsSeen>;
  /**
   * Stores one. It counts once it is whole; then the older one of the two newest is where the log begins. False: another process is
   * storing one, or has stored a later one. Rejects with a JournalError; what was written then counts for nothing.
   */
  store(snapshot: SnapshotToStore): Promise<boolean>;
}

/** What was read of a log's end. */
export interface LogSlice {
  /** What comes next, in order. */
  readonly batches: readonly TailedBatch[];
  /** The last command that the log had at that moment. */
  readonly revision: number;
  /** Who led at the very moment up to which the batches reach; undefined: nobody. */
  readonly leader: SeenLeader | undefined;
  /** Whether the batches reach to the end that the log had at that moment. */
  readonly isWhole: boolean;
}

/** Reads a log onward from some batch. */
export interface LogTail {
  /**
   * What comes next, as it stands after everything that was acknowledged before the call. One call at a time. Rejects with a
   * JournalError: `failed` when the store does not answer, which may be tried again; `damaged` or `version`; `locked` when what
   * comes next is not in the log any more, so that only a snapshot leads on; `differs` when the log is another one than was
   * read before, as after etcd was restored from a backup.
   */
  read(): Promise<LogSlice>;
}

/** A log that can be followed while another process leads. */
export interface FollowedLog extends SharedLog {
  /** What stands in it now. Rejects with a JournalError. */
  view(): Promise<LogView>;
  /** Reads on behind a batch. With the chain of that batch it notices, too, when the log is another one already. */
  tail(seq: number, chain?: Uint8Array): LogTail;
  /** The chain of a batch; undefined when it is not in the log, or not any more. Rejects with a JournalError. */
  chainAt(seq: number): Promise<Uint8Array | undefined>;
  /** The snapshots, for who follows. Who leads stores them through its journal. */
  readonly snapshots: SharedSnapshots;
  /** Calls back when something may have been appended, or another leads. It can be silent for no reason: look now and then, too. */
  watch(changed: () => void): { close(): void };
}
