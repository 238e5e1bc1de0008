import { describe, expect, it } from '@jest/globals';
import { Carriage } from '../../../../harness/simulation/clients/carriage.js';
import { DuplexCall } from '../../../../harness/simulation/machine/duplex-call.js';
import { Process } from '../../../../harness/simulation/machine/process.js';
import { Scheduler } from '../../../../harness/simulation/machine/scheduler.js';

describe('Carried', () => {
  const confirmed = () => new Carriage('s', 3, true);
  const plain = () => new Carriage('s', 3, false);
  const give = (carriage: Carriage, number: number, lost = 0) => carriage.give(carriage.block(number, 5), lost);

  it('finds a block that comes twice, and one that is missing without a word', () => {
    for (const carriage of [confirmed(), plain()]) {
      expect(give(carriage, 0)).toBeUndefined();
      expect(give(carriage, 0)).toBe('gave block 0 where 1 was due');
    }
    expect(give(plain(), 2, 1)).toBe('gave block 2 where 1 was due');
    expect(give(plain(), 2, 2)).toBeUndefined();
  });

  it('finds a confirmed block that is lost', () => {
    expect(give(confirmed(), 1, 1)).toBe('told its sink that 1 confirmed blocks are lost');
  });

  it('finds an end that the source has not told, and one before all blocks have come', () => {
    const carriage = plain();
    expect(carriage.complete(0)).toBe('ended at 0 of 3 blocks, and its source has not ended it');
    carriage.isFinishing = true;
    expect(carriage.complete(2)).toBe('ended at 2 of 3 blocks');
    expect(carriage.complete(1)).toBeUndefined();
  });

  it('finds a source that is told too early that its sink has everything', () => {
    const carriage = confirmed();
    expect(carriage.delivered()).toBe('was confirmed to its source with 0 of 3 blocks taken');
    for (const number of [0, 1, 2]) give(carriage, number);
    expect(carriage.delivered()).toBeUndefined();
  });
});

describe('a simulated call both ways', () => {
  function made() {
    const scheduler = new Scheduler();
    const told: string[] = [];
    const asked = { path: '/a.B/C', request: Buffer.of(), metadata: {}, timeoutMs: undefined, peer: 'test:1' };
    const caller = { message: () => {}, taken: (bytes: number) => told.push(`taken ${bytes}`), end: () => {} };
    const codec = { deserialize: (bytes: Buffer) => bytes[0], serialize: () => Buffer.of() };
    const ear = { wrote: () => {}, ended: () => {} };
    const call = new DuplexCall(asked, codec, caller, new Process(scheduler), ear);
    call.on('end', () => told.push('end'));
    call.on('cancelled', () => told.push(`cancelled at ${scheduler.nowMs}`));
    return { call, told, run: (untilMs: number) => scheduler.run(untilMs, () => false) };
  }

  it('hands out one request after another while it is not paused, and then the end', async () => {
    const { call, told, run } = made();
    call.on('data', (number: number) => {
      told.push(`data ${number}`);
      if (number === 1) call.pause();
    });
    for (const number of [0, 1, 2]) call.push(Buffer.of(number));
    call.halfClose();
    await run(5);
    expect(told).toEqual(['taken 1', 'data 0', 'taken 1', 'data 1']);
    call.resume();
    expect(told.slice(4)).toEqual(['taken 1', 'data 2', 'end']);
    expect(call.cancelled).toBe(false);
  });

  it('ends first when it breaks, and is cancelled a moment later', async () => {
    const { call, told, run } = made();
    call.on('data', () => {});
    await run(1);
    call.cancel();
    expect(told).toEqual(['end']);
    await run(100);
    expect(told).toEqual(['end', 'cancelled at 11']);
  });
});
