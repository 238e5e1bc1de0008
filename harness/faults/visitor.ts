// A client process that keeps one session by renewing it, until it is refused: `visitor.ts SERVER TTL_MS`. It prints the
// SID, a line for each renewal, and the reason of the refusal.
import { setTimeout as sleep } from 'node:timers/promises';
import { Keeper } from './keeper.js';

const [, , server, ttlMs] = process.argv;
const keeper = await Keeper.open(server, Number(ttlMs));
console.log(`session ${keeper.sid}`);
for (;;) {
  await sleep(keeper.ttlMs / 3);
  const refusal = await keeper.renew();
  console.log(refusal === undefined ? 'renewed' : `refused ${refusal.reason ?? refusal.code}`);
  if (refusal?.reason?.startsWith('SESSION_')) break;
}
await keeper.leave();
