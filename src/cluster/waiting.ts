import type { Applied } from '../core/decide/apply.js';
import type { Command } from '../core/model/command.js';
import type { Fault } from '../core/model/fault.js';
import type { CommandRefused, LeaderLink } from './peers.js';

/** What became of forwarded commands, for metrics. */
export interface Fates {
  settled: number;
  again: number;
  refused: number;
}

/** A command whose outcome is not known here yet. */
export interface Waiting {
  readonly command: Command;
  readonly record: Uint8Array;
  readonly urgent: boolean;
  readonly resolve: (outcome: Applied | Fault) => void;
  /** Since when, by the clock that stands still for nobody. */
  readonly sinceMs: number;
  /** The term that it was sent under, and may be in the log of; 0: it is in the log of none, and cannot get there. */
  term: bigint;
  /** The link that it was last sent over. */
  sentOver: LeaderLink | undefined;
  /** What the leader said of it, until what it decided by is applied here. */
  refusal: CommandRefused | undefined;
}
