import { randomUUID } from 'node:crypto';
import { InstanceType, Switchyard } from 'switchyard/client';

const yard = new Switchyard({ server: process.env.SWITCHYARD_SERVER });

// A real instance keeps its UUID for ever: a newer session of the same UUID ends the older one.
const me = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: 'gate', labels: { site: 'north' } });

me.on('broken', (error, delayMs) => console.log(`${error.message}; trying again in ${Math.round(delayMs)} ms`));
me.on('ended', (error) => console.log(error ? `over: ${error.message}` : 'left'));

const { cvid, ttlMs } = await me.attached();
console.log(`on the network; node ${cvid > 0}, lease ${ttlMs} ms`);

// Whatever happens to the server now, `me` comes back by itself. At the end everybody says goodbye.
await yard.close();
