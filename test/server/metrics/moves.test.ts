import { expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { Servers } from '../../../src/core/store/servers.js';
import { meterMoves, orphansOf } from '../../../src/server/metrics/moves.js';
import { meterStanding } from '../../../src/server/metrics/standing-meters.js';

it('counts as orphans the sessions of every server that is lost, and of no other', () => {
  const servers = new Servers();
  servers.put({ sid: 257, uuid: 'a', name: 'a', isLive: true });
  servers.put({ sid: 513, uuid: 'b', name: 'b', isLive: false });
  for (const sid of [257, 513, 513]) servers.arrived(sid);
  expect(orphansOf({ servers })).toBe(2);
  servers.left(513);
  expect(orphansOf({ servers })).toBe(1);
});

it('counts each session that moves, and nothing else', async () => {
  const registry = new Registry();
  const { publish } = meterMoves(registry);
  const moved = { kind: 'SessionMoved' } as Parameters<typeof publish>[1][number];
  const other = { kind: 'SessionClosed' } as Parameters<typeof publish>[1][number];
  publish({ epoch: 'e', revision: 1 }, [moved, other]);
  publish({ epoch: 'e', revision: 2 }, [moved]);
  expect(await registry.metrics()).toContain('switchyard_sessions_moved_total 2');
});

it('tells of other servers: who is heard of, how long a forwarded command took, what the relay brought from them', async () => {
  const registry = new Registry();
  const told: ((ms: number) => void)[] = [];
  meterStanding(registry, {
    ...{ role: () => 'following', term: () => 2n, seq: () => 3, figures: () => undefined },
    follows: {
      ...{ lagMs: () => 0, fates: () => ({ settled: 0, again: 0, refused: 0 }), followers: () => 0 },
      ...{ isInTouch: () => true, differing: () => 1, readiness: () => 'ready' },
      peers: () =>
        new Map([
          ['a', true],
          ['c', false],
        ]),
      onForwarded: (listener) => told.push(listener),
      relayedBytes: () => 7,
    },
  });
  told[0]!(30);
  const text = await registry.metrics();
  expect(text).toContain('switchyard_peer_up{name="a"} 1');
  expect(text).toContain('switchyard_peer_up{name="c"} 0');
  expect(text).toContain('switchyard_relay_peer_bytes_total 7');
  expect(text).toContain('switchyard_told_differs_total 1');
  expect(text).toContain('switchyard_forward_seconds_bucket{le="0.025"} 0');
  expect(text).toContain('switchyard_forward_seconds_bucket{le="0.05"} 1');
});
