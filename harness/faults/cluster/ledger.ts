import { apply } from '../../../src/core/decide/apply.js';
import type { Change } from '../../../src/core/model/change.js';
import type { Command } from '../../../src/core/model/command.js';
import { isFault } from '../../../src/core/model/fault.js';
import { INITIAL_LIMITS } from '../../../src/core/model/limits.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { State } from '../../../src/core/store/state.js';
import { decodeRecord } from '../../../src/journal/format/record.js';
import type { TailedBatch } from '../../../src/log/shared-log.js';

/** A session as the log has it. */
export interface Entry {
  readonly sid: number;
  readonly mark: string;
  readonly openedAt: number;
  closedAt: number | undefined;
  reason: CloseReason | undefined;
  /** Between which moments its end was stored, by the clock of the reader. */
  closedMs: readonly [after: number, before: number] | undefined;
}

/** What the log says, read by a core that has never crashed: every session by its mark, which is its name. */
export class ClusterLedger {
  readonly state = new State(INITIAL_LIMITS);
  /** What is wrong with the log itself. */
  readonly problems: string[] = [];
  readonly #sessions = new Map<string, Entry>();
  readonly #bySid = new Map<number, Entry>();
  /** At which revision a client has ended each session. */
  readonly #ends = new Map<number, number>();
  #seq = 0;
  #term = 0n;
  #terms = 0;
  #commands = 0;

  /** How many terms there were. */
  get terms(): number {
    return this.#terms;
  }

  /** How many commands there were. */
  get commands(): number {
    return this.#commands;
  }

  /** The session of a mark. */
  of(mark: string): Entry | undefined {
    return this.#sessions.get(mark);
  }

  /** Every session that has ended because its lease had, at its server or after that was lost. */
  expired(): Entry[] {
    return [...this.#sessions.values()].filter(hasRunOut);
  }

  /** Takes in what was found in the log behind what was read before it, between two moments. */
  take(batches: readonly TailedBatch[], readMs: readonly [after: number, before: number]): void {
    for (const { seq, term, records } of batches) {
      if (seq !== this.#seq + 1 || term < this.#term) {
        this.problems.push(`batch ${seq} of term ${term} stands behind batch ${this.#seq} of term ${this.#term}`);
      }
      if (term !== this.#term) this.#terms++;
      this.#seq = seq;
      this.#term = term;
      for (const record of records) {
        this.#commands++;
        const command = decodeRecord(record);
        this.#countEnds(command, record.revision);
        const applied = apply(this.state, command);
        // What an earlier command of the same batch made impossible is in the log, and changes nothing.
        if (isFault(applied)) continue;
        for (const change of applied.changes) this.#note(change, record.revision, readMs);
      }
    }
  }

  /** No client of a run ends a session twice. */
  #countEnds(command: Command, revision: number): void {
    if (command.kind !== 'CloseSession' || command.reason !== CloseReason.TERMINATED) return;
    const before = this.#ends.get(command.sid);
    if (before !== undefined)
      this.problems.push(`the end of ${command.sid} is in the log at ${before} and at ${revision}`);
    this.#ends.set(command.sid, revision);
  }

  #note(change: Change, revision: number, readMs: readonly [number, number]): void {
    if (change.kind === 'SessionOpened') {
      const { sid, name } = change.session;
      const before = this.#sessions.get(name);
      if (before !== undefined) this.problems.push(`${name} was opened at ${before.openedAt} and at ${revision}`);
      const entry = {
        sid,
        mark: name,
        openedAt: revision,
        closedAt: undefined,
        reason: undefined,
        closedMs: undefined,
      };
      this.#sessions.set(name, entry);
      this.#bySid.set(sid, entry);
    } else if (change.kind === 'SessionClosed') {
      const entry = this.#bySid.get(change.session.sid);
      if (entry === undefined) return;
      entry.closedAt = revision;
      entry.reason = change.reason;
      entry.closedMs = readMs;
      this.#bySid.delete(entry.sid);
    }
  }
}

/** Whether a session has ended because nobody was heard of in time: its client, or of its server and then its client. */
export function hasRunOut({ reason }: Entry): boolean {
  return reason === CloseReason.EXPIRED || reason === CloseReason.SERVER_LOST;
}
