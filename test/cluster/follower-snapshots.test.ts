import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { FollowerSnapshots } from '../../src/cluster/follower-snapshots.js';
import { LOG_BYTES_MIN, SNAPSHOT_LOOK_MS, SNAPSHOT_UNREAD_MS } from '../../src/cluster/limits.js';
import { apply } from '../../src/core/decide/apply.js';
import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import { State } from '../../src/core/store/state.js';
import { JournalError, type Room } from '../../src/journal/journal.js';
import { SNAPSHOT_EVERY_LOW } from '../../src/replica/limits.js';

const EVERY = 5_000;
const turns = async () => {
  for (let at = 0; at < 20; at++) await new Promise((resolve) => setImmediate(resolve));
};

describe('snapshots of a server that follows', () => {
  function world() {
    const clock = new ManualClock();
    const state = new State(INITIAL_LIMITS);
    const log: string[] = [];
    const seen = {
      revision: 0,
      bytes: 0,
      room: 'enough' as Room,
      isMine: true,
      compared: undefined as number | undefined,
    };
    let answer: () => Promise<void> = async () => {};
    const snapshots = new FollowerSnapshots({
      ...{ clock, snapshotEvery: EVERY, seq: () => 7, state: () => state },
      isMine: () => seen.isMine,
      comparedSeq: () => seen.compared,
      stored: (revision) => log.push(`stored ${revision}`),
      failed: (error) => log.push(`failed: ${(error as Error).message}`),
      snapshots: {
        look: async () => ({ newest: seen.revision === 0 ? undefined : seen, room: seen.room }),
        store: async ({ revision, seq, confirm }) => {
          await answer();
          log.push(`writes ${revision} from batch ${seq}`);
          const isConfirmed = await confirm();
          if (isConfirmed) seen.revision = revision;
          return isConfirmed;
        },
      },
    });
    apply(state, { kind: 'FoundNetwork', epoch: 'e', serverUuid: '00000000-0000-4000-8000-000000000001', atMs: 1 });
    const at = (revision: number) => {
      state.revision = revision;
    };
    const look = async () => {
      clock.advance(SNAPSHOT_LOOK_MS);
      await turns();
    };
    const failWith = (message: string, error = new Error(message)) => {
      answer = () => Promise.reject(error);
    };
    snapshots.start();
    return { clock, log, seen, snapshots, at, look, failWith };
  }

  it('are stored after so many commands, and again after as many', async () => {
    const { log, at, look } = world();
    at(EVERY - 1);
    await look();
    expect(log).toEqual([]);
    at(EVERY);
    await look();
    at(2 * EVERY - 1);
    await look();
    expect(log).toEqual([`writes ${EVERY} from batch 7`, `stored ${EVERY}`]);
    at(2 * EVERY);
    await look();
    expect(log.at(-1)).toBe(`stored ${2 * EVERY}`);
  });

  it('are stored when the log weighs more than two of them', async () => {
    const { log, at, look, seen, snapshots } = world();
    at(1);
    seen.bytes = LOG_BYTES_MIN;
    await look();
    const weigh = (bytes: number) =>
      snapshots.applied({ records: [{ revision: 1, bytes: { length: bytes } as Uint8Array }] });
    weigh(LOG_BYTES_MIN - 1);
    await look();
    expect(log).toEqual([]);
    weigh(1);
    await look();
    expect(log.at(-1)).toBe('stored 1');
    // From the next look on it counts anew, for a snapshot of this weight.
    at(2);
    await look();
    weigh(2 * LOG_BYTES_MIN - 1);
    await look();
    expect(log.at(-1)).toBe('stored 1');
    weigh(1);
    await look();
    expect(log.at(-1)).toBe('stored 2');
  });

  it('are stored sooner while the store has little room', async () => {
    const { log, at, look, seen } = world();
    at(SNAPSHOT_EVERY_LOW);
    await look();
    expect(log).toEqual([]);
    seen.room = 'low';
    await look();
    expect(log.at(-1)).toBe(`stored ${SNAPSHOT_EVERY_LOW}`);
  });

  it('are left to another server that comes before this one', async () => {
    const { log, at, look, seen } = world();
    at(EVERY);
    seen.isMine = false;
    await look();
    expect(log).toEqual([]);
    seen.isMine = true;
    await look();
    expect(log.at(-1)).toBe(`stored ${EVERY}`);
  });

  it('count only when the leader has come to the same by a later batch', async () => {
    const { log, at, look, seen, clock } = world();
    at(EVERY);
    seen.compared = 6;
    await look();
    expect(log).toEqual([`writes ${EVERY} from batch 7`]);
    seen.compared = 7;
    clock.advance(1_000);
    await turns();
    expect(log.at(-1)).toBe(`stored ${EVERY}`);
  });

  it('are written once while nothing is heard of what the leader came to, and count when it is', async () => {
    const { log, at, look, seen, clock } = world();
    at(EVERY);
    seen.compared = 6;
    await look();
    // An hour in which nobody does anything.
    for (let second = 0; second < 3_600; second++) {
      clock.advance(1_000);
      await turns();
    }
    expect(log).toEqual([`writes ${EVERY} from batch 7`]);
    seen.compared = 7;
    clock.advance(1_000);
    await turns();
    expect(log).toEqual([`writes ${EVERY} from batch 7`, `stored ${EVERY}`]);
  });

  it('are given up when it falls to another server to store them', async () => {
    const { log, at, look, seen, clock } = world();
    at(EVERY);
    seen.compared = 6;
    await look();
    seen.isMine = false;
    clock.advance(1_000);
    await turns();
    seen.compared = 7;
    clock.advance(1_000);
    await turns();
    expect(log).toEqual([`writes ${EVERY} from batch 7`]);
  });

  it('are tried again a minute later when a live server could not read one', async () => {
    const { log, at, look, failWith } = world();
    at(EVERY);
    failWith('', new JournalError('unread', 'b reads less'));
    for (let looks = 0; looks < SNAPSHOT_UNREAD_MS / SNAPSHOT_LOOK_MS; looks++) await look();
    expect(log).toEqual(['failed: b reads less']);
    await look();
    expect(log).toHaveLength(2);
  });

  it('are tried again when one could not be stored, and no more at the end', async () => {
    const { log, at, look, snapshots, failWith } = world();
    at(EVERY);
    failWith('etcd is away');
    await look();
    await look();
    expect(log).toEqual(['failed: etcd is away', 'failed: etcd is away']);
    snapshots.end();
    await look();
    expect(log).toHaveLength(2);
  });
});
