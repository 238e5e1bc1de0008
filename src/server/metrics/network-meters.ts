import { Counter, Gauge, type Registry } from 'prom-client';
import { ConnectionState, PathKind } from '../../core/model/connection.js';
import { commandsSinceSnapshot, type MeasuredNetwork, mostOf, sumOf } from './measured-network.js';

/**
 * Networks with series of their own: those that were created first, so that none changes its name. Ten series each make some 650 of a
 * server, a third of what it has else; with every network that a server can have there would be ten thousand for each scrape.
 */
export const NETWORK_SERIES_MAX = 64;
/** The label of all other networks together. No network can have this name. */
export const OTHER_NETWORKS = '_others';

/** What the meters of networks read. */
export interface MeteredNetworks {
  /** Those that run, by age: the default one is first. */
  networks(): readonly MeasuredNetwork[];
  /** How many are stored and do not run. */
  stoppedNetworks(): number;
}

type Figure = (networks: readonly MeasuredNetwork[]) => number;

/** How many sessions, streams and connections each network has, and where its journal stands. Read when somebody asks. */
export function meterNetworks(registry: Registry, metered: MeteredNetworks): void {
  const registers = [registry];
  new Gauge({
    name: 'switchyard_networks',
    help: 'Networks of this server: running, and stopped, which are stored and could not be started; the log says why.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'running' }, metered.networks().length);
      this.set({ state: 'stopped' }, metered.stoppedNetworks());
    },
  });
  for (const [name, help, figure] of FIGURES) {
    new Gauge({
      name: `switchyard_network_${name}`,
      help,
      labelNames: ['network'],
      registers,
      collect() {
        // A network that was dropped has no figures.
        this.reset();
        for (const [network, members] of labelled(metered.networks())) this.set({ network }, figure(members));
      },
    });
  }
  meterRelayed(registers, metered);
}

const sum =
  (figure: (network: MeasuredNetwork) => number): Figure =>
  (networks) =>
    sumOf(networks, figure);

const FIGURES: readonly (readonly [name: string, help: string, figure: Figure])[] = [
  ['sessions', 'Live sessions of a network.', sum(({ state }) => state.sessions.count)],
  ['sessions_max', 'Sessions that a network may have.', sum(({ state }) => state.limits.sessionsMax)],
  ['attachments', 'Sessions of a network with an open attachment.', sum(({ attachments }) => attachments.count)],
  ['streams', 'Live streams of a network, besides the first of each session.', sum(({ state }) => state.streams.count)],
  ['connections', 'Brokered connections of a network that stand, direct or relayed.', sum(standing)],
  ['revision', "The last revision of a network; its rate is that of the network's commands.", sum(revisionOf)],
  [
    'snapshot_age_commands',
    'Commands of a network since its newest snapshot; of the others the most.',
    (networks) => mostOf(networks, commandsSinceSnapshot),
  ],
  [
    'journal_last_timestamp_seconds',
    'When the last command of a network was stored, in seconds since 1970; 0: never. Of the others the newest.',
    (networks) => mostOf(networks, lastCommandSeconds),
  ],
];

function revisionOf({ state }: MeasuredNetwork): number {
  return state.revision;
}

/** When the last command of a network was stored, in seconds since 1970. */
export function lastCommandSeconds({ state }: MeasuredNetwork): number {
  return state.atMs / 1_000;
}

function standing({ state: { connections } }: MeasuredNetwork): number {
  const { ESTABLISHED, RELAYED } = ConnectionState;
  return connections.countOf(ESTABLISHED, PathKind.DIRECT) + connections.countOf(RELAYED, PathKind.RELAYED);
}

/** Each label with the networks that it stands for. */
function labelled(networks: readonly MeasuredNetwork[]): (readonly [string, readonly MeasuredNetwork[]])[] {
  const named = networks.slice(0, NETWORK_SERIES_MAX).map((network) => [network.name, [network]] as const);
  const others = networks.slice(NETWORK_SERIES_MAX);
  return others.length === 0 ? named : [...named, [OTHER_NETWORKS, others]];
}

/** Bytes that went through the relays of all networks, in all and by network. Neither falls when a network is dropped. */
function meterRelayed(registers: Registry[], { networks }: MeteredNetworks): void {
  const inAll = new RelayedSinceStart();
  new Counter({
    name: 'switchyard_relayed_bytes_total',
    help: 'Bytes of streams through this server, in all networks: in from their sources, out to their sinks.',
    labelNames: ['direction'],
    registers,
    collect() {
      const { bytesIn, bytesOut } = inAll.grown(networks());
      this.inc({ direction: 'in' }, bytesIn);
      this.inc({ direction: 'out' }, bytesOut);
    },
  });
  const ofEach = new RelayedSinceStart();
  let known = new Set<string>();
  new Counter({
    name: 'switchyard_network_relayed_bytes_total',
    help: 'Bytes of streams of a network through this server: in from their sources, out to their sinks.',
    labelNames: ['network', 'direction'],
    registers,
    collect() {
      const all = labelled(networks());
      const labels = new Set(all.map(([network]) => network));
      for (const network of known) {
        for (const direction of labels.has(network) ? [] : ['in', 'out']) this.remove({ network, direction });
      }
      known = labels;
      for (const [network, members] of all) {
        const { bytesIn, bytesOut } = ofEach.grown(members);
        this.inc({ network, direction: 'in' }, bytesIn);
        this.inc({ network, direction: 'out' }, bytesOut);
      }
    },
  });
}

/** Remembers what of each relay was counted before. What one passes on between the last scrape and its end is not counted. */
class RelayedSinceStart {
  readonly #counted = new WeakMap<MeasuredNetwork['relay'], { readonly bytesIn: number; readonly bytesOut: number }>();

  grown(networks: readonly MeasuredNetwork[]): { bytesIn: number; bytesOut: number } {
    const grown = { bytesIn: 0, bytesOut: 0 };
    for (const { relay } of networks) {
      const { bytesIn, bytesOut } = relay;
      const before = this.#counted.get(relay) ?? { bytesIn: 0, bytesOut: 0 };
      grown.bytesIn += bytesIn - before.bytesIn;
      grown.bytesOut += bytesOut - before.bytesOut;
      this.#counted.set(relay, { bytesIn, bytesOut });
    }
    return grown;
  }
}
