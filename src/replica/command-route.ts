import type { Applied } from '../core/decide/apply.js';
import type { Command } from '../core/model/command.js';
import type { Fault } from '../core/model/fault.js';
import type { Currency } from './currency.js';

/** Where commands go that this process cannot append, because another one leads. */
export interface CommandRoute extends Currency {
  /** This server's UUID, by which its node is known among those of the others. */
  readonly serverUuid: string;
  /** How many times later than it is due the server that leads stores a snapshot, because those that follow store it before. */
  readonly snapshotPatience: number;
  /** Resolves with what became of a command, once it is applied here. `urgent`: the server issues it itself. */
  carry(command: Command, urgent: boolean): Promise<Applied | Fault>;
}

/** A command that another process has forwarded. */
export interface Forwarded {
  readonly command: Command;
  readonly tag: bigint;
  /** The server issues it itself, so that it has room where clients' commands have none. */
  readonly urgent: boolean;
  /** Called when it is not in the log and will not be: why, or undefined when all was so already. */
  readonly refused: (fault: Fault | undefined) => void;
}
