import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { InstanceType, Switchyard } from 'switchyard/client';

const yard = new Switchyard({ server: process.env.SWITCHYARD_SERVER });
const inside = yard.join({
  uuid: randomUUID(),
  type: InstanceType.AGENT,
  handlers: { accept: () => true, accepted: (stream) => stream.pipe(stream) },
});
const { cvid } = await inside.attached();

// The router of this machine forwards port 7771 to it, so whoever it wants to talk to is told to dial that.
const outside = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, listenPort: 7771 });
const stream = await outside.connect(cvid, { transport: 'tcp', fallback: 'late', upgradeAfterMs: 2_000 });
stream.end(`${stream.path}, and back again`);
console.log(await text(stream));

await yard.close();
