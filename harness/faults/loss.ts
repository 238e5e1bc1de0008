import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault.js';
import { Wire } from './wire.js';

const LOST_PERCENT = [5, 20] as const;
const OUTAGE_MS = [1_000, 4_000] as const;
const ANSWERS = 40;

/** Of the packets between server and clients some are lost, then all for a while, then none. */
export const loss: Fault = {
  name: 'loss',
  about: '5 to 20 % of all packets are lost each way, then all of them for some seconds',
  lacks: () => Wire.lacks(),
  prepare() {
    const wire = Wire.ofThisProcess();
    if (wire === undefined) throw new Error('clients can lose packets only at the end of a wire');
    return { options: { host: wire.host, prefix: wire.atServer, paceMs: 20 }, remove: () => {} };
  },
  async strike(trial) {
    const { random } = trial;
    const wire = Wire.ofThisProcess()!;
    try {
      wire.lose(random.between(...LOST_PERCENT));
      await trial.untilAnswered(ANSWERS);
      wire.lose(100);
      await sleep(random.between(...OUTAGE_MS));
    } finally {
      wire.lose(0);
    }
    await trial.untilAnswered(ANSWERS);
  },
};
