import type { Applied } from '../core/decide/apply.js';
import type { Command } from '../core/model/command.js';
import type { Fault } from '../core/model/fault.js';
import { MESSAGE_BYTES_MAX, MESSAGE_ITEMS_MAX } from './limits.js';
import type { CommandRefused, ForwardedCommand, LeaderLink } from './peers.js';

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

/** What is to be sent over a link in a term, as much as one message takes: it is noted as sent. */
export function takeUnsent(all: ReadonlyMap<number, Waiting>, link: LeaderLink, term: bigint): ForwardedCommand[] {
  const commands: ForwardedCommand[] = [];
  let bytes = 0;
  for (const [count, waiting] of all) {
    if (commands.length >= MESSAGE_ITEMS_MAX || bytes >= MESSAGE_BYTES_MAX) break;
    const mayGo = waiting.term === 0n || waiting.term === term;
    if (!mayGo || (waiting.sentOver === link && waiting.term === term)) continue;
    waiting.term = term;
    waiting.sentOver = link;
    bytes += waiting.record.length;
    commands.push({ count, record: waiting.record, urgent: waiting.urgent });
  }
  return commands;
}
