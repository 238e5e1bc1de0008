import { describe, expect, it } from '@jest/globals';
import { numberVariable } from '../../../harness/number-option.js';
import { PRINCIPALS_MUTATIONS } from '../../../harness/simulation/principals/mutations.js';
import { PrincipalsWorld } from '../../../harness/simulation/principals/world.js';
import { IS_LONG } from '../../long.js';

/** How long fresh seeds are tried in each run of the tests, and the limit of a single test. */
const FRESH_MS = IS_LONG ? 60_000 : 3_000;
const LIMIT_MS = 300_000;
const MINUTES = 2;

describe('a simulated server in the mode required', () => {
  it('is the same every time that it is made of one seed', async () => {
    const [one, other] = [await new PrincipalsWorld(7).run(0.5), await new PrincipalsWorld(7).run(0.5)];
    expect(one.violation).toBeUndefined();
    expect(other).toEqual(one);
  });

  it('stores commands of every kind that members may ask for, and refuses as many calls as it answers', async () => {
    const { violation, commands, answered, refused } = await new PrincipalsWorld(11).run(6);
    expect(violation).toBeUndefined();
    const kinds = ['OpenSession', 'CloseSession', 'RequestTermination', 'AnswerOrder', 'AskConnection', 'ReportLink'];
    const ofStreams = ['CreateStream', 'UpdateStreamParams', 'TerminateStream', 'StopStream'];
    const ofTrust = ['BindKey', 'UpdateIdentity', 'PutPolicy', 'IssueTicket'];
    expect([...kinds, ...ofStreams, ...ofTrust].filter((kind) => commands[kind] === undefined)).toEqual([]);
    expect(Math.min(answered, refused)).toBeGreaterThan((answered + refused) / 4);
  });

  it(
    'stores no command for an identity that neither it nor an administrator has asked for, in worlds of fresh seeds',
    async () => {
      const first = numberVariable('SIMULATION_SEED') ?? Date.now() % 1_000_000_000;
      const from = performance.now();
      for (let seed = first; seed === first || performance.now() - from < FRESH_MS; seed++) {
        const { violation } = await new PrincipalsWorld(seed).run(MINUTES);
        const again = `SIMULATION_SEED=${seed} repeats it`;
        expect(violation === undefined ? '' : `${violation.check}: ${violation.text}\n${again}`).toBe('');
      }
    },
    LIMIT_MS,
  );

  it.each(PRINCIPALS_MUTATIONS)('is found out when told to $name', async (mutation) => {
    const { violation } = await new PrincipalsWorld(mutation.seed, mutation).run(mutation.minutes);
    expect(violation).toMatchObject({ check: 'Owned', text: expect.any(String) });
  });
});
