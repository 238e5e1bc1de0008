import type { Engine } from './engine.js';
import type { MeasuredNetwork } from './metrics/measured-network.js';

/** What is measured of the network of an engine, whose commands are in this journal. */
export function measuredEngine(
  { network, replica, feeds, shares, relay }: Engine,
  journal: MeasuredNetwork['journal'],
): MeasuredNetwork {
  const { state, attachments } = replica;
  return {
    ...{ name: network.name, state, attachments, shares, relay, journal },
    feeds: [...Object.values(feeds.grpc), ...Object.values(feeds.system)],
    snapshotAtMs: () => replica.snapshotAtMs,
  };
}
