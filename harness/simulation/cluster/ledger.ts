import type { Command } from '../../../src/core/model/command.js';
import type { Fault } from '../../../src/core/model/fault.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { decodeRecord } from '../../../src/journal/format/record.js';
import { decodeBatch } from '../../../src/log/etcd/batch.js';
import { LogKeys } from '../../../src/log/etcd/keys.js';
import type { Transaction } from '../../../src/log/etcd/store.js';
import type { Verdict } from '../verdict.js';

/** Refusals that promise that nothing happened. */
const NOTHING_STORED: ReadonlySet<string> = new Set(['JOURNAL_UNAVAILABLE', 'OVERLOADED', 'DRAINING']);

/** How far a ledger was when a backup was taken. */
export interface LedgerMark {
  readonly seq: number;
  readonly term: bigint;
  readonly revision: number;
  readonly epoch: string;
}

/**
 * What is in the log, and what callers were told, compared: **Fenced**, **Once**, **Kept**, **Refused**, and **Renewed**: one position
 * names one command for ever, also when etcd was restored from a backup.
 */
export class Ledger {
  readonly #keys: LogKeys;
  readonly #verdict: Verdict;
  #seq = 0;
  #term = 0n;
  #epoch = '';
  /** What each position has named. */
  readonly #named = new Map<string, string>();
  /** The last command in the log. */
  revision = 0;
  /** At which revision each instance's session was opened. */
  readonly opened = new Map<string, number>();
  /** Which were told that nothing was stored. */
  readonly #refused = new Set<string>();
  /** Called with each command in the log. */
  stored: (command: Command, revision: number) => void = () => {};

  constructor(network: string, verdict: Verdict) {
    this.#keys = new LogKeys(network);
    this.#verdict = verdict;
  }

  /** Takes in what took place at the store. */
  take({ success }: Transaction): void {
    for (const operation of success) {
      if (operation.kind !== 'put' || !operation.key.startsWith(this.#keys.batches.key)) continue;
      const { seq, term, firstRevision, records } = decodeBatch(operation.value, this.#keys.seqOf(operation.key));
      if (seq !== this.#seq + 1 || firstRevision !== this.revision + 1 || term < this.#term) {
        this.#verdict.fail('Fenced', `batch ${seq} of term ${term} behind ${this.#seq} of term ${this.#term}`);
      }
      this.#seq = seq;
      this.#term = term;
      for (const record of records) {
        const command = decodeRecord(record);
        this.#name(command, record.revision, Buffer.from(record.bytes).toString('base64'));
        this.#store(command, record.revision);
      }
    }
  }

  mark(): LedgerMark {
    return { seq: this.#seq, term: this.#term, revision: this.revision, epoch: this.#epoch };
  }

  /** The log is what it was then. */
  restore({ seq, term, revision, epoch }: LedgerMark): void {
    this.#seq = seq;
    this.#term = term;
    this.revision = revision;
    this.#epoch = epoch;
    for (const [uuid, at] of this.opened) if (at > revision) this.opened.delete(uuid);
  }

  /** A caller hears that its instance has a session since this revision. */
  acknowledged(uuid: string, revision: number): void {
    const at = this.opened.get(uuid);
    if (at === revision) return;
    this.#verdict.fail('Kept', `${uuid} was acknowledged at ${revision}; in the log it is at ${at ?? 'none'}`);
  }

  /** A caller hears that it has none. */
  refused(uuid: string, { reason }: Fault): void {
    if (!NOTHING_STORED.has(reason)) return;
    this.#refused.add(uuid);
    if (this.opened.has(uuid)) this.#fail(uuid, reason);
  }

  #name(command: Command, revision: number, bytes: string): void {
    if (command.kind === 'FoundNetwork' || command.kind === 'RenewEpoch') this.#epoch = command.epoch;
    const position = `${this.#epoch} ${revision}`;
    const before = this.#named.get(position) ?? bytes;
    this.#named.set(position, bytes);
    if (before !== bytes) this.#verdict.fail('Renewed', `position ${position} was given to another command before`);
  }

  #store(command: Command, revision: number): void {
    this.revision = revision;
    if (command.kind === 'OpenSession') {
      const before = this.opened.get(command.uuid);
      if (before !== undefined) this.#verdict.fail('Once', `${command.uuid} was opened at ${before} and ${revision}`);
      if (this.#refused.has(command.uuid)) this.#fail(command.uuid, 'it');
      this.opened.set(command.uuid, revision);
    }
    this.stored(command, revision);
  }

  #fail(uuid: string, reason: string): void {
    this.#verdict.fail('Refused', `${uuid} was told ${reason}, that nothing was stored, and is in the log`);
  }
}

/** Whether a command is an expiry: of a session that lost its server, too. */
export function isExpiry(command: Command): command is Extract<Command, { kind: 'CloseSession' }> {
  const reasons: readonly CloseReason[] = [CloseReason.EXPIRED, CloseReason.SERVER_LOST];
  return command.kind === 'CloseSession' && reasons.includes(command.reason);
}
