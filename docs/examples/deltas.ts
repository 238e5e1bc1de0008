import { randomUUID } from 'node:crypto';
import { InstanceType, type Position, Switchyard, WatchKind } from 'switchyard/client';

const yard = new Switchyard({ server: process.env.SWITCHYARD_SERVER });

let last: Position | undefined;
for await (const { kind, position, deltas } of yard.watchNetworkDelta()) {
  for (const { nodeAdded } of deltas) for (const { cvid } of nodeAdded) console.log('there:', cvid > 0);
  if (kind !== WatchKind.SNAPSHOT_END) continue;
  last = position;
  break;
}

// Kept somewhere, the position continues the watch in another process, days later. Meanwhile somebody comes.
await yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: 'newcomer' }).attached();

for await (const { kind, deltas } of yard.watchNetworkDelta({ after: last, signal: AbortSignal.timeout(10_000) })) {
  if (kind !== WatchKind.DELTA) continue;
  for (const { nodeAdded } of deltas) for (const { name } of nodeAdded) console.log('came:', name);
  break;
}
await yard.close();
