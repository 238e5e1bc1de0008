import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Arena, type Entry } from '../../../../src/core/store/packed/arena.js';

function write(arena: Arena, slot: number, text: string): void {
  arena.put(slot, 3 * text.length + 1, ({ bytes, at }) => {
    bytes[at] = text.length;
    return at + 1 + bytes.write(text, at + 1, 'latin1');
  });
}

function read(entry: Entry | undefined): string | undefined {
  return entry?.bytes.toString('latin1', entry.at + 1, entry.at + 1 + entry.bytes[entry.at]);
}

/** An entry of 200 bytes that says which one it is. */
function long(n: number): string {
  return String(n).padEnd(200, '.');
}

describe('an arena', () => {
  it('holds one entry a slot, by whatever order they come and go', () => {
    const step = fc.record({ slot: fc.nat(30), size: fc.option(fc.nat(250)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const arena = new Arena();
        const held = new Map<number, string>();
        for (const [n, { slot, size }] of steps.entries()) {
          if (size === null) {
            arena.delete(slot);
            held.delete(slot);
          } else {
            const text = String(n).padEnd(size, '.').slice(0, 250);
            write(arena, slot, text);
            held.set(slot, text);
          }
        }
        for (let slot = 0; slot <= 31; slot++) {
          expect(read(arena.get(slot))).toBe(held.get(slot));
          expect(arena.has(slot)).toBe(held.has(slot));
        }
        expect([...arena.copy()].map(read)).toEqual(
          [...held.keys()].sort((x, y) => x - y).map((slot) => held.get(slot)),
        );
      }),
    );
  });

  it('does not know a slot that it has never reached, nor the one that no node has', () => {
    const arena = new Arena();
    expect([arena.get(0), arena.get(-1), arena.has(1_000_000)]).toEqual([undefined, undefined, false]);
  });

  it('takes little more than half as much again as what lives, however much has come and gone', () => {
    const arena = new Arena();
    const lasting = 5_000;
    for (let slot = 0; slot < lasting; slot++) write(arena, slot, long(slot));
    const once = arena.byteSize;
    let most = once;
    for (let n = 0; n < 100_000; n++) {
      // Some are replaced over and over; a few that never change lie between them.
      write(arena, ((n * 7) % lasting) & ~3, long(n));
      most = Math.max(most, arena.byteSize);
    }
    expect(most).toBeLessThanOrEqual(2 * once + 4 * 262_144);
    expect(read(arena.get(1))).toBe(long(1));
    expect(read(arena.get(4_999))).toBe(long(4_999));
    for (let slot = 1; slot < lasting; slot++) arena.delete(slot);
    for (let n = 0; n < 1_000; n++) write(arena, 0, long(n));
    expect(arena.byteSize).toBeLessThanOrEqual(4 * 262_144);
    expect([...arena.copy()].map(read)).toEqual([long(999)]);
  });

  it('is copied as it is, and the copy stays while all of it is replaced and moved', () => {
    const arena = new Arena();
    for (let slot = 0; slot < 3_000; slot++) write(arena, slot, long(slot));
    arena.delete(17);
    const copy = arena.copy();
    for (let round = 1; round <= 10; round++) {
      for (let slot = 0; slot < 3_000; slot++) write(arena, slot, long(10_000 * round + slot));
    }
    const before = Array.from({ length: 3_000 }, (_, slot) => long(slot)).filter((_, slot) => slot !== 17);
    expect([...copy].map(read)).toEqual(before);
    expect([...copy].map(read)).toEqual(before);
    expect(read(arena.get(17))).toBe(long(100_017));
  });

  it('keeps what it was handed readable where it stands, also when the slot has something else', () => {
    const arena = new Arena();
    write(arena, 0, 'before');
    const entry = arena.get(0);
    write(arena, 0, 'after');
    expect([read(entry), read(arena.get(0))]).toEqual(['before', 'after']);
  });

  it('gives an entry that is larger than a segment one of its own', () => {
    const arena = new Arena();
    write(arena, 0, 'small');
    arena.put(1, 1_000_000, ({ bytes, at }) => {
      bytes.fill(7, at, at + 1_000_000);
      return at + 1_000_000;
    });
    arena.put(2, 1_000_000, ({ at }) => at + 300_000);
    write(arena, 3, 'small too');
    expect([read(arena.get(0)), read(arena.get(3))]).toEqual(['small', 'small too']);
    const large = arena.get(1)!;
    expect(large.bytes.subarray(large.at, large.at + 1_000_000).every((byte) => byte === 7)).toBe(true);
  });
});
