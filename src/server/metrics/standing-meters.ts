import { Counter, Gauge, type Registry } from 'prom-client';
import type { Readiness } from '../../cluster/readiness.js';
import type { TermFigures } from '../../log/shared-log.js';

/** What a server is to the log that it appends to or follows. */
export interface Standing {
  role(): 'starting' | 'following' | 'leading' | 'over';
  /** The term that it leads in, or the newest that it has seen. */
  term(): bigint;
  /** The last batch that it has applied. */
  seq(): number;
  /** Of the term that it leads in; undefined while it follows. */
  figures(): TermFigures | undefined;
  /** Absent where there are no others. */
  readonly follows?: Following;
}

/** What a server is among others. */
export interface Following {
  lagMs(): number;
  /** What became of the commands that it forwarded. */
  fates(): Readonly<Record<'settled' | 'again' | 'refused', number>>;
  /** How many others follow it. */
  followers(): number;
  isInTouch(): boolean;
  readiness(): Readiness;
}

/** Whether a server can serve sessions: it leads, or hears of the one that does and is not behind the log. */
export function isReady({ role, follows }: Pick<Standing, 'role' | 'follows'>): boolean {
  if (role() === 'leading') return true;
  return role() === 'following' && follows?.readiness() === 'ready';
}

/** What a server tells of the log that it has in common with others. Read when somebody asks. */
export function meterStanding(registry: Registry, standing: Standing): void {
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
  const leader =
    '1 while this server leads its network, 0 while it follows or has lost its term; without --journal always 1.';
  gauge('switchyard_leader', leader, () => (standing.role() === 'leading' ? 1 : 0));
  const term = 'The term in which this server leads, or the newest that it has seen; without --journal always 1.';
  gauge('switchyard_term', term, () => Number(standing.term()));
  gauge(
    'switchyard_log_seq',
    'The last batch of the log in etcd that this server has applied; 0 without --journal.',
    () => standing.seq(),
  );
  const bytes =
    "Bytes of etcd's file, free pages included, as it said to the leader 10 s ago at most, 0 at others; without --journal those of the journal.";
  gauge('switchyard_log_store_bytes', bytes, () => standing.figures()?.storeBytes ?? 0);
  const quota =
    "The part of etcd's quota that is in use, as it said to the leader 10 s ago at most, 0 at others and without --journal. A warning from 0.6 on, trimming from 0.75, no new sessions from 0.9.";
  gauge('switchyard_etcd_quota_ratio', quota, () => standing.figures()?.quotaRatio ?? 0);
  counter(registers, {
    name: 'switchyard_append_retries_total',
    help: 'Transactions that were sent to etcd again, because nothing was known of one before (unclear), or because there was no space after that (full).',
    label: 'why',
    counts: () => standing.figures()?.retries ?? { unclear: 0, full: 0 },
  });
  if (standing.follows !== undefined) meterFollowing(registers, standing.follows, gauge);
}

function meterFollowing(
  registers: Registry[],
  { lagMs, fates, followers, isInTouch }: Following,
  gauge: (name: string, help: string, value: () => number) => void,
): void {
  const lag = 'How long ago this server had applied the whole log, in seconds; 0 at the leader. Only with --journal.';
  gauge('switchyard_log_lag_seconds', lag, () => lagMs() / 1_000);
  gauge('switchyard_followers', 'How many servers follow this one. Only with --journal.', followers);
  const touch =
    '1 while this server leads or hears of the one that does and reads the log, 0 once it has lost touch. Only with --journal.';
  gauge('switchyard_in_touch', touch, () => (isInTouch() ? 1 : 0));
  counter(registers, {
    name: 'switchyard_fates_total',
    help: 'Commands that were forwarded to the leader: whose outcome is known (settled), that were sent to another leader (again), that the leader refused. Only with --journal.',
    label: 'fate',
    counts: () => fates(),
  });
}

interface CounterOptions {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly counts: () => Readonly<Record<string, number>>;
}

function counter(registers: Registry[], { name, help, label, counts }: CounterOptions): void {
  new Counter({
    ...{ name, help, registers },
    labelNames: [label],
    collect() {
      this.reset();
      for (const [value, count] of Object.entries(counts())) this.inc({ [label]: value }, count);
    },
  });
}
