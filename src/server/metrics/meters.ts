import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { commit, version } from '../../base/version.js';
import { ConnectionState, PathKind } from '../../core/model/connection.js';
import type { StateView } from '../../core/store/state-view.js';
import { CALL_BUCKETS, type CallTimes } from '../../grpc/call-times.js';
import type { Journal } from '../../journal/journal.js';
import type { Relay } from '../../relay/relay.js';
import { ConnectionTally, OUTCOMES } from './connection-tally.js';

/** What the meters read when somebody asks. */
export interface Metered {
  readonly state: StateView;
  readonly journal: Pick<Journal, 'size' | 'snapshots'>;
  readonly relay: Relay;
  /** When the last command of the newest snapshot was stored, by the wall clock; undefined without a snapshot. */
  readonly snapshotAtMs: () => number | undefined;
}

/** Counters of brokered connections; answers with what has to be told of every change. */
export function meterConnections(registry: Registry, { state }: Pick<Metered, 'state'>): ConnectionTally {
  const registers = [registry];
  const attempts = new Counter({
    name: 'switchyard_connection_attempts_total',
    help: 'Attempts to find a direct path that are over, by what came of them: ok, or the reason.',
    labelNames: ['reason'],
    registers,
  });
  const outcomes = new Counter({
    name: 'switchyard_connection_outcomes_total',
    help: 'What became of brokered connections: direct, relayed, upgraded (from the relay to a direct path), failed, cancelled; with the reason of those that are over.',
    labelNames: ['outcome', 'reason'],
    registers,
  });
  // From zero, so that a rate knows the first one.
  for (const reason of ['ok', 'PATH_FAILED']) attempts.inc({ reason }, 0);
  for (const outcome of OUTCOMES) outcomes.inc({ outcome, reason: FIRST_REASON[outcome] ?? 'ok' }, 0);
  return new ConnectionTally({
    connections: state.connections.all(),
    attempt: (reason) => attempts.inc({ reason }),
    outcome: (outcome, reason) => outcomes.inc({ outcome, reason }),
  });
}

/** The commonest reason of those outcomes that have one. */
const FIRST_REASON: Readonly<Record<string, string>> = { failed: 'PATH_FAILED', cancelled: 'PEER_LEFT' };

/** Calls over gRPC: how many ended with which status, and how long those took that have one answer. */
export function meterCalls(registry: Registry, calls: CallTimes): void {
  const registers = [registry];
  new Counter({
    name: 'switchyard_grpc_calls_total',
    help: 'Calls of gRPC services that have ended, also over the web door and from the console, by service, method and status; of streams when they end.',
    labelNames: ['service', 'method', 'code'],
    registers,
    collect() {
      this.reset();
      for (const { service, method, code, count } of calls.counts()) this.inc({ service, method, code }, count);
    },
  });
  new CallSeconds(
    {
      name: 'switchyard_grpc_call_seconds',
      help: 'How long calls with one answer took, from their headers to their status.',
      labelNames: ['service', 'method', 'code'],
      buckets: [...CALL_BUCKETS],
      registers,
    },
    calls,
  );
}

type CallLabel = 'service' | 'method' | 'code' | 'le';

/** A histogram that reads its buckets from slots that were counted elsewhere, when somebody asks. */
class CallSeconds extends Histogram<CallLabel> {
  readonly #calls: CallTimes;
  /** Says of itself what this one says, and has no values. */
  readonly #shape: Histogram<CallLabel>;

  constructor(options: ConstructorParameters<typeof Histogram<CallLabel>>[0], calls: CallTimes) {
    super(options);
    this.#shape = new Histogram({ ...options, registers: [] });
    this.#calls = calls;
  }

  override async get(): ReturnType<Histogram<CallLabel>['get']> {
    const whole = await this.#shape.get();
    const name = 'switchyard_grpc_call_seconds';
    const values: (typeof whole)['values'] = [];
    for (const { service, method, code, isUnary, ...counted } of this.#calls.counts()) {
      if (!isUnary) continue;
      const labels = { service, method, code };
      let sum = 0;
      for (const [at, count] of counted.buckets.entries()) {
        sum += count;
        const le = CALL_BUCKETS[at] ?? '+Inf';
        values.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: sum });
      }
      values.push({ metricName: `${name}_sum`, labels, value: counted.seconds });
      values.push({ metricName: `${name}_count`, labels, value: counted.count });
    }
    return { ...whole, values };
  }

  /** What a scrape asks for: the same, as nothing is shared between its values. */
  getForPromString(): ReturnType<Histogram<CallLabel>['get']> {
    return this.get();
  }
}

/** What a server is and how much there is in it. Read when somebody asks, so that it costs nothing in between. */
export function meterServer(registry: Registry, { state, journal, relay, snapshotAtMs }: Metered): void {
  const registers = [registry];
  new Gauge({
    name: 'switchyard_build_info',
    help: 'Always 1: the version and commit of this build, and the version of Node.',
    labelNames: ['version', 'commit', 'node'],
    registers,
  }).set({ version: version(), commit: commit(), node: process.version }, 1);
  new Gauge({
    name: 'switchyard_connections',
    help: 'Brokered connections by where they stand and how their data travels; those that are over as long as they are remembered.',
    labelNames: ['state', 'path'],
    registers,
    collect() {
      for (const [name, number] of Object.entries(ConnectionState)) {
        for (const [path, kind] of Object.entries(PATHS)) {
          this.set({ state: name.toLowerCase(), path }, state.connections.countOf(number, kind));
        }
      }
    },
  });
  new Counter({
    name: 'switchyard_relayed_bytes_total',
    help: 'Bytes of streams through this server: in from their sources, out to their sinks.',
    labelNames: ['direction'],
    registers,
    collect() {
      this.reset();
      this.inc({ direction: 'in' }, relay.bytesIn);
      this.inc({ direction: 'out' }, relay.bytesOut);
    },
  });
  const gauge = (name: string, help: string, value: () => number | undefined) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const now = value();
        if (now === undefined) this.reset();
        else this.set(now);
      },
    });
  gauge('switchyard_relay_streams', 'Streams with data on its way or an open end.', () => relay.channelCount);
  gauge('switchyard_identities', 'Identities that have shown a key, or are revoked.', () => state.identities.count);
  const journalHelp = 'When the last command was stored, in seconds since 1970; 0: never.';
  gauge('switchyard_journal_last_timestamp_seconds', journalHelp, () => state.atMs / 1_000);
  const snapshotHelp =
    'When the last command of the newest snapshot was stored, in seconds since 1970; 0: no snapshot.';
  gauge('switchyard_snapshot_timestamp_seconds', snapshotHelp, () => (snapshotAtMs() ?? 0) / 1_000);
  const lag = () => state.revision - (journal.snapshots().at(-1) ?? 0);
  gauge('switchyard_snapshot_age_commands', 'Commands since the newest snapshot: what a start replays, and more.', lag);
}

/** How data travels, in words. */
const PATHS: Readonly<Record<string, PathKind>> = {
  none: PathKind.UNSPECIFIED,
  direct: PathKind.DIRECT,
  relayed: PathKind.RELAYED,
};
