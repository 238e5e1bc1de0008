// A fleet in one process: node --import ./harness/typescript.mjs capacity-fleet.ts PORT COUNT MODE
//
// Prints `ready` once all of it is there, and stays until it is killed. MODE: `own`, each instance attached over a connection of
// its own; `shared`, all attached over one; `opened`, sessions that are not attached.
import { randomUUID } from 'node:crypto';
import { InstanceType, Switchyard } from '../../../src/client/index.js';

/** Instances that join at once: what a server of Node takes without keeping any of them waiting. */
const AT_ONCE = 50;
/** Longer than any run: nothing ends meanwhile. */
const TTL_MS = 3_600_000;

const [port, count, mode] = process.argv.slice(2);
const server = `127.0.0.1:${port}`;
const shared = mode === 'own' ? undefined : new Switchyard({ server });

async function join(): Promise<void> {
  const yard = shared ?? new Switchyard({ server });
  const instance = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: 'capacity', ttlMs: TTL_MS });
  await instance.attached();
  if (mode === 'opened') instance.detach();
}

for (let from = 0; from < Number(count); from += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, Number(count) - from) }, join));
}
if (mode === 'opened') await shared!.close();
process.stdout.write('ready\n');
setInterval(() => {}, 60_000);
