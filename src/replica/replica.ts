import type { Clock, Random } from '../base/clock.js';
import { type Applied, apply, decide } from '../core/decide/apply.js';
import type { Change } from '../core/model/change.js';
import type { Command } from '../core/model/command.js';
import { draining } from '../core/model/draining.js';
import { Fault, isFault } from '../core/model/fault.js';
import { type Limits, sameLimits } from '../core/model/limits.js';
import { type AuthMode, foundingDocument } from '../core/model/policy.js';
import { CloseReason } from '../core/model/session.js';
import type { State } from '../core/store/state.js';
import type { StateView } from '../core/store/state-view.js';
import { NEW_FOLDER_FORMAT } from '../journal/format/frame.js';
import { encodeRecord } from '../journal/format/record.js';
import { type Journal, JournalError, type StoredRecord } from '../journal/journal.js';
import { Attachments } from './attachments.js';
import { Deadlines } from './deadlines.js';
import { Leases } from './leases.js';
import type { ReplicaLimits } from './limits.js';
import type { Publisher } from './publisher.js';
import { RequestClaims } from './request-claims.js';
import { ServingTime } from './serving-time.js';
import { Snapshots } from './snapshots.js';

/** Retry delays for clients: when the journal cannot store anything, and when its queue is full. */
const JOURNAL_RETRY_MS = 1_000;
const OVERLOADED_RETRY_MS = 500;
/** Delay before a failed take-back is tried again. There are no more of them than commands of callers that have gone. */
const TAKE_BACK_RETRY_MS = 1_000;

/** What callers hear whose commands were not stored because the term was lost. */
const LOST = 'this server leads the network no more';

/** What the composition root hands in. */
export interface ReplicaParts {
  /** As recovered from the journal. */
  readonly state: State;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: ReplicaLimits;
  /** When the last command of the newest stored snapshot was stored, by the wall clock; undefined without one. */
  readonly snapshotAtMs?: number | undefined;
  /** Called with every command and its outcome, refusals included: for metrics. */
  readonly observed?: (command: Command, outcome: Applied | Fault) => void;
  /** Called with how long an append took and how many commands it had. */
  readonly appended?: (tookMs: number, count: number) => void;
  /** Called when the disk has no space left for the journal, and when it has space again. */
  readonly writable?: (isWritable: boolean) => void;
  /** Reports a failure that the server survives. */
  readonly warn: (message: string, error: unknown) => void;
  /** Has to end the process: an invariant is broken, so no answer of this process can be trusted. */
  readonly fatal: (error: unknown) => void;
}

interface Pending {
  readonly command: Command;
  readonly resolve: (outcome: Applied | Fault) => void;
}

/**
 * The one writer: takes commands from all doors, makes them durable, applies them and publishes their changes, always in that
 * order.
 *
 * What one turn of the event loop brings, and what comes while an append is on its way, is one batch: one append for all of
 * it. It stamps each command of a batch with the time of the batch, and submits the commands that are due by time.
 */
export class Replica {
  /** Everything that was applied, to be read. */
  readonly state: StateView;
  readonly leases: Leases;
  readonly attachments: Attachments;
  readonly deadlines: Deadlines;
  /** Which call may take back what came of a request. */
  readonly claims = new RequestClaims();
  private readonly time: ServingTime;
  private readonly snapshots: Snapshots;
  private publishers: readonly Publisher[] | undefined;
  private pending: Pending[] = [];
  /** What is being appended. */
  private appending: readonly Pending[] = [];
  /** No answer of the journal counts any more. */
  private isAbandoned = false;
  private working = false;
  /** Called when nothing is pending any more. */
  private readonly restful: (() => void)[] = [];
  private closing = false;
  private isFull = false;

  constructor(private readonly parts: ReplicaParts) {
    const { state, clock, limits, journal } = parts;
    this.state = state;
    this.time = new ServingTime(clock);
    this.leases = new Leases(state, clock, this.time, limits, (sid) => void this.expire(sid));
    this.attachments = new Attachments(state, this.leases, clock, limits);
    this.deadlines = new Deadlines(state, this.time, async (command) => !isTransient(await this.enforce(command)));
    const failed = (error: unknown) =>
      parts.warn('a snapshot could not be stored; the journal is whole, and the next will be tried', error);
    this.snapshots = new Snapshots(state, journal, limits, clock, failed, parts.snapshotAtMs);
  }

  /** When the last command of the newest snapshot was stored, by the wall clock; undefined without a snapshot. */
  get snapshotAtMs(): number | undefined {
    return this.snapshots.newestAtMs;
  }

  /**
   * Names who is told of every command that is applied, in this order: the replica's own leases, deadlines and attachments, and
   * whom the composition root adds. Once, before the first command: whoever comes later would miss a revision.
   */
  publishTo(...publishers: readonly Publisher[]): void {
    if (this.publishers !== undefined) throw new Error('a replica is told once whom it publishes to');
    this.publishers = publishers;
  }

  /** Names the network, in a journal that is new. */
  async found(serverUuid: string): Promise<void> {
    if (this.state.revision > 0) return;
    const epoch = Buffer.from(this.parts.random.bytes(8)).toString('base64url');
    const outcome = await this.submit({ kind: 'FoundNetwork', epoch, serverUuid, atMs: this.parts.clock.wallMs() });
    if (isFault(outcome)) throw startFailure('the network could not be founded', outcome);
  }

  /**
   * Makes these the limits of the state, if it has others. Call it at a start, before any other command: a process's options
   * take effect only through this command. A journal of format 1 gets the next format with it.
   */
  async agreeOn(limits: Limits): Promise<void> {
    if (sameLimits(this.state.limits, limits) && this.parts.journal.format >= NEW_FOLDER_FORMAT) return;
    const outcome = await this.submit({ kind: 'SetLimits', limits });
    if (isFault(outcome)) throw startFailure('the limits could not be stored', outcome);
  }

  /** Gives a new network a policy of this mode. */
  async putFoundingPolicy(auth: AuthMode): Promise<void> {
    const outcome = await this.submit({ kind: 'PutPolicy', document: foundingDocument(auth) });
    if (isFault(outcome)) throw startFailure('the policy could not be stored', outcome);
  }

  /**
   * Stores, applies and publishes a command. Resolves when all of that is done, with its changes, or with the refusal.
   *
   * A command that is refused now, or that would change nothing, is answered without an append.
   */
  submit(command: Command): Promise<Applied | Fault> {
    return this.take(command, this.parts.limits.pendingMax);
  }

  /**
   * The same for a command that the server issues itself, such as an expiry. These may queue up to 2 × `pendingMax`, so that a
   * queue full of clients' commands cannot block them.
   */
  enforce(command: Command): Promise<Applied | Fault> {
    return this.take(command, 2 * this.parts.limits.pendingMax);
  }

  /** Undoes what was made for a caller that has gone. Tried again until the journal stores it. */
  takeBack(command: Command): void {
    void this.enforce(command).then((outcome) => {
      if (isTransient(outcome)) this.parts.clock.after(TAKE_BACK_RETRY_MS, () => this.takeBack(command));
    });
  }

  /** What would become of a command now. Nothing is stored. */
  tryOut(command: Command): readonly Change[] | Fault {
    return decide(this.parts.state, command);
  }

  private take(command: Command, pendingMax: number): Promise<Applied | Fault> {
    if (this.publishers === undefined) throw new Error('a replica takes commands once it knows whom it publishes to');
    if (this.closing) return Promise.resolve(draining());
    const decided = this.tryOut(command);
    if (isFault(decided)) return Promise.resolve(this.observed(command, decided));
    if (!decided.some(isChange)) return Promise.resolve(this.observed(command, this.unchanged(decided)));
    if (this.pending.length >= pendingMax) {
      const message = `${this.pending.length} commands wait for the journal`;
      return Promise.resolve(this.observed(command, new Fault('OVERLOADED', message, [], OVERLOADED_RETRY_MS)));
    }
    return new Promise((resolve) => {
      this.pending.push({ command, resolve });
      this.work();
    });
  }

  /** The doors are open: from now on sessions can be renewed, and their leases run. */
  opened(): void {
    this.time.opened();
    this.leases.opened();
  }

  /** Takes no more commands; resolves when those that were taken are done. The journal stays open. */
  async close(): Promise<void> {
    this.closing = true;
    this.leases.close();
    this.deadlines.close();
    if (this.isAbandoned) return;
    if (this.working) await new Promise<void>((resolve) => this.restful.push(resolve));
    if (!this.isAbandoned) await this.snapshots.idle();
  }

  /**
   * Takes no more commands and waits for nothing: the right to append is lost. Callers whose commands were being appended hear
   * OUTCOME_UNKNOWN, because they may be in the journal; all others hear that nothing was stored.
   */
  abandon(): void {
    this.closing = true;
    this.isAbandoned = true;
    this.leases.close();
    this.deadlines.close();
    const unknown = new Fault('OUTCOME_UNKNOWN', 'the journal does not answer: the command may be stored, or not');
    for (const { command, resolve } of this.appending) resolve(this.observed(command, unknown));
    this.appending = [];
    this.refuseAll(this.pending.splice(0), LOST);
    for (const resolve of this.restful.splice(0)) resolve();
  }

  private work(): void {
    if (this.working) return;
    this.working = true;
    this.parts.clock.soon(() => {
      this.batch()
        .catch(this.parts.fatal)
        .finally(() => {
          this.working = false;
          if (this.pending.length > 0) this.work();
          else for (const resolve of this.restful.splice(0)) resolve();
        });
    });
  }

  private async batch(): Promise<void> {
    const { journal, clock } = this.parts;
    const { batch, records } = this.nextBatch();
    const startMs = clock.nowMs();
    this.appending = batch;
    try {
      await journal.append(records);
    } catch (error) {
      if (!this.isAbandoned) this.refuse(batch, error);
      return;
    } finally {
      this.appending = [];
    }
    // Its callers have their answer, and nobody hears of what this process does now.
    if (this.isAbandoned) return;
    this.setFull(false);
    this.parts.appended?.(clock.nowMs() - startMs, batch.length);
    await this.applyAll(batch);
    this.snapshots.consider();
  }

  /** Applies what was stored, for `applyMs` in each turn of the event loop, so that others are served between. */
  private async applyAll(batch: readonly Pending[]): Promise<void> {
    const { clock, limits } = this.parts;
    let turnMs = clock.nowMs();
    for (const { command, resolve } of batch) {
      if (clock.nowMs() - turnMs >= limits.applyMs) {
        await new Promise<void>((next) => clock.soon(next));
        turnMs = clock.nowMs();
      }
      resolve(this.observed(command, this.applyAndPublish(command)));
    }
  }

  /** The commands of the next append, as many as its bounds allow. */
  private nextBatch(): { batch: Pending[]; records: StoredRecord[] } {
    const { batchMax, batchBytesMax } = this.parts.limits;
    const storedAtMs = this.parts.clock.wallMs();
    const batch: Pending[] = [];
    const records: StoredRecord[] = [];
    let bytes = 0;
    while (records.length < Math.min(this.pending.length, batchMax) && bytes < batchBytesMax) {
      const pending = this.pending[records.length];
      const command = { ...pending.command, storedAtMs };
      const record = encodeRecord(this.state.revision + records.length + 1, command);
      bytes += record.bytes.length;
      records.push(record);
      batch.push({ ...pending, command });
    }
    this.pending = this.pending.slice(records.length);
    return { batch, records };
  }

  private applyAndPublish(command: Command): Applied | Fault {
    const outcome = apply(this.parts.state, command);
    const changes = isFault(outcome) ? [] : outcome.changes;
    const committedAtMs = this.parts.clock.wallMs();
    const { position } = this.state;
    for (const one of this.publishers ?? []) one.publish(position, changes, committedAtMs);
    return outcome;
  }

  /**
   * Refuses a batch that could not be stored for want of space, or because another process leads. If the journal cannot promise
   * that nothing of it was stored, the process ends without an answer: only the next start can tell whether the commands are on the
   * disk.
   */
  private refuse(batch: readonly Pending[], error: unknown): void {
    const { journal, warn } = this.parts;
    if (!(error instanceof JournalError) || error.kind !== 'full' || journal.last !== this.state.revision) {
      this.closing = true;
      const pending = this.pending.splice(0);
      if (error instanceof JournalError && error.kind === 'deposed') this.refuseAll([...batch, ...pending], LOST);
      throw error;
    }
    this.setFull(true);
    warn(`the journal refused ${batch.length} commands`, error);
    this.refuseAll(batch, 'the journal does not accept commands: no space left');
  }

  /** Tells callers that nothing was stored. */
  private refuseAll(batch: readonly Pending[], message: string): void {
    const fault = new Fault('JOURNAL_UNAVAILABLE', message, [], JOURNAL_RETRY_MS);
    for (const { command, resolve } of batch) resolve(this.observed(command, fault));
  }

  private setFull(isFull: boolean): void {
    if (isFull === this.isFull) return;
    this.isFull = isFull;
    this.parts.writable?.(!isFull);
  }

  private async expire(sid: number): Promise<void> {
    await this.enforce({ kind: 'CloseSession', sid, reason: CloseReason.EXPIRED });
  }

  private unchanged(changes: readonly Change[]): Applied {
    return { revision: this.state.revision, changes };
  }

  private observed(command: Command, outcome: Applied | Fault): Applied | Fault {
    this.parts.observed?.(command, outcome);
    return outcome;
  }
}

/** Why a start ends. For want of space it is the storage's failure, which is told in words. */
function startFailure(what: string, { reason, message }: Fault): Error {
  const text = `${what}: ${message}`;
  return reason === 'JOURNAL_UNAVAILABLE' ? new JournalError('full', text) : new Error(text);
}

/** Whether a change alters the state. A repeated request is answered from memory and not stored. */
function isChange({ kind }: Change): boolean {
  return kind !== 'RequestRepeated';
}

/** Whether the same command may be taken a little later. */
function isTransient(outcome: Applied | Fault): boolean {
  return isFault(outcome) && (outcome.reason === 'JOURNAL_UNAVAILABLE' || outcome.reason === 'OVERLOADED');
}
