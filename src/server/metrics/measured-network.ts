import type { StateView } from '../../core/store/state-view.js';
import type { Feed } from '../../feed/feed.js';
import type { Journal } from '../../journal/journal.js';
import type { Relay } from '../../relay/relay.js';
import type { Attachments } from '../../replica/attachments.js';
import type { Shares } from '../../shares/shares.js';

/** What is measured of one network. */
export interface MeasuredNetwork {
  readonly name: string;
  readonly state: StateView;
  readonly attachments: Pick<Attachments, 'count'>;
  readonly feeds: readonly Feed<unknown>[];
  readonly shares: Pick<Shares, 'largest'>;
  readonly relay: Pick<Relay, 'bytesIn' | 'bytesOut' | 'byteSize' | 'channelCount'>;
  readonly journal: Pick<Journal, 'snapshots'>;
  /** When the last command of the newest snapshot was stored, by the wall clock; undefined without a snapshot. */
  readonly snapshotAtMs: () => number | undefined;
}

/** The sum of a figure over networks. */
export function sumOf(networks: readonly MeasuredNetwork[], figure: (network: MeasuredNetwork) => number): number {
  return networks.reduce((sum, network) => sum + figure(network), 0);
}

/** The largest figure of any network; 0 without one. */
export function mostOf(networks: readonly MeasuredNetwork[], figure: (network: MeasuredNetwork) => number): number {
  return networks.reduce((most, network) => Math.max(most, figure(network)), 0);
}

/** Commands since the newest snapshot of a network. */
export function commandsSinceSnapshot({ state, journal }: MeasuredNetwork): number {
  return state.revision - (journal.snapshots().at(-1) ?? 0);
}
