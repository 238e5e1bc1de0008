import { describe, expect, it } from '@jest/globals';
import type { Replica } from '../../../src/replica/replica.js';
import { endableWhileJoining } from '../../../src/server/storage/open-storage.js';

/** A cluster that is joined when the test says so, and counts how often it was closed. */
function makeCluster() {
  let joined = () => {};
  let closed = 0;
  const cluster = {
    join: (_replica: Replica, _establish: () => Promise<void>) => new Promise<void>((resolve) => (joined = resolve)),
    close: async () => void closed++,
  };
  return { cluster, joined: () => joined(), closed: () => closed };
}

const REPLICA = {} as Replica;
const nothing = async () => {};

describe('a cluster that a server joins', () => {
  it('is closed when the process is told to end while it waits for the others', () => {
    const { cluster, closed } = makeCluster();
    const stop = new AbortController();
    void endableWhileJoining(cluster, stop.signal).join(REPLICA, nothing);
    stop.abort();
    expect(closed()).toBe(1);
  });

  it('is closed at once when the process was told to end before', () => {
    const { cluster, closed } = makeCluster();
    endableWhileJoining(cluster, AbortSignal.abort());
    expect(closed()).toBe(1);
  });

  it('outlives the signal once it is joined, so that what drains can still be stored', async () => {
    const { cluster, joined, closed } = makeCluster();
    const stop = new AbortController();
    const endable = endableWhileJoining(cluster, stop.signal);
    const join = endable.join(REPLICA, nothing);
    joined();
    await join;
    stop.abort();
    expect(closed()).toBe(0);
    await endable.close();
    expect(closed()).toBe(1);
  });
});
