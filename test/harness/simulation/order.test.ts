import { describe, expect, it } from '@jest/globals';
import { Connection } from '../../../harness/simulation/machine/connection.js';
import { Process } from '../../../harness/simulation/machine/process.js';
import { Scheduler } from '../../../harness/simulation/machine/scheduler.js';

const PATH = '/switchyard.v1.NetworkService/WatchNetworkDelta';
const asked = { path: PATH, request: Buffer.of(), metadata: {}, timeoutMs: undefined };

/** A call whose answers take as long as `latencyMs` says, and what its caller hears. */
async function callWith(latencyMs: () => number) {
  const scheduler = new Scheduler();
  const heard: number[] = [];
  let tell = (_number: number) => {};
  const listener = {
    accept: (_asked: unknown, caller: { message(bytes: Uint8Array): void }) => {
      tell = (number) => caller.message(Buffer.of(number));
      return { cancel: () => {}, credit: () => {} };
    },
    left: () => {},
  };
  const connection = new Connection(scheduler, latencyMs, listener, 'test:1', () => {});
  connection.call(asked, { message: ([number]) => heard.push(number), end: () => {} });
  await scheduler.run(10, () => false);
  return { scheduler, connection, heard, tell: (number: number) => tell(number) };
}

describe('a simulated process', () => {
  it('does what it missed before what happens while it catches up', async () => {
    const scheduler = new Scheduler();
    const process = new Process(scheduler);
    const done: string[] = [];
    process.stop();
    for (const name of ['missed 1', 'missed 2']) process.perform(() => done.push(name));
    // A connection that gets through again in the moment in which the process goes on: its events are planned first.
    scheduler.after(0, () => process.perform(() => done.push('then')));
    process.proceed();
    await scheduler.run(1, () => false);
    expect(done).toEqual(['missed 1', 'missed 2', 'then']);
  });

  it('keeps the order when it stands still again before it has caught up', async () => {
    const scheduler = new Scheduler();
    const process = new Process(scheduler);
    const done: number[] = [];
    process.stop();
    for (const number of [1, 2, 3]) {
      process.perform(() => {
        done.push(number);
        if (number === 1) process.stop();
      });
    }
    process.proceed();
    await scheduler.run(1, () => false);
    expect(done).toEqual([1]);
    process.perform(() => done.push(4));
    process.proceed();
    await scheduler.run(2, () => false);
    expect(done).toEqual([1, 2, 3, 4]);
  });
});

describe('a simulated connection', () => {
  it('delivers what a way swallowed before what arrives in the moment of its repair', async () => {
    const { scheduler, connection, heard, tell } = await callWith(() => 5);
    connection.impair('down');
    tell(1);
    tell(2);
    await scheduler.run(20, () => false);
    scheduler.at(25, () => connection.repair('down'));
    tell(3);
    await scheduler.run(40, () => false);
    expect(heard).toEqual([1, 2, 3]);
  });

  it('keeps the order of messages that are due in the same moment', async () => {
    const delays = [5, 8_000.3];
    const { scheduler, heard, tell } = await callWith(() => delays.shift() ?? 0.1);
    tell(0);
    // Each is due when the slow one is; moments that no sum of floating-point numbers gives back.
    for (let number = 1; number < 200; number++) {
      await scheduler.run(10 + number * Math.PI, () => false);
      tell(number);
    }
    await scheduler.run(10_000, () => false);
    expect(heard).toEqual(Array.from({ length: 200 }, (_, number) => number));
  });
});
