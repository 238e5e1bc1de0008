import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Instances } from '../../../src/core/store/instances.js';
import { type HashKey, halfSipHash } from '../../../src/core/store/packed/halfsiphash.js';

const KEY: HashKey = [1, 2];

/** So many UUIDs that fall into one and the same table. */
function oneShard(count: number): string[] {
  const found: string[] = [];
  for (let n = 0; found.length < count; n++) {
    const uuid = `instance ${n}`;
    if ((halfSipHash(KEY, uuid) & 255) === 7) found.push(uuid);
  }
  return found;
}

/** Instances as slots of a list, as sessions have them. */
class Listed {
  readonly uuids: (string | undefined)[] = [];
  readonly instances = new Instances(KEY, (slot, uuid) => this.uuids[slot] === uuid);

  add(uuid: string): number {
    const slot = this.uuids.push(uuid) - 1;
    this.instances.add(uuid, slot);
    return slot;
  }

  delete(uuid: string): void {
    this.instances.delete(uuid);
    this.uuids[this.uuids.indexOf(uuid)] = undefined;
  }
}

describe('the sessions by instance', () => {
  it('are found by all of the UUID, wherever the difference stands', () => {
    const listed = new Listed();
    const zero = '00000000-0000-4000-8000-000000000000';
    const places = [...zero].map((character, at) => (character === '0' ? at : -1)).filter((at) => at >= 0);
    const uuids = [zero, ...places.map((at) => `${zero.slice(0, at)}f${zero.slice(at + 1)}`)];
    const slots = uuids.map((uuid) => listed.add(uuid));
    expect(uuids.map((uuid) => listed.instances.get(uuid))).toEqual(slots);
    for (const uuid of uuids.slice(1)) listed.delete(uuid);
    expect([zero, uuids[1]].map((uuid) => listed.instances.get(uuid))).toEqual([0, -1]);
  });

  it('are found as by a map where all of them meet, whatever comes and goes', () => {
    const uuids = oneShard(41);
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 400 }), (numbers) => {
        const listed = new Listed();
        const map = new Map<string, number>();
        for (const number of numbers) {
          const uuid = uuids[number];
          if (map.delete(uuid)) listed.delete(uuid);
          else map.set(uuid, listed.add(uuid));
        }
        for (const uuid of uuids) expect(listed.instances.get(uuid)).toBe(map.get(uuid) ?? -1);
      }),
    );
  });

  it('are found after each that goes from the midst of a full table', () => {
    const listed = new Listed();
    const uuids = oneShard(180);
    for (const uuid of uuids) listed.add(uuid);
    while (uuids.length > 0) {
      const [gone] = uuids.splice(uuids.length >> 1, 1);
      listed.delete(gone);
      expect(listed.instances.get(gone)).toBe(-1);
      expect(uuids.every((uuid) => listed.uuids[listed.instances.get(uuid)] === uuid)).toBe(true);
    }
  });
});
