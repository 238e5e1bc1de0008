import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Readiness } from '../../cluster/readiness.js';
import type { TermFigures } from '../../log/shared-log.js';

/** From an append on a quiet machine to the time after which a server is cut off that hears of no leader. */
const FORWARD_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What a server is to the log that it appends to or follows. */
export interface LogStanding {
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
  /** The others by name, and whether this one hears of each. */
  peers(): ReadonlyMap<string, boolean>;
  /** From now on told how long each forwarded command took, in ms. */
  onForwarded(listener: (ms: number) => void): void;
  /** Bytes of streams that came from other servers. */
  relayedBytes(): number;
  readiness(): Readiness;
  /** How often it was found to have decided otherwise than the one that leads. */
  differing(): number;
}

/** Whether a server can serve sessions: it leads, or hears of the one that does and is not behind the log. */
export function isReady({ role, follows }: Pick<LogStanding, 'role' | 'follows'>): boolean {
  if (role() === 'leading') return true;
  return role() === 'following' && follows?.readiness() === 'ready';
}

/** What a server tells of the log that it has in common with others. Read when somebody asks. */
export function meterStanding(registry: Registry, standing: LogStanding): void {
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
  following: Following,
  gauge: (name: string, help: string, value: () => number) => void,
): void {
  const { lagMs, fates, followers, isInTouch } = following;
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
  meterPeers(registers, following);
}

function meterPeers(registers: Registry[], following: Following): void {
  const took = new Histogram({
    name: 'switchyard_forward_seconds',
    help: 'How long commands took that were forwarded to the leader, until their outcome was known here. Only with --journal.',
    buckets: FORWARD_SECONDS,
    registers,
  });
  following.onForwarded?.((ms) => took.observe(ms / 1_000));
  new Gauge({
    name: 'switchyard_peer_up',
    help: 'Whether this server hears of another one: 1 or 0. The leader hears of all that follow it, a follower of the leader alone. Only with --journal.',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset();
      for (const [name, isHeard] of following.peers()) this.set({ name }, isHeard ? 1 : 0);
    },
  });
  total(registers, {
    name: 'switchyard_relay_peer_bytes_total',
    help: 'Bytes of streams that came from other servers, for sinks that are attached here. Only with --journal.',
    value: () => following.relayedBytes(),
  });
  total(registers, {
    name: 'switchyard_told_differs_total',
    help: 'How often this follower has decided a batch of the log otherwise than the leader: after the first time it ends, and begins anew from a snapshot. Only with --journal.',
    value: () => following.differing(),
  });
}

function total(
  registers: Registry[],
  { name, help, value }: { readonly name: string; readonly help: string; readonly value: () => number },
): void {
  new Counter({
    ...{ name, help, registers },
    collect() {
      this.reset();
      this.inc(value());
    },
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
