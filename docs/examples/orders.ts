import { randomUUID } from 'node:crypto';
import { InstanceType, Refusal, Switchyard } from 'switchyard/client';

const server = process.env.SWITCHYARD_SERVER;
const yard = new Switchyard({ server });
const me = yard.join({
  uuid: randomUUID(),
  type: InstanceType.AGENT,
  handlers: {
    async connection({ peerCvid }) {
      throw new Refusal('PEER_REFUSED', `node ${peerCvid} has no business here`);
    },
    async terminate(reason) {
      console.log(`asked to end: ${reason}`);
    },
  },
});
const { cvid } = await me.attached();

const administrator = new Switchyard({ server, adminToken: process.env.SWITCHYARD_ADMIN_TOKEN });
await administrator.terminateSession(cvid, 'maintenance');

console.log((await me.ended)?.reason);
await administrator.close();
await yard.close();
