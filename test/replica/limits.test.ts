import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../harness/seed.js';
import { apply } from '../../src/core/decide/apply.js';
import type { Command } from '../../src/core/model/command.js';
import { INITIAL_LIMITS, type Limits } from '../../src/core/model/limits.js';
import { canonical } from '../../src/core/store/canonical.js';
import { capture, rowsOf } from '../../src/core/store/snapshot.js';
import { State } from '../../src/core/store/state.js';
import { encodeChunks } from '../../src/journal/format/chunk.js';
import { encodeRecord } from '../../src/journal/format/record.js';
import { MemoryDisk, MemoryJournal } from '../../src/journal/storage/memory.js';
import { recover } from '../../src/replica/recover.js';
import { brokeredIntents } from '../core/brokering.js';
import { type Intent, intentOf, intents, LOW_LIMITS } from '../core/intent.js';
import { FOUND } from '../core/network.js';

const runs = { seed: SEED, numRuns: 100, interruptAfterTimeLimit: 30_000 };

/** From next to nothing to more than any run asks for. */
const few = fc.constantFrom(1, 2, 3, 5, 9, 1_000);
const someLimits: fc.Arbitrary<Limits> = fc
  .record({
    sessionsMax: few,
    sidBaseMax: few,
    linksPerNodeMax: few,
    linksMax: few,
    reportsPerNodeMax: few,
    reportsMax: few,
    streamsPerSessionMax: few,
    streamsMax: few,
    sinksPerStreamMax: few,
    branchesPerSinkMax: few,
    branchesMax: few,
    ordersPerSessionMax: few,
    connectionsPendingPerSessionMax: few,
    connectionsPendingMax: few,
    connectionsPerSessionMax: few,
    connectionsFinishedMax: few,
    attemptsPerConnectionMax: few,
    upgradesPerConnectionMax: few,
    endedMax: few,
    attemptDeadlineMs: few,
  })
  .map((some) => ({ ...INITIAL_LIMITS, ...some }));
const setsLimits = intentOf('set limits', someLimits, (limits) => ({ kind: 'SetLimits', limits }));

/** Runs of intents of some kind, with other limits between them. */
function withLimits(others: fc.Arbitrary<Intent[]>): fc.Arbitrary<Intent[]> {
  return fc
    .array(fc.tuple(setsLimits, others), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.flatMap(([sets, rest]) => [sets, ...rest.slice(0, 40)]));
}

/** What a run came to: its journal, with the state in a snapshot after `snapshotAt` commands. */
async function played(run: readonly Intent[], snapshotAt: number): Promise<{ disk: MemoryDisk; state: State }> {
  const disk = new MemoryDisk();
  const journal = new MemoryJournal(disk);
  const state = new State(INITIAL_LIMITS);
  const take = async (command: Command) => {
    await journal.append([encodeRecord(state.revision + 1, command)]);
    apply(state, command);
    if (state.revision !== snapshotAt) return;
    await journal.writeSnapshot(snapshotAt, encodeChunks(snapshotAt, rowsOf(capture(state))));
  };
  await take(FOUND);
  for (const next of run) await take(next.command(state));
  return { disk, state };
}

async function recovered(disk: MemoryDisk, flags?: Limits): Promise<string> {
  const { state, replay } = await recover(new MemoryJournal(disk), flags);
  await replay(() => {});
  return canonical(state);
}

describe(`any history with other limits on its way (seed ${SEED})`, () => {
  it.each([
    ['a network', withLimits(intents)],
    ['brokered connections', withLimits(brokeredIntents)],
  ])(
    'comes to the same state under any flags, from its first command and from a snapshot: %s',
    async (_, histories) => {
      const check = async (run: readonly Intent[], flags: Limits, at: number) => {
        const snapshotAt = 1 + (at % (run.length + 1));
        const { disk, state } = await played(run, snapshotAt);
        const live = canonical(state);
        for (const limits of [undefined, LOW_LIMITS, flags]) {
          expect((await recovered(disk, limits)) === live).toBe(true);
        }
        disk.snapshots.clear();
        for (const limits of [undefined, LOW_LIMITS, flags]) {
          expect((await recovered(disk, limits)) === live).toBe(true);
        }
      };
      await fc.assert(fc.asyncProperty(histories, someLimits, fc.nat(), check), runs);
    },
  );
});
