import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { commit, version } from '../../base/version.js';
import { ConnectionState, PathKind } from '../../core/model/connection.js';
import type { StateView } from '../../core/store/state-view.js';
import { CALL_BUCKETS, type CallTimes } from '../../grpc/call-times.js';
import type { Journal } from '../../journal/journal.js';
import { ConnectionTally, TALLIED_OUTCOMES } from './connection-tally.js';
import { commandsSinceSnapshot, type MeasuredNetwork, mostOf, sumOf } from './measured-network.js';
import { orphansOf } from './moves.js';
import { lastCommandSeconds } from './network-meters.js';

/** What the meters read when somebody asks. */
export interface Metered {
  /** Those that run, by age: the default one is first. */
  networks(): readonly MeasuredNetwork[];
  /** That of all networks. */
  readonly journal: Pick<Journal, 'size'>;
}

/** Counters of brokered connections in all networks; makes for each what has to be told of its changes. */
export function meterConnections(registry: Registry): (state: Pick<StateView, 'connections'>) => ConnectionTally {
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
  for (const outcome of TALLIED_OUTCOMES) outcomes.inc({ outcome, reason: FIRST_REASON[outcome] ?? 'ok' }, 0);
  return ({ connections }) =>
    new ConnectionTally({
      connections: connections.all(),
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
export function meterServer(registry: Registry, metered: Metered): void {
  const registers = [registry];
  const sum = (figure: (network: MeasuredNetwork) => number) => () => sumOf(metered.networks(), figure);
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
          const count = sum(({ state }) => state.connections.countOf(number, kind));
          this.set({ state: name.toLowerCase(), path }, count());
        }
      }
    },
  });
  const gauge = (name: string, help: string, value: () => number) => gaugeOf(registers, name, help, value);
  gauge(
    'switchyard_sessions',
    'Live sessions of all networks.',
    sum(({ state }) => state.sessions.count),
  );
  const orphans =
    'Sessions whose server is lost and that have come to no other yet; 0 where a server is alone. Each has its TTL or the grace period for that.';
  gauge(
    'switchyard_orphans',
    orphans,
    sum(({ state }) => orphansOf(state)),
  );
  gauge(
    'switchyard_attachments',
    'Sessions with an open attachment.',
    sum(({ attachments }) => attachments.count),
  );
  const links = 'Links of the graphs, those to the server included.';
  gauge(
    'switchyard_links',
    links,
    sum(({ state }) => state.graph.linkCount),
  );
  const streams = 'Live streams, besides the first of each session.';
  gauge(
    'switchyard_streams',
    streams,
    sum(({ state }) => state.streams.count),
  );
  const relaying = 'Streams with data on its way or an open end.';
  gauge(
    'switchyard_relay_streams',
    relaying,
    sum(({ relay }) => relay.channelCount),
  );
  const identities = 'Identities that have shown a key, or are revoked.';
  gauge(
    'switchyard_identities',
    identities,
    sum(({ state }) => state.identities.count),
  );
  meterJournal(registers, metered);
}

function meterJournal(registers: Registry[], { networks, journal }: Metered): void {
  const gauge = (name: string, help: string, value: () => number) => gaugeOf(registers, name, help, value);
  gauge('switchyard_journal_bytes', 'Size of the journal, with those of all networks.', () => journal.size());
  const revision = 'The last revision of the default network.';
  gauge('switchyard_revision', revision, () => networks()[0]?.state.revision ?? 0);
  const last = 'When the last command was stored, in any network, in seconds since 1970; 0: never.';
  gauge('switchyard_journal_last_timestamp_seconds', last, () => mostOf(networks(), lastCommandSeconds));
  const snapshot =
    'When the last command of the newest snapshot of the default network was stored, in seconds since 1970; 0: no snapshot.';
  gauge('switchyard_snapshot_timestamp_seconds', snapshot, () => (networks()[0]?.snapshotAtMs() ?? 0) / 1_000);
  const age =
    'Commands since the newest snapshot, in the network in which these are most: what a start replays, and more.';
  gauge('switchyard_snapshot_age_commands', age, () => mostOf(networks(), commandsSinceSnapshot));
}

function gaugeOf(registers: Registry[], name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(value());
    },
  });
}

/** How data travels, in words. */
const PATHS: Readonly<Record<string, PathKind>> = {
  none: PathKind.UNSPECIFIED,
  direct: PathKind.DIRECT,
  relayed: PathKind.RELAYED,
};
