import { constantRandom, ManualClock } from '../../../harness/manual-clock.js';
import { type Position, Switchyard, type SwitchyardError, WatchKind } from '../../../src/client/index.js';
import { FakeChannel } from './fake-channel.js';

export const at = (revision: number, epoch = 'e'): Position => ({ epoch, revision: BigInt(revision) });
const delta = () => ({ nodeAdded: [], nodeRemoved: [], linkAdded: [], linkRemoved: [] });
export const message = (kind: WatchKind, revision: number, deltas = 0, epoch = 'e') => ({
  kind,
  position: at(revision, epoch),
  deltas: Array.from({ length: deltas }, delta),
});
export const snapshot = (revision: number, epoch = 'e') => message(WatchKind.SNAPSHOT, revision, 1, epoch);
export const snapshotEnd = (revision: number, epoch = 'e') => message(WatchKind.SNAPSHOT_END, revision, 0, epoch);
export const change = (revision: number, count = 1, epoch = 'e') => message(WatchKind.DELTA, revision, count, epoch);
export const bookmark = (revision: number) => message(WatchKind.BOOKMARK, revision);

export function world() {
  const clock = new ManualClock();
  const channel = new FakeChannel();
  const yard = new Switchyard({ channel, clock, random: constantRandom(1) });
  return { clock, channel, yard };
}

/** Reads a watch to its end, and notes what it tells. */
export function listen(watch: AsyncIterable<{ kind: WatchKind; position?: Position | undefined }>) {
  const heard: string[] = [];
  const ended = (async () => {
    for await (const { kind, position } of watch) heard.push(`${WatchKind[kind]} ${position?.revision ?? '-'}`);
  })().then(
    () => undefined,
    (error: SwitchyardError) => error,
  );
  return { heard, ended };
}

export const NAME = 'WatchNetworkDelta';
