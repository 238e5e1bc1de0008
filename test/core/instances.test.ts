import { describe, expect, it } from '@jest/globals';
import type { Session } from '../../src/core/change.js';
import { Instances } from '../../src/core/instances.js';

function session(uuid: string): Session {
  return { uuid } as Session;
}

describe('the sessions by instance', () => {
  it('are found by all of the UUID, wherever the difference stands', () => {
    const instances = new Instances();
    const zero = '00000000-0000-4000-8000-000000000000';
    const places = [...zero].map((character, at) => (character === '0' ? at : -1)).filter((at) => at >= 0);
    const uuids = [zero, ...places.map((at) => `${zero.slice(0, at)}f${zero.slice(at + 1)}`)];
    for (const uuid of uuids) instances.set(uuid, session(uuid));
    expect(instances.count).toBe(uuids.length);
    for (const uuid of uuids) expect(instances.get(uuid)).toEqual(session(uuid));
    for (const uuid of uuids.slice(1)) instances.delete(uuid);
    expect([instances.count, instances.get(zero), instances.get(uuids[1])]).toEqual([1, session(zero), undefined]);
  });

  it('are counted once each, however often one is put or taken', () => {
    const instances = new Instances();
    const uuid = '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13';
    instances.set(uuid, session(uuid));
    instances.set(uuid, session(uuid));
    expect(instances.count).toBe(1);
    instances.delete(uuid);
    instances.delete(uuid);
    expect([instances.count, instances.get(uuid)]).toEqual([0, undefined]);
  });
});
