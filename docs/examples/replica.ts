import { randomUUID } from 'node:crypto';
import { InstanceType, LinkType, Switchyard } from 'switchyard/client';

const yard = new Switchyard({ server: process.env.SWITCHYARD_SERVER });
const network = yard.watchNetwork();
network.on('nodeAdded', ({ name }) => console.log(`came: ${name || 'the server'}`));
network.on('linkAdded', ({ link }) => console.log(`link: ${LinkType[link]}`));
await network.synced();

const north = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: 'north' });
const { cvid: northCvid } = await north.attached();
const south = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: 'south' });
const { cvid: southCvid } = await south.attached();

// A link is in the graph once both of its ends have told so.
await north.linkEstablished(southCvid, LinkType.TRANSPORT_UDP);
const { inGraph, position } = await south.linkEstablished(northCvid, LinkType.TRANSPORT_UDP);

// What was just done is in the picture once the picture has reached its position.
await network.reached(position);
console.log(inGraph, network.graph.hasLink(northCvid, southCvid, LinkType.TRANSPORT_UDP), network.graph.size);

await yard.close();
