import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 2_000;

/** Cores, their name, and the version of Node. */
export function machine(): string {
  return `${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.version}`;
}

/** How much of the machine is used while this process waits, in percent. */
export async function othersPercent(): Promise<number> {
  const before = cpuTimes();
  await sleep(LOOK_MS);
  const after = cpuTimes();
  return Math.round((100 * (after.busy - before.busy)) / (after.all - before.all));
}

function cpuTimes(): { busy: number; all: number } {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    all += sum;
    busy += sum - times.idle;
  }
  return { busy, all };
}
