import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { InstanceType, Refusal, Switchyard } from 'switchyard/client';

const yard = new Switchyard({ server: process.env.SWITCHYARD_SERVER });

const harbour = yard.join({
  uuid: randomUUID(),
  type: InstanceType.AGENT,
  handlers: {
    // Without it every peer is refused.
    async accept({ cvid }) {
      const { node } = await harbour.getNode(cvid);
      if (node.name !== 'laptop') throw new Refusal('PEER_REFUSED', 'open to the laptop only');
      return true;
    },
    // Here: says everything back.
    accepted: (stream) => stream.pipe(stream),
  },
});
const { cvid } = await harbour.attached();

const laptop = yard.join({ uuid: randomUUID(), type: InstanceType.CLIENT, name: 'laptop' });
const stream = await laptop.connect(cvid);
console.log(stream.path);
// It begins as 'relayed'; this comes when a direct path has been found.
stream.on('path', ({ path, roundTripMs }) => console.log(`${path} from now on, ${roundTripMs} ms`));
stream.end('is anybody there?');
console.log(await text(stream));

const stranger = yard.join({ uuid: randomUUID(), type: InstanceType.CLIENT, name: 'stranger' });
await stranger.connect(cvid).catch((error: Error) => console.log(`refused: ${error.message}`));

await yard.close();
