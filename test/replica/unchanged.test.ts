import { describe, expect, it } from '@jest/globals';
import { isFault } from '../../src/core/model/fault.js';
import { JournalError } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import type { ReplicaLimits } from '../../src/replica/limits.js';
import { opening } from '../core/network.js';
import { World } from './world.js';

/** A journal that stores when it is let to, or refuses. */
class HeldJournal extends MemoryJournal {
  appends = 0;
  error: Error | undefined;
  #go = Promise.resolve();

  /** Holds what is appended from now on, until the function that it returns is called. */
  hold(): () => void {
    let release = () => {};
    this.#go = new Promise((resolve) => {
      release = resolve;
    });
    return () => release();
  }

  override async append(...args: Parameters<MemoryJournal['append']>): Promise<void> {
    this.appends++;
    await this.#go;
    if (this.error !== undefined) throw this.error;
    await super.append(...args);
  }
}

/** Two sessions; a third is being stored. */
async function storing(limits: Partial<ReplicaLimits> = {}) {
  const journal = new HeldJournal();
  const world = await World.start(limits, journal);
  const [one, two] = [await world.open(1), await world.open(2)];
  const release = journal.hold();
  const opened = world.replica.submit(opening(3));
  await world.advance(0);
  const report = (established: boolean, sid = one) =>
    world.replica.submit({ kind: 'ReportLink', sid, peer: sid === one ? two : one, link: 1, established });
  return { journal, world, one, two, release, opened, report };
}

describe('a command that changes nothing, while others are being stored', () => {
  it('has no record, as often as it is repeated, and does not keep the journal busy', async () => {
    const { journal, world, release, opened, report } = await storing();
    const { appends } = journal;
    const { revision } = world.replica.state;
    let answers = 0;
    const repeat = async (left: number): Promise<void> => {
      expect(await report(false)).toMatchObject({ revision: revision + 1, changes: [] });
      answers++;
      if (left > 0) await repeat(left - 1);
    };
    const flood = Promise.all(Array.from({ length: 20 }, () => repeat(50)));
    expect(answers).toBe(0);
    release();
    await world.settle(Promise.all([opened, flood]));
    expect([world.replica.state.revision - revision, journal.appends - appends, answers]).toEqual([1, 0, 20 * 51]);
  });

  it('succeeds where the journal has no space for the others', async () => {
    const { journal, world, release, opened, report } = await storing();
    journal.error = new JournalError('full', 'no space left on the device');
    const repeated = report(false);
    release();
    expect(await world.settle(opened)).toMatchObject({ reason: 'JOURNAL_UNAVAILABLE' });
    expect(await world.settle(repeated)).toMatchObject({ changes: [] });
  });

  it('takes no room from those that have to be stored, and waits in a room of the same size', async () => {
    const { world, release, opened, report } = await storing({ pendingMax: 2 });
    const repeated = [report(false), report(false), report(false)];
    expect(await repeated[2]).toMatchObject({ reason: 'OVERLOADED' });
    const stored = [world.replica.submit(opening(4)), world.replica.submit(opening(5))];
    release();
    const outcomes = await world.settle(Promise.all([opened, ...stored, repeated[0], repeated[1]]));
    expect(outcomes.filter(isFault)).toEqual([]);
  });

  it('comes before what its sender gives after it, and after what it gave before', async () => {
    const { world, one, two, release, report } = await storing();
    const link = { a: Math.min(one, two), b: Math.max(one, two), link: 1 } as const;
    const outcomes = [report(true), report(false), report(true), report(true, two)];
    release();
    await world.settle(Promise.all(outcomes));
    expect(world.replica.state.graph.hasLink(link)).toBe(true);
    await world.settle(Promise.all([report(false), report(true), report(false)]));
    expect(world.replica.state.graph.hasLink(link)).toBe(false);
  });

  it('hears that nothing was stored when the right to append is lost', async () => {
    const { world, opened, report } = await storing();
    const repeated = report(false);
    world.replica.abandon();
    expect(await opened).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
    expect(await repeated).toMatchObject({ reason: 'JOURNAL_UNAVAILABLE' });
  });

  it('is answered before the replica is closed', async () => {
    const { world, release, report } = await storing();
    const repeated = report(false);
    const closed = world.replica.close();
    release();
    await world.settle(closed);
    expect(await repeated).toMatchObject({ changes: [] });
  });
});
