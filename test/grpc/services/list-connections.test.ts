import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { Connections } from '../../../src/core/store/connections.js';
import type { Backing } from '../../../src/grpc/backing.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { listConnections } from '../../../src/grpc/services/direct-connection.js';

const COUNT = 20_000;

/** A server with so many connections, whose ids come in no order, and how many of them were looked at. */
function made() {
  const connections = new Connections(() => COUNT);
  const end = { sid: 257, candidates: [], publicKey: '', roundTripMs: 0, relayVersion: 0, reported: 0 };
  for (let nth = 0; nth < COUNT; nth++) {
    const id = ((nth * 7_919) % COUNT) + 1;
    connections.restore({
      id,
      caller: end,
      peer: { ...end, sid: 513 },
      attempts: [],
      state: 5,
      path: 1,
      askedAtMs: 1,
      roundTripMs: 0,
      description: '',
      listening: { host: '', port: 0 },
    } as never);
  }
  let looked = 0;
  const ids = connections.ids.bind(connections);
  connections.ids = function* (sid) {
    for (const id of ids(sid)) {
      looked++;
      yield id;
    }
  };
  const state = { limits: DEFAULT_LIMITS, connections };
  const backing = { replica: { state }, limits: DEFAULT_DOOR_LIMITS } as unknown as Backing;
  return { backing, looked: () => looked };
}

describe('a list of connections', () => {
  it.each([
    ['all, for an administrator', { sid: undefined, may: () => true }],
    ['those of one session', { sid: 513, may: () => false }],
  ])('looks at some thousands of ids in each step, and pages through %s, the newest first', (_name, caller) => {
    const { backing, looked } = made();
    const listed: number[] = [];
    let pageToken = '';
    for (let pages = 0; pages < 3; pages++) {
      const step = listConnections(backing, { pageSize: 100, pageToken }, { ...caller, origin: undefined } as never);
      if (typeof step !== 'function') throw new Error('refused');
      for (let from = looked(); ; from = looked()) {
        const outcome = step();
        expect(looked() - from).toBeLessThanOrEqual(4_096);
        if (outcome === 'more') continue;
        if (!('connections' in outcome)) throw new Error('refused');
        listed.push(...outcome.connections.map(({ connectionId }) => Number(connectionId.slice(1))));
        pageToken = outcome.nextPageToken;
        break;
      }
    }
    expect(listed).toEqual(Array.from({ length: 300 }, (_, nth) => COUNT - nth));
  });
});
