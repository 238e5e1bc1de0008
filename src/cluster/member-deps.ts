import type { Logger } from 'pino';
import type { FollowedLog, Term } from '../log/shared-log.js';
import type { Replica } from '../replica/replica.js';
import type { ForwarderDeps } from './forwarder.js';
import type { LogUpkeepParts } from './log-upkeep.js';
import type { Readiness } from './readiness.js';

/** What a `Member` stands on. */
export interface MemberDeps extends Pick<ForwarderDeps, 'clock' | 'random' | 'address' | 'dial' | 'pendingMax'> {
  /** This server's name. */
  readonly name: string;
  readonly log: FollowedLog;
  /** By which this server is known in the graph, as long as its name is the same. */
  readonly uuid: string;
  /** The newest rules that this server knows; absent: those that its build does. */
  readonly rulesMax?: number | undefined;
  /** At which addresses clients reach this server, HOST:PORT. */
  readonly addresses: readonly string[];
  /** How long the lease of a leader that died lives on. */
  readonly leaderTtlMs: number;
  readonly logger: Logger;
  /** The last batch that the state holds, and its chain. */
  readonly seq: number;
  readonly chain: Uint8Array;
  /** What is done for the log beside applying it. */
  readonly upkeep: LogUpkeepParts;
  /** The replica whose route this is. */
  readonly replica: () => Replica;
  /** Called when this server leads, with its term. What a new network begins with is to be stored. */
  readonly leads: (term: Term) => Promise<void>;
  /** Called when the term is lost, or the log cannot be read on: nothing more can be decided here. */
  readonly lost: (error: unknown) => void;
  /**
   * Called when the server loses touch with the one that leads, when it has it again, whenever its readiness changes, and when the log can
   * be read no more, or again.
   */
  readonly inTouch: (isInTouch: boolean, readiness: Readiness, isCurrent: boolean) => void;
}
