import { describe, expect, it } from '@jest/globals';
import { HeaderMemory } from '../../../src/grpc/http2/header-memory.js';

const MIB = 1_048_576;

/** A memory of headers, the engine's side of it: how much ballast it was asked for, and a full collection when it is told to. */
function memoryWith({ hasRoom = true } = {}) {
  const waiting: (() => void)[] = [];
  const engine = {
    allocations: 0,
    collect: () => {
      for (const call of waiting.splice(0)) call();
    },
  };
  const memory = new HeaderMemory({
    allocate: () => {
      if (!hasRoom) throw new RangeError('Array buffer allocation failed');
      engine.allocations++;
    },
    onCollected: (call) => waiting.push(call),
  });
  return { engine, memory };
}

describe('the memory of headers', () => {
  it('asks for a collection at 32 MiB of headers, and again at each 32 MiB until one comes', () => {
    const { engine, memory } = memoryWith();
    memory.came(32 * MIB - 1);
    expect(engine.allocations).toBe(0);
    memory.came(1);
    expect(engine.allocations).toBe(1);
    memory.came(31 * MIB);
    expect(engine.allocations).toBe(1);
    memory.came(MIB);
    expect(engine.allocations).toBe(2);
  });

  it('begins to count anew after a collection', () => {
    const { engine, memory } = memoryWith();
    memory.came(32 * MIB);
    engine.collect();
    memory.came(31 * MIB);
    expect(engine.allocations).toBe(1);
    memory.came(MIB);
    expect(memory.bytes).toBe(32 * MIB);
    expect(engine.allocations).toBe(2);
  });

  it('asks for nothing when collections come often enough', () => {
    const { engine, memory } = memoryWith();
    for (let round = 0; round < 100; round++) {
      memory.came(20 * MIB);
      engine.collect();
    }
    expect(engine.allocations).toBe(0);
  });

  it('holds 8 blocks of ballast at most when no collection comes', () => {
    const { engine, memory } = memoryWith();
    for (let round = 0; round < 100; round++) memory.came(32 * MIB);
    expect(engine.allocations).toBe(8);
  });

  it('goes on when there is no room for ballast', () => {
    const { engine, memory } = memoryWith({ hasRoom: false });
    memory.came(32 * MIB);
    engine.collect();
    memory.came(MIB);
    expect(memory.bytes).toBe(MIB);
  });

  it('makes this engine collect when headers come again and again', async () => {
    const memory = new HeaderMemory();
    const startMs = performance.now();
    let garbage: unknown;
    for (let came = 1; memory.bytes >= (came - 1) * MIB; came++) {
      if (performance.now() - startMs > 20_000) throw new Error('no full collection came');
      memory.came(MIB);
      // V8 marks while there is something to do.
      garbage = Array.from({ length: 1_000 }, () => ({}));
      await new Promise(setImmediate);
    }
    expect(garbage).toBeDefined();
  }, 30_000);
});
