import { Gauge, type Registry } from 'prom-client';
import { type MeasuredNetwork, sumOf } from './measured-network.js';

/** What these meters read. */
export interface HeldParts {
  /** Those that run. */
  networks(): readonly MeasuredNetwork[];
  readonly doors: { heldBytes(): Readonly<Record<string, number>> };
}

/** What watches and clients hold, and what the largest share of one of them is. Read when somebody asks. */
export function meterHeld(registry: Registry, { networks, doors }: HeldParts): void {
  const gauge = (name: string, help: string, label: string, values: () => ReadonlyMap<string, number>) =>
    new Gauge({
      ...{ name, help, labelNames: [label], registers: [registry] },
      collect() {
        for (const [value, figure] of values()) this.set({ [label]: value }, figure);
      },
    });
  const byFeed = (figure: (feed: MeasuredNetwork['feeds'][number]) => number) =>
    collect(networks(), ({ feeds }) => feeds.map((feed) => [feed.topic.name, figure(feed)]), sum);
  const watches = 'Open watches by what they watch.';
  gauge('switchyard_watches', watches, 'feed', () => byFeed((feed) => feed.subscriptionCount));
  const history = 'Bytes of history that are held for watches.';
  gauge('switchyard_feed_bytes', history, 'feed', () => byFeed((feed) => feed.log.byteSize));
  const held = 'Bytes that are held for clients that do not complete or do not take them, by what they are.';
  gauge('switchyard_held_bytes', held, 'kind', () => {
    const relay = sumOf(networks(), (network) => network.relay.byteSize);
    return new Map(Object.entries({ ...doors.heldBytes(), relay }));
  });
  const most = 'What the connection or address has that has most in one network, by the share that bounds it.';
  gauge('switchyard_share_largest', most, 'share', () =>
    collect(networks(), ({ shares }) => Object.entries(shares.largest()), Math.max),
  );
}

/** The figures of all networks under each name, made one. */
function collect(
  networks: readonly MeasuredNetwork[],
  figures: (network: MeasuredNetwork) => readonly (readonly [name: string, figure: number])[],
  join: (one: number, other: number) => number,
): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const network of networks) {
    for (const [name, figure] of figures(network)) all.set(name, join(all.get(name) ?? 0, figure));
  }
  return all;
}

function sum(one: number, other: number): number {
  return one + other;
}
