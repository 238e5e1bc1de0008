import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clock } from '../../../harness/faults/clock.js';
import type { Fault, Ground } from '../../../harness/faults/fault.js';
import { full } from '../../../harness/faults/full.js';
import { kill } from '../../../harness/faults/kill.js';
import { stop } from '../../../harness/faults/stop.js';
import { Trial } from '../../../harness/faults/trial.js';
import { dumpFolder } from '../../../src/journal/inspect.js';
import { revisionKey } from '../../../src/journal/storage/folder.js';
import { edit } from '../../journal/damage.js';

const LIMIT_MS = 600_000;
const SEED = 20_251_122;

/** The one that ends processes last: what it does to watches must not be taken for the doing of others. */
const FAULTS: readonly (readonly [Fault, number])[] = [
  [full, 2],
  [clock, 1],
  [stop, 1],
  [kill, 2],
];
const missing = new Map(FAULTS.map(([fault]) => [fault, fault.lacks()]));
for (const lacks of missing.values()) if (lacks !== undefined) process.stderr.write(`not checked: ${lacks}\n`);

/** What was found, with what came before it; empty when nothing was. */
function wrong({ fleet }: Trial): string {
  const { violation } = fleet.verdict;
  return violation === undefined ? '' : `${fleet.notes.join('\n')}\n${violation.check}: ${violation.text}`;
}

describe('a real server with clients at work', () => {
  const grounds: Ground[] = [];
  let trial: Trial;

  beforeAll(async () => {
    for (const [fault] of FAULTS) if (missing.get(fault) === undefined) grounds.push(fault.prepare());
    const options = Object.assign({}, ...grounds.map((ground) => ground.options));
    trial = await Trial.begin({ seed: SEED, built: false, ...options });
  }, LIMIT_MS);

  afterAll(async () => {
    await trial?.close();
    for (const ground of grounds) ground.remove();
  }, LIMIT_MS);

  for (const [fault, times] of FAULTS) {
    (missing.get(fault) === undefined ? it : it.skip)(
      `keeps its word: ${fault.about}`,
      async () => {
        for (let time = 0; time < times; time++) await trial.suffer(fault, false);
        expect(wrong(trial)).toBe('');
      },
      LIMIT_MS,
    );
  }

  it(
    'comes to rest, with nothing left of clients that have gone',
    async () => {
      await trial.comeToRest();
      expect(wrong(trial)).toBe('');
      expect(trial.fleet.truth.last).toBeGreaterThan(10);
    },
    LIMIT_MS,
  );
});

describe('what looks on at a real server', () => {
  it(
    'finds that commands are gone that were acknowledged',
    async () => {
      const trial = await Trial.begin({ seed: SEED, built: false });
      const { fleet, server, folder } = trial;
      try {
        await trial.until('some streams', () => fleet.created >= 3);
        await server.kill();
        await forgetFrom(folder, 'CreateStream');
        await trial.judge();
        expect(['Durable', 'Kept']).toContain(fleet.verdict.violation?.check);
      } finally {
        rmSync((await trial.close())!, { recursive: true });
      }
    },
    LIMIT_MS,
  );
});

/** Leaves a journal as a disk would that had lied about its syncs: the first command of a kind and all after it are gone. */
async function forgetFrom(folder: string, kind: string): Promise<void> {
  let from: number | undefined;
  const gone: number[] = [];
  for await (const { revision, command } of dumpFolder(folder)) {
    if (command?.kind === kind) from ??= revision;
    if (from !== undefined) gone.push(revision);
  }
  for (const revision of gone) await edit(folder, 'records', revisionKey(revision), () => undefined);
}
