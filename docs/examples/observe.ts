import { randomUUID } from 'node:crypto';
import { CloseReason, InstanceType, Switchyard, WatchKind } from 'switchyard/client';

const yard = new Switchyard({ server: process.env.SWITCHYARD_SERVER });
const agent = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: 'agent' });
const { cvid, serverCvid } = await agent.attached();

// An observer needs no session.
for await (const session of yard.listSessions({ instanceType: InstanceType.AGENT })) console.log(session.name);
const { cvids } = await yard.findPath(serverCvid, cvid);
console.log(cvids.length, 'nodes on the path');

for await (const { kind, endpointClosed } of yard.watchEndpointClosed({ cvids: [cvid] })) {
  // The first message is a bookmark: from here on nothing is missed.
  if (kind === WatchKind.BOOKMARK) void agent.leave();
  if (endpointClosed) {
    console.log(CloseReason[endpointClosed.reason]);
    break;
  }
}
await yard.close();
