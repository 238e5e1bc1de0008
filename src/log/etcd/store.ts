/** A key of etcd and what stands there. */
export interface KeyValue {
  readonly key: string;
  /** Empty when only keys were asked for. */
  readonly value: Uint8Array;
  /** etcd's revision of the transaction that made the key. */
  readonly createRevision: bigint;
  /** The same of the one that last wrote it. */
  readonly modRevision: bigint;
  /** The lease that it goes with; 0: none. */
  readonly lease: bigint;
}

/** Which keys: one, or those from `key` up to and without `end`. */
export interface KeyRange {
  readonly key: string;
  readonly end?: string;
}

/** What is read. Keys come in ascending order. */
export interface ReadRange extends KeyRange {
  /** At most so many; absent: all. */
  readonly limit?: number;
  readonly keysOnly?: boolean;
}

/** A condition of a transaction: the revision that made a key, or that last wrote it. 0: there is no such key. */
export interface Compare {
  readonly key: string;
  readonly target: 'created' | 'modified';
  readonly revision: bigint;
}

/** One operation of a transaction. */
export type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array; readonly lease?: bigint }
  | { readonly kind: 'delete'; readonly range: KeyRange }
  | { readonly kind: 'read'; readonly range: ReadRange };

/** A transaction: `success` takes place where everything compares, `failure` where something does not. */
export interface Transaction {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure?: readonly Operation[];
}

/** What came of a transaction. */
export interface Committed {
  /** Whether everything compared. */
  readonly succeeded: boolean;
  /** etcd's revision after it: of a transaction that wrote something, its own. */
  readonly revision: bigint;
  /** What its reads found, one list for each, in their order. */
  readonly found: readonly (readonly KeyValue[])[];
}

/** What a read found. */
export interface Found {
  readonly values: readonly KeyValue[];
  /** Whether there are more keys than `limit`. */
  readonly more: boolean;
}

/** A lease: its keys go when it is not kept alive for so long. */
export interface Lease {
  readonly id: bigint;
  /** As granted: etcd has a shortest. */
  readonly ttlMs: number;
}

/** What etcd says of itself. */
export interface StoreStatus {
  /** Such as 3.4.23. */
  readonly version: string;
  /** Bytes of its file, free pages included. */
  readonly bytes: number;
  /** Bytes of what it holds, without free pages, which are used before the file grows. */
  readonly bytesInUse: number;
  /** What its file may have; undefined where it does not say so: before 3.6. */
  readonly quotaBytes: number | undefined;
  /** Whether it has raised the alarm that its quota is used up: it stores nothing then until an operator disarms it. */
  readonly isAlarmed: boolean;
}

/** Why etcd did not do what it was asked. */
export class StoreError extends Error {
  constructor(
    /**
     * `unclear`: it may have done it, or may still do it; `full`: no space left, done only if the quota was passed meanwhile; `refused`: it never will, and
     * trying again is of no use.
     */
    readonly kind: 'unclear' | 'full' | 'refused',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StoreError';
  }
}

/**
 * The port to etcd, with what the log needs of it and no more. Every method sends one request once: whether it may be sent again
 * is for the caller to know. All of them reject with a {@link StoreError}.
 */
export interface EtcdStore {
  /** Carries out a transaction: all of it or nothing, in one order with all others, durable when this resolves. */
  commit(transaction: Transaction): Promise<Committed>;
  /** Reads what stands after everything that was acknowledged before the call. */
  read(range: ReadRange): Promise<Found>;
  /** Makes a lease of at least so long. */
  grant(ttlMs: number): Promise<Lease>;
  /** Keeps a lease for its whole length again. Resolves with false when it is gone. */
  keepAlive(lease: bigint): Promise<boolean>;
  /** Ends a lease and deletes its keys. One that is gone is no error. */
  revoke(lease: bigint): Promise<void>;
  /** Lets etcd forget how its keys stood before the present. */
  compact(revision: bigint): Promise<void>;
  /**
   * Asks for its version and size. Undefined where it answers that to its administrator alone: with authentication on, etcd 3.5.28 and some
   * releases after it do. Releases that lose what they acknowledged are earlier, and answer every user.
   */
  status(): Promise<StoreStatus | undefined>;
  /**
   * Calls back when one of the keys may have changed, and when that cannot be told for a while. A hint and no more: what stands there
   * has to be read.
   */
  watch(range: KeyRange, changed: () => void): { close(): void };
  /** Ends every request; they reject. Closing again is no error. */
  close(): void;
}
