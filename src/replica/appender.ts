import type { Clock } from '../base/clock.js';
import { type Applied, answerUnstored } from '../core/decide/apply.js';
import { dependsOnReports, storedAnswer } from '../core/decide/broker.js';
import type { Change } from '../core/model/change.js';
import type { Command } from '../core/model/command.js';
import { Fault, isFault } from '../core/model/fault.js';
import type { State } from '../core/store/state.js';
import { encodeRecord } from '../journal/format/record.js';
import { type Journal, JournalError, type StoredRecord } from '../journal/journal.js';
import { neededFor, refuseUnread } from '../journal/unread.js';
import type { ReplicaLimits } from './limits.js';

/** Retry delays for clients: when the journal cannot store anything, and when its queue is full. */
const JOURNAL_RETRY_MS = 1_000;
const OVERLOADED_RETRY_MS = 500;
/** The same while a server of an earlier build lives: an upgrade of the next one takes longer. */
const UPGRADE_RETRY_MS = 10_000;

/** What callers hear whose commands were not stored because the term was lost. */
const LOST = 'this server leads the network no more';

/** How often it is said that the journal still refuses: a full disk lasts, and the log may be on it. */
const WARN_EVERY_MS = 60_000;

const NO_SPACE = 'the journal does not accept commands: no space left';

/** What an {@link Appender} stands on. */
export interface AppenderDeps {
  readonly state: State;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly limits: ReplicaLimits;
  /** Applies a stored command and publishes its changes. */
  readonly apply: (command: Command) => Applied | Fault;
  /** Called with every command and its outcome, refusals included. */
  readonly observed: (command: Command, outcome: Applied | Fault) => Applied | Fault;
  /** Called when a batch has been applied. */
  readonly applied: () => void;
  /** Called with how long an append took and how many commands it had. */
  readonly appended?: ((tookMs: number, count: number) => void) | undefined;
  /** Called when the storage has no space left for the journal, and when it has space again. */
  readonly writable?: ((isWritable: boolean) => void) | undefined;
  readonly warn: (message: string, error: unknown) => void;
  /** Has to end the process. */
  readonly fatal: (error: unknown) => void;
}

/** A command that waits for its append, and who is told what became of it. */
export interface Pending {
  readonly command: Command;
  readonly resolve: (outcome: Applied | Fault) => void;
  /** By which the process that it came from knows it; absent where nobody else waits for it. */
  readonly tag?: bigint | undefined;
}

/**
 * Makes commands durable in batches, and has them applied in the order of the journal.
 *
 * What one turn of the event loop brings, and what comes while an append is on its way, is one batch: one append for all of
 * it. It stamps each command of a batch with the time of the batch.
 */
export class Appender {
  readonly #deps: AppenderDeps;
  #pending: Pending[] = [];
  /** What is being appended. */
  #appending: readonly Pending[] = [];
  /** No answer of the journal counts any more. */
  #isAbandoned = false;
  #isWorking = false;
  /** Called when nothing is pending any more. */
  readonly #restful: (() => void)[] = [];
  #isOver = false;
  #isFull = false;
  /** Appends that were refused since that was last said, and when it was. */
  #unsaid = 0;
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(deps: AppenderDeps) {
    this.#deps = deps;
  }

  /** Whether the right to append was lost. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** The storage failed: nothing more is taken. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The answer to a command that need not be stored; undefined when it has to be. One that changes nothing now may change something after
   * those that are being stored, which its sender gave before it.
   */
  answerUnstored(command: Command): readonly Change[] | Fault | undefined {
    const answer = answerUnstored(this.#deps.state, command);
    const isSoAlready = answer !== undefined && !isFault(answer) && answer.length === 0;
    return isSoAlready && this.#isWorking ? undefined : answer;
  }

  /** Takes a command that was decided to be good now, or refuses it when as many wait as may. */
  take(pending: Pending, pendingMax: number): void {
    if (this.#pending.length >= pendingMax) {
      const message = `${this.#pending.length} commands wait for the journal`;
      const fault = new Fault('OVERLOADED', message, [], OVERLOADED_RETRY_MS);
      pending.resolve(this.#deps.observed(pending.command, fault));
      return;
    }
    if (pending.command.kind === 'OpenSession' && this.#deps.journal.room === 'scarce') {
      const message = 'the journal has little room: no session is opened, so that those that are there can end';
      const fault = new Fault('JOURNAL_UNAVAILABLE', message, [], JOURNAL_RETRY_MS);
      pending.resolve(this.#deps.observed(pending.command, fault));
      return;
    }
    const unread = this.#refuseUnread(pending.command);
    if (unread !== undefined) {
      pending.resolve(this.#deps.observed(pending.command, unread));
      return;
    }
    this.#pending.push(pending);
    this.#work();
  }

  /** Resolves when nothing is pending any more. */
  async idle(): Promise<void> {
    if (this.#isWorking && !this.#isAbandoned) await new Promise<void>((resolve) => this.#restful.push(resolve));
  }

  /**
   * Waits for nothing any more: the right to append is lost. Callers whose commands were being appended hear OUTCOME_UNKNOWN,
   * because they may be in the journal; all others hear that nothing was stored.
   */
  abandon(): void {
    this.#isAbandoned = true;
    const unknown = new Fault('OUTCOME_UNKNOWN', 'the journal does not answer: the command may be stored, or not');
    for (const { command, resolve } of this.#appending) resolve(this.#deps.observed(command, unknown));
    this.#appending = [];
    this.#refuseAll(this.#pending.splice(0), LOST);
    for (const resolve of this.#restful.splice(0)) resolve();
  }

  /** Refuses what a live server of an earlier build could not go on from. */
  #refuseUnread(command: Command): Fault | undefined {
    const { journal } = this.#deps;
    const why = journal.readers && refuseUnread(neededFor(command), journal);
    return why === undefined
      ? undefined
      : new Fault('JOURNAL_UNAVAILABLE', `${command.kind} cannot be stored yet: ${why}`, [], UPGRADE_RETRY_MS);
  }

  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#deps.clock.soon(() => {
      this.#batch()
        .catch(this.#deps.fatal)
        .finally(() => {
          this.#isWorking = false;
          if (this.#pending.length > 0) this.#work();
          else for (const resolve of this.#restful.splice(0)) resolve();
        });
    });
  }

  async #batch(): Promise<void> {
    const { journal, clock, appended, applied } = this.#deps;
    const { batch, records } = this.#nextBatch();
    const startMs = clock.nowMs();
    this.#appending = batch;
    try {
      await journal.append(records);
    } catch (error) {
      if (!this.#isAbandoned) this.#refuse(batch, error);
      return;
    } finally {
      this.#appending = [];
    }
    // Its callers have their answer, and nobody hears of what this process does now.
    if (this.#isAbandoned) return;
    this.#setFull(false);
    appended?.(clock.nowMs() - startMs, batch.length);
    await this.#applyAll(batch);
    applied();
  }

  /** Applies what was stored, for `applyMs` in each turn of the event loop, so that others are served between. */
  async #applyAll(batch: readonly Pending[]): Promise<void> {
    const { clock, limits, apply, observed } = this.#deps;
    let turnMs = clock.nowMs();
    for (const { command, resolve } of batch) {
      if (clock.nowMs() - turnMs >= limits.applyMs) {
        await new Promise<void>((next) => clock.soon(next));
        turnMs = clock.nowMs();
      }
      resolve(observed(command, apply(command)));
    }
  }

  /** The commands of the next append, as many as its bounds allow. */
  #nextBatch(): { batch: Pending[]; records: StoredRecord[] } {
    const { state, limits, clock } = this.#deps;
    const { batchMax, batchBytesMax } = limits;
    const storedAtMs = clock.wallMs();
    const batch: Pending[] = [];
    const records: StoredRecord[] = [];
    let bytes = 0;
    while (records.length < Math.min(this.#pending.length, batchMax) && bytes < batchBytesMax) {
      const pending = this.#pending[records.length];
      const { command: given } = pending;
      const isAnswer = given.kind === 'AnswerGather';
      // What it is stored as is decided by the state that it meets: nothing of its batch comes before it.
      if (isAnswer && records.length > 0 && dependsOnReports(state, given)) break;
      const command = { ...(isAnswer ? storedAnswer(state, given) : given), storedAtMs };
      const record = encodeRecord(state.revision + records.length + 1, command);
      bytes += record.bytes.length;
      records.push(pending.tag === undefined ? record : { ...record, tag: pending.tag });
      batch.push({ ...pending, command });
    }
    this.#pending = this.#pending.slice(records.length);
    return { batch, records };
  }

  /**
   * Refuses a batch that could not be stored for want of space, or because another process leads; where a server of an earlier build came, only
   * what that server cannot read, and the rest is appended once more. If the journal cannot promise
   * that nothing of it was stored, the process ends without an answer: only the next start can tell whether the commands are on the
   * disk.
   */
  #refuse(batch: readonly Pending[], error: unknown): void {
    const { journal, state } = this.#deps;
    const isHarmless = error instanceof JournalError && (error.kind === 'full' || error.kind === 'unread');
    if (!isHarmless || journal.last !== state.revision) {
      this.#isOver = true;
      const pending = this.#pending.splice(0);
      if (error instanceof JournalError && error.kind === 'deposed') this.#refuseAll([...batch, ...pending], LOST);
      throw error;
    }
    this.#warn(batch.length, error);
    if (error.kind === 'unread') {
      this.#setAside(batch, error.message);
      return;
    }
    this.#setFull(true);
    this.#refuseAll(batch, NO_SPACE);
  }

  /** Says that the journal refuses: at once when it begins, and then now and then, with how many appends it refused meanwhile. */
  #warn(count: number, error: unknown): void {
    const { clock, warn } = this.#deps;
    this.#unsaid += 1;
    if (clock.nowMs() - this.#saidMs < WARN_EVERY_MS) return;
    const before = this.#unsaid > 1 ? `, and ${this.#unsaid - 1} appends before it` : '';
    warn(`the journal refused an append of ${count} commands${before}`, error);
    this.#unsaid = 0;
    this.#saidMs = clock.nowMs();
  }

  /** Refuses what a server cannot read that came meanwhile, and puts the rest of the batch back in front of what waits. */
  #setAside(batch: readonly Pending[], why: string): void {
    const faults = batch.map(({ command }) => this.#refuseUnread(command));
    // That server has gone already, or another one has: to try again could go on for as long as servers come and go.
    if (faults.every((fault) => fault === undefined)) {
      this.#refuseAll(batch, `a server of an earlier build came: ${why}`);
      return;
    }
    for (const [at, fault] of faults.entries()) {
      if (fault !== undefined) batch[at].resolve(this.#deps.observed(batch[at].command, fault));
    }
    this.#pending = [...batch.filter((_, at) => faults[at] === undefined), ...this.#pending];
  }

  /** Tells callers that nothing was stored. */
  #refuseAll(batch: readonly Pending[], message: string): void {
    const fault = new Fault('JOURNAL_UNAVAILABLE', message, [], JOURNAL_RETRY_MS);
    for (const { command, resolve } of batch) resolve(this.#deps.observed(command, fault));
  }

  #setFull(isFull: boolean): void {
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    if (!isFull) this.#saidMs = Number.NEGATIVE_INFINITY;
    this.#deps.writable?.(!isFull);
  }
}
