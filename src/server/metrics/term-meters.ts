import { Counter, Gauge, type Registry } from 'prom-client';
import type { Term } from '../../log/shared-log.js';

/** What a server tells of the log that it has in common with others. Read when somebody asks. */
export function meterTerm(registry: Registry, term: Term): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  const leader = '1 while this server leads its network, 0 once it has lost its term; without --journal always 1.';
  gauge('switchyard_leader', leader, () => (term.lost.aborted ? 0 : 1));
  gauge('switchyard_term', 'The term in which this server leads; without --journal always 1.', () =>
    Number(term.number),
  );
  gauge(
    'switchyard_log_seq',
    'Batches that were ever appended to the log in etcd; 0 without --journal.',
    () => term.figures.seq,
  );
  const bytes =
    "Bytes of etcd's file, free pages included, as it said a minute ago at most; without --journal those of the journal.";
  gauge('switchyard_log_store_bytes', bytes, () => term.figures.storeBytes);
  new Counter({
    name: 'switchyard_append_retries_total',
    help: 'Transactions that were sent to etcd again, because nothing was known of one before (unclear), or because there was no space after that (full).',
    labelNames: ['why'],
    registers,
    collect() {
      this.reset();
      for (const [why, count] of Object.entries(term.figures.retries)) this.inc({ why }, count);
    },
  });
}
