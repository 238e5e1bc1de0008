import type { Readable, Writable } from 'node:stream';
import type { Clock, Random } from '../base/clock.js';
import type { Sources } from '../config/config.js';
import type { Tracer } from '../tracing/tracer.js';
import type { Terminal } from './output/terminal.js';

/** Everything a command needs from the process it runs in, given in so that tests can be that process. */
export interface Surroundings extends Omit<Sources, 'flags'> {
  readonly terminal: Terminal;
  /** Standard input and output as bytes, for the commands that pass them through. */
  readonly input: Readable;
  readonly output: Writable;
  readonly clock: Clock;
  readonly random: Random;
  /** The process's own id: another for each command that runs on this machine at the same time. */
  readonly pid: number;
  /** Where spans of a command's work go; undefined: nowhere. */
  readonly tracer?: Tracer | undefined;
  /** The flags that node was started with. */
  readonly execArgv?: readonly string[];
  /** Aborted by Ctrl-C, by SIGTERM, and by SIGHUP unless that means something else, with an {@link Interrupt}. */
  readonly signal: AbortSignal;
  /** From now on SIGHUP calls this instead of ending the command. */
  readonly onHangUp?: (listener: () => void) => void;
  /** From now on a standard output that nothing reads any more, or that fails, ends the command no more: printing is not all that it does. */
  readonly outliveOutput?: () => void;
}

/** Why a command was told to stop: the reason of its signal. */
export class Interrupt extends Error {
  constructor(readonly signalName: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`stopped by ${signalName}`);
  }
}

/** A wrong command line: what is wrong, and what is allowed. Exit status 2. */
export class UsageError extends Error {}

/** Something that could not be done, in words for the person who asked: one line, and more below it. Exit status 1. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly more: readonly string[] = [],
  ) {
    super(message);
  }
}
