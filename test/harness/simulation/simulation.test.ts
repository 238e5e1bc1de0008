import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { numberVariable } from '../../../harness/number-option.js';
import { faultNames, withFaults } from '../../../harness/simulation/faults.js';
import type { Tampering } from '../../../harness/simulation/machine/server.js';
import type { ServerCall } from '../../../harness/simulation/machine/server-call.js';
import { planOf, writtenPlan } from '../../../harness/simulation/plan.js';
import { failureLines, replayCommand } from '../../../harness/simulation/replay.js';
import { type Result, simulate } from '../../../harness/simulation/run.js';
import { shrink } from '../../../harness/simulation/shrink.js';
import { StatusCode } from '../../../src/client/index.js';
import { IS_LONG } from '../../long.js';

/** How long fresh seeds are tried in each run of the tests, and the limit of a single test. */
const FRESH_MS = IS_LONG ? 60_000 : 12_000;
/** The same with the journal in an etcd. */
const FRESH_ON_ETCD_MS = IS_LONG ? 30_000 : 5_000;
const LIMIT_MS = 300_000;
const MINUTES = 10;

const folder = join(dirname(fileURLToPath(import.meta.url)), 'regressions');
const regressions = readdirSync(folder).map((file) => {
  const text = readFileSync(join(folder, file), 'utf8');
  return { name: JSON.parse(text).name as string, plan: writtenPlan(text) };
});

/** What went wrong, with how to see it again; empty when nothing did. */
function wrong({ violation, plan }: Result): string {
  if (violation === undefined) return '';
  return `${violation.check} at ${violation.atMs} ms: ${violation.text}\n${replayCommand(plan)} --shrink`;
}

describe('a simulated world', () => {
  it('is the same every time that it is made of one seed', async () => {
    const [one, other] = [await simulate(planOf(7, 1)), await simulate(planOf(7, 1))];
    expect(one.events).toBeGreaterThan(1_000);
    expect(other.hash).toBe(one.hash);
    expect(other.events).toBe(one.events);
    expect((await simulate(planOf(8, 1))).hash).not.toBe(one.hash);
  });

  it.each(regressions)(
    'keeps its word: $name',
    async ({ plan }) => {
      expect(wrong(await simulate(plan))).toBe('');
    },
    LIMIT_MS,
  );

  it(
    'keeps its word in worlds that nobody has seen before',
    async () => {
      const first = numberVariable('SIMULATION_SEED') ?? Date.now() % 1_000_000_000;
      const from = performance.now();
      let seed = first;
      for (; performance.now() - from < FRESH_MS; seed++) expect(wrong(await simulate(planOf(seed, MINUTES)))).toBe('');
      process.stderr.write(`seeds ${first} to ${seed - 1} of ${MINUTES} minutes kept their word\n`);
    },
    LIMIT_MS,
  );
});

describe('a simulated world with its journal in an etcd', () => {
  it('is the same every time that it is made of one seed, and another than on a disk', async () => {
    const plan = { ...planOf(7, 1), isOnEtcd: true };
    const [one, other] = [await simulate(plan), await simulate(plan)];
    expect(other.hash).toBe(one.hash);
    expect((await simulate(planOf(7, 1))).hash).not.toBe(one.hash);
  });

  it(
    'keeps its word where more sessions are over at once than ends may wait to be stored',
    async () => {
      expect(wrong(await simulate({ ...planOf(41_874_241, 10), isOnEtcd: true }))).toBe('');
    },
    LIMIT_MS,
  );

  it(
    'keeps its word while etcd is slow, silent, full, or answers nobody, in worlds that nobody has seen before',
    async () => {
      const first = numberVariable('SIMULATION_SEED') ?? Date.now() % 1_000_000_000;
      const from = performance.now();
      let seed = first;
      for (; performance.now() - from < FRESH_ON_ETCD_MS; seed++) {
        expect(wrong(await simulate({ ...planOf(seed, MINUTES), isOnEtcd: true }))).toBe('');
      }
      process.stderr.write(`seeds ${first} to ${seed - 1} of ${MINUTES} minutes on etcd kept their word\n`);
    },
    LIMIT_MS,
  );
});

describe('a world that fails', () => {
  it(
    'ends with the command that replays it: its seed and minutes, or its file',
    async () => {
      const broken: Tampering = {
        server: ({ replica }) => {
          replica.attachments.open = () => {
            throw new Error('broken on purpose');
          };
        },
      };
      const failed = await simulate(planOf(2, 1), broken);
      const lines = failureLines(failed);
      expect(lines.at(-2)).toContain('broken on purpose');
      expect(lines.at(-1)).toBe('again: npm run simulate -- --seed 2 --minutes 1');
      expect((await simulate(planOf(2, 1), broken)).hash).toBe(failed.hash);
      expect(failureLines(failed, 'seed-2.json').at(-1)).toBe('again: npm run simulate -- --plan seed-2.json');
    },
    LIMIT_MS,
  );
});

describe('a world with faults that were asked for', () => {
  const names = faultNames('flags,cancelled,half-closed');

  it('has each of them, whatever its seed has, and is replayed with them', () => {
    for (let seed = 1; seed < 40; seed++) {
      const plain = planOf(seed, 1);
      const plan = withFaults(plain, names);
      expect(plan.cores.length).toBeGreaterThan(1);
      expect(plan).toMatchObject({ isHasty: true, isHalfClosed: true, steps: plain.steps });
      expect(withFaults(planOf(seed, 1), names)).toEqual(plan);
      expect(replayCommand(plan)).toBe(
        `npm run simulate -- --seed ${seed} --minutes 1 --faults flags,cancelled,half-closed`,
      );
    }
  });

  it('is refused by the name of one that there is not', () => {
    expect(() => faultNames('flags,toString')).toThrow(
      'there is no "toString"; there are flags, cancelled, half-closed',
    );
  });
});

describe('a world that comes to rest', () => {
  const check = async (tamper: Tampering) => (await simulate({ ...planOf(2, 1), steps: [] }, tamper)).violation?.check;

  it(
    'is Converged only when every instance is attached',
    async () => {
      const attach = '/switchyard.v1.SessionService/Attach';
      const breaking: Tampering = {
        server: ({ routes }) => {
          const { handler, ...route } = routes.get(attach)!;
          const breakFirst = (call: unknown) => {
            const attachment = call as ServerCall;
            attachment.write = () => attachment.emit('error', { code: StatusCode.UNAVAILABLE });
            handler(attachment);
          };
          routes.set(attach, { ...route, handler: breakFirst });
        },
      };
      expect(await check(breaking)).toBe('Converged');
    },
    LIMIT_MS,
  );

  it(
    'is Tidy only when the server has let go of everything',
    async () => {
      const forgetful: Tampering = {
        server: ({ feeds }) => {
          feeds.network.forget = () => {};
        },
      };
      expect(await check(forgetful)).toBe('Tidy');
    },
    LIMIT_MS,
  );

  it(
    'is Sound only when the server has no fault of its own',
    async () => {
      const broken: Tampering = {
        server: ({ replica }) => {
          replica.attachments.open = () => {
            throw new Error('broken on purpose');
          };
        },
      };
      expect(await check(broken)).toBe('Sound');
    },
    LIMIT_MS,
  );
});

describe('a plan that fails', () => {
  it(
    'shrinks to a smaller one that fails by the same check',
    async () => {
      const tamper: Tampering = {
        server: ({ replica }) => {
          const submit = replica.submit.bind(replica);
          replica.submit = (command) => {
            if (command.kind === 'CreateStream') void submit(command);
            return submit(command);
          };
        },
      };
      // Instances that relay, and clients that half-close or give up, create streams by themselves: without them it takes a step.
      const plans = Array.from({ length: 100 }, (_, at) => planOf(at + 1, MINUTES));
      const plan = plans.find(({ isRelayed, isHalfClosed, isHasty, steps }) => {
        return !isRelayed && !isHalfClosed && !isHasty && steps.some(({ kind }) => kind === 'createStream');
      })!;
      const failed = await simulate(plan, tamper);
      const small = await shrink(failed, tamper);
      expect(small.violation?.check).toBe('Once');
      expect(small.plan.steps.length).toBeLessThan(failed.plan.steps.length / 10);
      expect(small.plan.steps.at(-1)?.kind).toBe('createStream');
    },
    LIMIT_MS,
  );
});
