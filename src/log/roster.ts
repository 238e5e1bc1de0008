import type { KnownNumbers } from '../journal/readers.js';

/** What a server says of itself to the others of its network. */
export interface RosterEntry extends KnownNumbers {
  readonly name: string;
  readonly leads: boolean;
  /** In which it leads, or the newest that it has seen. */
  readonly term: bigint;
  /** How long ago it had applied the whole log. */
  readonly lagMs: number;
  /** How many sessions are attached to it. */
  readonly sessions: number;
  /** Where it listens for clients, as HOST:PORT by code name. */
  readonly addresses: Readonly<Record<string, string>>;
  /** What it has applied. */
  readonly revision: number;
  readonly version: string;
  /** Whether it can serve sessions. */
  readonly isReady: boolean;
}

/** A server as it is listed. */
export interface ListedServer extends RosterEntry {
  /** When it said so, by its own wall clock. */
  readonly atMs: number;
}

/** The servers of a network, and its journal. */
export interface RosterListing {
  /** In the order of their names. */
  readonly servers: readonly ListedServer[];
  /** The format of the journal now. */
  readonly format: number;
}

/** The list of the servers of a network, each of which says what it is now and then. */
export interface Roster {
  /** From now on this server is listed, as `describe` says it. */
  begin(describe: () => RosterEntry): void;
  /** Every server that is listed. Rejects with a JournalError when the store does not answer. */
  list(): Promise<RosterListing>;
  /** Takes this server from the list. Never rejects. */
  close(): Promise<void>;
}
