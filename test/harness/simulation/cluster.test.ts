import { describe, expect, it } from '@jest/globals';
import { numberVariable } from '../../../harness/number-option.js';
import { CLUSTER_MUTATIONS, LATE_MS } from '../../../harness/simulation/cluster/mutations.js';
import { linesOfCluster } from '../../../harness/simulation/cluster/run.js';
import { type ClusterResult, ClusterWorld } from '../../../harness/simulation/cluster/world.js';
import { replayWorld } from '../../../harness/simulation/replay.js';
import { IS_LONG } from '../../long.js';

/** How long fresh seeds are tried in each run of the tests, and the limit of a single test. */
const FRESH_MS = IS_LONG ? 60_000 : 3_000;
const LIMIT_MS = 300_000;
const MINUTES = 1;
/** Found within two seconds; the others take some more. */
const QUICK = 'forget with the link which commands were taken';

function wrong({ violation, seed }: ClusterResult, servers: number): string {
  if (violation === undefined) return '';
  const again = replayWorld(`--servers ${servers}`, seed, MINUTES);
  return `${violation.check} at ${violation.atMs} ms: ${violation.text}\n${again}`;
}

describe('a simulated world of several servers', () => {
  it('is the same every time that it is made of one seed', async () => {
    const [one, other] = [await new ClusterWorld(7, 3).run(0.2), await new ClusterWorld(7, 3).run(0.2)];
    expect(one.acknowledged).toBeGreaterThan(10);
    expect(other).toEqual(one);
  });

  it('is printed with the command that replays it where it failed, and without where it did not', async () => {
    const went = await new ClusterWorld(7, 3).run(0.2);
    expect(linesOfCluster(went, { servers: 3, minutes: 0.2 })).toHaveLength(1);
    const failed = { ...went, violation: { check: 'Once', text: 'twice', atMs: 5 } };
    expect(linesOfCluster(failed, { servers: 3, minutes: 0.2 })).toEqual([
      expect.stringContaining('FAILED Once at 5 ms: twice'),
      'again: npm run simulate -- --servers 3 --seed 7 --minutes 0.2',
    ]);
  });

  it(
    'carries streams, and connections directly and relayed, from one server to another, whatever is done to the servers',
    async () => {
      const went = await new ClusterWorld(11, 3).run(MINUTES);
      const { violation, carried, remoteStreams, remoteConnections, remoteRelayed, comparedAttachments } = went;
      expect(violation).toBeUndefined();
      const much = [carried > 50, remoteStreams > 1, remoteConnections > 1, remoteRelayed > 10];
      expect(much).toEqual([true, true, true, true]);
      expect(comparedAttachments).toBeGreaterThan(100);
    },
    LIMIT_MS,
  );

  it(
    'keeps its word in worlds of 3 and 5 servers that nobody has seen before',
    async () => {
      const first = numberVariable('SIMULATION_SEED') ?? Date.now() % 1_000_000_000;
      const from = performance.now();
      for (let seed = first; performance.now() - from < FRESH_MS; seed++) {
        const servers = seed % 2 === 0 ? 3 : 5;
        expect(wrong(await new ClusterWorld(seed, servers).run(MINUTES), servers)).toBe('');
      }
    },
    LIMIT_MS,
  );

  it.each([
    ['a renewal comes to the leader late because links are slow', 5, 700_051],
    ['a connection is direct before its peer has gathered for another attempt', 5, 810_039],
  ])(
    'keeps its word where %s, in the world of %i servers of seed %i',
    async (_, servers, seed) => {
      expect(wrong(await new ClusterWorld(seed, servers).run(MINUTES), servers)).toBe('');
    },
    LIMIT_MS,
  );

  it(
    'finds no fault where servers read the log late and ask before they refuse',
    async () => {
      const { violation, carried } = await new ClusterWorld(1, 3, { lateMs: LATE_MS }).run(MINUTES);
      expect([violation, carried > 50]).toEqual([undefined, true]);
    },
    LIMIT_MS,
  );

  const mutations = CLUSTER_MUTATIONS.filter(({ name }) => IS_LONG || name === QUICK);
  it.each(mutations)(
    'finds a deliberate fault: $name',
    async (mutation) => {
      const { violation } = await new ClusterWorld(mutation.seed, 3, mutation).run(mutation.minutes);
      expect(violation?.check).toBe(mutation.finds);
    },
    LIMIT_MS,
  );
});
