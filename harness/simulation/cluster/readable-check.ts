import { Rules } from '../../../src/core/model/rules.js';
import { decodeRecord } from '../../../src/journal/format/record.js';
import { decodeBatch, decodeLeader } from '../../../src/log/etcd/batch.js';
import { LogKeys } from '../../../src/log/etcd/keys.js';
import type { Operation, Transaction } from '../../../src/log/etcd/store.js';
import type { SimulatedEtcd } from '../machine/etcd.js';
import type { Verdict } from '../verdict.js';

/** **Readable**: in the moment in which a batch is in the log, every server that has its name knows the rules that are in it. */
export class ReadableCheck {
  readonly #etcd: Pick<SimulatedEtcd, 'backup'>;
  readonly #keys: LogKeys;
  readonly #verdict: Verdict;

  constructor(etcd: Pick<SimulatedEtcd, 'backup'>, network: string, verdict: Verdict) {
    this.#etcd = etcd;
    this.#keys = new LogKeys(network);
    this.#verdict = verdict;
  }

  /** Told of every transaction that took place. */
  take({ success }: Transaction): void {
    for (const operation of success) {
      const rules = this.#rulesOf(operation);
      if (rules > Rules.FIRST) this.#judge(rules);
    }
  }

  /** The newest rules that a put of a batch brings. */
  #rulesOf(operation: Operation): number {
    if (operation.kind !== 'put' || !operation.key.startsWith(this.#keys.batches.key)) return 0;
    const { records } = decodeBatch(operation.value, this.#keys.seqOf(operation.key));
    const commands = records.map((record) => decodeRecord(record, Number.POSITIVE_INFINITY));
    return Math.max(0, ...commands.map((command) => (command.kind === 'UseRules' ? command.rules : 0)));
  }

  #judge(rules: number): void {
    for (const [key, { value }] of this.#etcd.backup().keys) {
      if (!key.startsWith(this.#keys.names.key)) continue;
      const { name, rulesMax } = decodeLeader(value);
      if (rulesMax >= rules) continue;
      this.#verdict.fail('Readable', `rules ${rules} were stored while ${name} lived, which knows up to ${rulesMax}`);
      return;
    }
  }
}
