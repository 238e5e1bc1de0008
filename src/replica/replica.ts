import type { Clock, Random } from '../base/clock.js';
import { type Applied, apply, decide } from '../core/decide/apply.js';
import type { Change } from '../core/model/change.js';
import type { Command } from '../core/model/command.js';
import { draining } from '../core/model/draining.js';
import { Fault, isFault } from '../core/model/fault.js';
import { type Limits, sameLimits } from '../core/model/limits.js';
import { CloseReason } from '../core/model/session.js';
import { type AuthMode, foundingDocument } from '../core/model/trust/policy.js';
import type { State } from '../core/store/state.js';
import type { StateView } from '../core/store/state-view.js';
import { NEW_FOLDER_FORMAT } from '../journal/format/frame.js';
import type { Journal } from '../journal/journal.js';
import { Adoption } from './adoption.js';
import { Appender } from './appender.js';
import { Attachments } from './attachments.js';
import type { CommandRoute, Forwarded } from './command-route.js';
import type { Currency } from './currency.js';
import { Deadlines } from './deadlines.js';
import { Homes } from './homes.js';
import { Leases } from './leases.js';
import type { ReplicaLimits } from './limits.js';
import type { Publisher } from './publisher.js';
import { RequestClaims } from './request-claims.js';
import { ServingTime } from './serving-time.js';
import { Snapshots } from './snapshots.js';
import { startFailure } from './start-failure.js';

export type { CommandRoute, Forwarded };

/** Delay before a failed take-back is tried again. There are no more of them than commands of callers that have gone. */
const TAKE_BACK_RETRY_MS = 1_000;

/** What the composition root hands in. */
export interface ReplicaParts {
  /** As recovered from the journal. */
  readonly state: State;
  /** To append to; a {@link CommandRoute} where another process does that. */
  readonly journal: Journal | CommandRoute;
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

/**
 * The one writer: takes commands from all doors, makes them durable, applies them and publishes their changes, always in that
 * order. It submits the commands that are due by time.
 *
 * Where another process leads it forwards commands, and applies what it is given of the log; it may begin to append later.
 */
export class Replica {
  /** Everything that was applied, to be read. */
  readonly state: StateView;
  /** At which server each session is. */
  readonly homes: Homes;
  readonly leases: Leases;
  readonly attachments: Attachments;
  readonly deadlines: Deadlines;
  /** Which call may take back what came of a request. */
  readonly claims = new RequestClaims();
  private readonly time: ServingTime;
  private snapshots: Snapshots | undefined;
  private publishers: readonly Publisher[] | undefined;
  private appender: Appender | undefined;
  /** What is appended to; undefined while another process leads. */
  private journal: Journal | undefined;
  private readonly route: CommandRoute | undefined;
  private readonly adoption: Adoption;
  private closing = false;
  /** Why commands are refused once it is closing. */
  private ending: Fault | undefined;
  private isOpen = false;
  /** Everything is stored that had to be: not even what is taken back is taken any more. */
  private isClosed = false;

  constructor(private readonly parts: ReplicaParts) {
    const { state, clock, limits, journal } = parts;
    this.state = state;
    this.time = new ServingTime(clock);
    this.homes = new Homes(state, 'carry' in journal ? journal.serverUuid : undefined);
    this.adoption = new Adoption({ homes: this.homes, submit: (command) => this.submit(command) });
    this.leases = new Leases(
      state,
      clock,
      this.time,
      limits,
      (sid) => void this.expire(sid),
      this.homes.leaseScope(() => this.leads),
    );
    this.attachments = new Attachments(state, this.leases, clock, limits);
    if (!this.homes.isAlone) this.attachments.isHere = (sid) => this.homes.isHere(sid);
    this.deadlines = new Deadlines(state, this.time, async (command) => !isTransient(await this.enforce(command)));
    if ('carry' in journal) {
      this.route = journal;
      this.deadlines.pause();
    } else this.begin(journal);
  }

  /** From now on this process appends, to a journal whose last record it has applied. Leases and deadlines begin anew. */
  lead(journal: Journal): void {
    if (journal.last !== this.state.revision) {
      throw new Error(`a journal that ends at ${journal.last} is led at revision ${this.state.revision}`);
    }
    this.begin(journal);
    this.deadlines.resume();
    this.leases.restart(this.isOpen);
  }

  /** How this server knows that it is up to date; undefined where there are no others. */
  get currency(): Currency | undefined {
    return this.route;
  }

  /** Whether this process appends. */
  get leads(): boolean {
    return this.appender !== undefined;
  }

  /** Applies a command that another process has appended: the one that comes next. */
  follow(command: Command): Applied | Fault {
    return this.observed(command, this.applyAndPublish(command));
  }

  /** Takes a command that another process has forwarded. */
  takeForwarded({ command, tag, urgent, refused }: Forwarded): void {
    const { appender } = this;
    if (appender === undefined || this.closing || appender.isOver || appender.isAbandoned) return;
    const answer = this.refuseExpiry(command) ?? appender.answerUnstored(command);
    if (answer !== undefined) {
      refused(isFault(answer) ? answer : undefined);
      return;
    }
    const pendingMax = (urgent ? 2 : 1) * this.parts.limits.pendingMax;
    // What is in the log the other process sees there. A term that is lost is no answer: only the log tells.
    const resolve = (outcome: Applied | Fault) => {
      if (isFault(outcome) && !appender.isAbandoned && !appender.isOver) refused(outcome);
    };
    appender.take({ command, tag, resolve }, pendingMax);
  }

  /** The home of a session proposes its expiry, and may not know yet that it was renewed elsewhere. */
  private refuseExpiry(command: Command): Fault | undefined {
    if (command.kind !== 'CloseSession' || command.home === undefined) return undefined;
    const againMs = this.leases.lookAgainMs(command.sid);
    if (againMs === 0) return undefined;
    return new Fault('OUT_OF_ORDER', `session ${command.sid} may have been renewed at another server`, [], againMs);
  }

  /** When the last command of the newest snapshot was stored, by the wall clock; undefined without a snapshot. */
  get snapshotAtMs(): number | undefined {
    return this.snapshots === undefined ? this.parts.snapshotAtMs : this.snapshots.newestAtMs;
  }

  /** The format of the journal that this process appends to; where another one does, the lowest that it can have. */
  get journalFormat(): number {
    return this.journal?.format ?? NEW_FOLDER_FORMAT;
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
    if (sameLimits(this.state.limits, limits) && this.journalFormat >= NEW_FOLDER_FORMAT) return;
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
   * A command that is refused now, or that would change nothing while nothing else is being stored, is answered without an append.
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

  /**
   * Moves a live session to this server, at which it is about to attach. Undefined at once where it is here already. A refusal when it
   * cannot come here, or has gone on to a third server meanwhile.
   */
  adopt(sid: number): Promise<Fault | undefined> | undefined {
    return this.adoption.adopt(sid);
  }

  /**
   * A client has renewed its session here. One whose server is lost is at this one from now on. False: it has expired, and its end is
   * being stored.
   */
  renew(sid: number): boolean {
    if (!this.leases.renew(sid)) return false;
    if (this.homes.isOrphan(sid)) void this.adopt(sid);
    return true;
  }

  /**
   * Undoes what was made for a caller that has gone, also while the server ends: a restart would find a session whose token nobody has.
   * Tried again until the journal stores it (then `done` is called) or the server ends. What the journal then refuses, as on a full disk, stays.
   */
  takeBack(command: Command, done?: () => void): void {
    void this.take(command, 2 * this.parts.limits.pendingMax, true).then((outcome) => {
      if (isTransient(outcome) && !this.closing) {
        this.parts.clock.after(TAKE_BACK_RETRY_MS, () => this.takeBack(command, done));
      } else if (!(outcome instanceof Fault)) done?.();
    });
  }

  /** What would become of a command now. Nothing is stored. */
  tryOut(command: Command): readonly Change[] | Fault {
    return decide(this.parts.state, command);
  }

  /** `whileEnding`: although nobody else's command is taken any more, while there is something to store it. */
  private take(command: Command, pendingMax: number, whileEnding = false): Promise<Applied | Fault> {
    if (this.publishers === undefined) throw new Error('a replica takes commands once it knows whom it publishes to');
    const { appender } = this;
    const isEnding = whileEnding ? this.isClosed || appender?.isAbandoned : this.closing;
    if (isEnding || appender?.isOver) return Promise.resolve(this.ending ?? draining(0, this.leases.livesMs()));
    if (appender === undefined) return this.forward(command, pendingMax > this.parts.limits.pendingMax);
    // An expiry that this server proposed to the leader before it is as old as that term: since it leads, all leases run anew.
    const stale = command.kind === 'CloseSession' ? this.refuseExpiry(command) : undefined;
    const answer = stale ?? appender.answerUnstored(command);
    if (answer !== undefined) {
      return Promise.resolve(this.observed(command, isFault(answer) ? answer : this.unchanged(answer)));
    }
    return new Promise((resolve) => appender.take({ command, resolve }, pendingMax));
  }

  /** What another process decides is what counts: this one may be behind. */
  private forward(command: Command, urgent: boolean): Promise<Applied | Fault> {
    if (this.route === undefined) throw new Error('a replica has a journal, or a route to who has it');
    return this.route.carry(command, urgent);
  }

  /** The doors are open: from now on sessions can be renewed, and their leases run. */
  opened(): void {
    this.isOpen = true;
    this.time.opened();
    this.leases.opened();
  }

  /** Takes no more commands: whoever brings one hears `why`. Those that were taken go on. */
  end(why: Fault): void {
    this.closing = true;
    this.ending = why;
  }

  /** Takes no more commands; resolves when those that were taken are done. The journal stays open. */
  async close(): Promise<void> {
    this.closing = true;
    this.leases.close();
    this.deadlines.close();
    this.attachments.others.close();
    if (this.appender?.isAbandoned) return;
    await this.appender?.idle();
    // Those whose commands were the last to be stored hear of it, and what was made for callers that have gone is taken back.
    await new Promise<void>((resolve) => this.parts.clock.soon(resolve));
    await this.appender?.idle();
    // One that forwards is told by its route when that takes no more.
    this.isClosed = this.appender !== undefined;
    if (!this.appender?.isAbandoned) await this.snapshots?.idle();
  }

  /**
   * Takes no more commands and waits for nothing: the right to append is lost. Callers whose commands were being appended hear
   * OUTCOME_UNKNOWN, because they may be in the journal; all others hear that nothing was stored.
   */
  abandon(): void {
    this.closing = true;
    this.leases.close();
    this.deadlines.close();
    this.attachments.others.close();
    this.appender?.abandon();
  }

  private begin(journal: Journal): void {
    const { state, clock, limits, snapshotAtMs, warn, appended, writable, fatal } = this.parts;
    const failed = (error: unknown) =>
      warn('a snapshot could not be stored; the journal is whole, and the next will be tried', error);
    this.journal = journal;
    const patience = () => this.route?.snapshotPatience ?? 1;
    const snapshots = new Snapshots(state, journal, limits, clock, failed, snapshotAtMs, patience);
    this.snapshots = snapshots;
    this.appender = new Appender({
      ...{ state, journal, clock, limits, appended, writable, warn, fatal },
      apply: (command) => this.applyAndPublish(command),
      observed: (command, outcome) => this.observed(command, outcome),
      applied: () => snapshots.consider(),
    });
  }

  private applyAndPublish(command: Command): Applied | Fault {
    const outcome = apply(this.parts.state, command);
    const changes = isFault(outcome) ? [] : outcome.changes;
    const committedAtMs = this.parts.clock.wallMs();
    const { position } = this.state;
    for (const one of this.publishers ?? []) one.publish(position, changes, committedAtMs);
    return outcome;
  }

  private async expire(sid: number): Promise<void> {
    const { homes } = this;
    const reason = homes.isOrphan(sid) ? CloseReason.SERVER_LOST : CloseReason.EXPIRED;
    const home = homes.isAlone ? undefined : homes.of(sid);
    const close = { kind: 'CloseSession', sid, reason } as const;
    const outcome = await this.enforce(home === undefined ? close : { ...close, home });
    if (isFault(outcome) && outcome.reason === 'OUT_OF_ORDER') this.leases.revive(sid, outcome.retryAfterMs);
  }

  private unchanged(changes: readonly Change[]): Applied {
    return { revision: this.state.revision, changes };
  }

  private observed(command: Command, outcome: Applied | Fault): Applied | Fault {
    this.parts.observed?.(command, outcome);
    return outcome;
  }
}

/** Whether the same command may be taken a little later. */
function isTransient(outcome: Applied | Fault): boolean {
  return isFault(outcome) && (outcome.reason === 'JOURNAL_UNAVAILABLE' || outcome.reason === 'OVERLOADED');
}
