import type { Logger } from 'pino';
import { Fault } from '../core/model/fault.js';
import { JournalError, type StoredNetwork } from '../journal/journal.js';

/** A network that does not run comes back with a restart at the earliest. */
const STOPPED_RETRY_MS = 30_000;

/** Why a network does not run, for its callers, by the kind of the error. The log has the error itself. */
const STOPPED_WORDS: Readonly<Partial<Record<JournalError['kind'], string>>> = {
  full: 'the disk has no space left for its journal',
  damaged: 'its journal is damaged',
  version: 'its journal was written by a newer build',
  differs: 'a snapshot of its journal differs from the records before it',
};
/** A network that is stored and does not run. */
export interface Stopped {
  readonly stored: StoredNetwork;
  /** What its callers are answered. */
  readonly why: Fault;
  /** Nobody was ever told that it was created. */
  readonly isUnfounded: boolean;
}

/** The networks that are stored and do not run, and why. */
export class StoppedNetworks {
  readonly #log: Logger;
  /** By number, as two of them can have one name. */
  readonly #stopped = new Map<number, Stopped>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Keeps a network that could not be started, and logs the reason. */
  add(stored: StoredNetwork, error: unknown, isUnfounded = false): void {
    const { name, number } = stored;
    const words = (error instanceof JournalError && STOPPED_WORDS[error.kind]) || 'it could not be started';
    this.#log.error({ err: error, network: name, number }, `the network does not run: ${words}`);
    this.#stopped.set(number, { stored, isUnfounded, why: notRunning(name, words) });
  }

  /** Keeps a network whose name is that of one that runs. */
  addTwin(stored: StoredNetwork, { number: runs }: StoredNetwork): void {
    const { name, number } = stored;
    const message = 'two networks of one name are stored; the one that runs is dropped first, and then this one';
    this.#log.error({ network: name, number, runs }, message);
    const why = notRunning(name, `number ${number} has the name of number ${runs}`);
    this.#stopped.set(number, { stored, isUnfounded: false, why });
  }

  /** That of a name or number. */
  find(network: string | number): Stopped | undefined {
    if (typeof network === 'number') return this.#stopped.get(network);
    return [...this.#stopped.values()].find(({ stored }) => stored.name === network);
  }

  /** Those that somebody was told of. */
  founded(): StoredNetwork[] {
    return [...this.#stopped.values()].filter(({ isUnfounded }) => !isUnfounded).map(({ stored }) => stored);
  }

  /** It is not stored any more. */
  delete(number: number): void {
    this.#stopped.delete(number);
  }
}

function notRunning(name: string, why: string): Fault {
  return new Fault('JOURNAL_UNAVAILABLE', `the network ${name} does not run: ${why}`, [], STOPPED_RETRY_MS);
}
