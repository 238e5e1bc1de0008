import { describe, expect, it } from '@jest/globals';
import { PunchAnswer } from '../../../gen/switchyard/v1/connection.js';
import { checkPairs } from '../../../src/brokering/candidates.js';
import { punchAnswer } from '../../../src/client/connection/punch-answer.js';
import type { PairOutcome } from '../../../src/client/direct/path.js';
import { notDialled } from '../../../src/client/direct/reach.js';
import { Checked } from '../../../src/core/decide/check.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';

/** What the server finds wrong with the answer to an attempt that had these pairs. */
function violationsOf(pairs: readonly PairOutcome[]) {
  const answer = PunchAnswer.decode(punchAnswer({ path: undefined, pairs, tookMs: 1 }, undefined));
  const checked = new Checked(DEFAULT_LIMITS);
  checkPairs(
    checked,
    DEFAULT_LIMITS,
    answer.pairs.map(({ local, remote, outcome }) => ({ local: local!, remote: remote!, outcome })),
  );
  return checked.violations;
}

describe('the answer to the order to punch', () => {
  it.each(['10.0.0.7', 'fd00::7'])(
    'is taken by the server when %s was not dialled, so no socket has an address',
    (host) => {
      expect(violationsOf([notDialled({ host, port: 7 })])).toEqual([]);
    },
  );

  it('is taken by the server when a socket was gone before its addresses were read', () => {
    const gone = { host: '', port: 0 };
    expect(violationsOf([{ local: gone, remote: gone, outcome: 'dialled by it: the handshake failed' }])).toEqual([]);
  });
});

describe('the answer of an older client to the order to punch', () => {
  const there = { host: '192.0.2.7', port: 7, type: 1, priority: 0 };
  const nowhere = { host: '', port: 0, type: 1, priority: 0 };
  const told = (local: typeof there, remote: typeof there) => {
    const checked = new Checked(DEFAULT_LIMITS);
    const taken = checkPairs(checked, DEFAULT_LIMITS, [{ local, remote, outcome: 'not dialled' }]);
    return { taken, wrong: checked.violations.map(({ field }) => field) };
  };

  it('is taken when a pair has no address of its own end, and is stored as it came', () => {
    expect(told(nowhere, there)).toEqual({
      taken: [{ local: nowhere, remote: there, outcome: 'not dialled' }],
      wrong: [],
    });
  });

  it('is refused when a pair has no address of the other end, or none that is an IP address of its own', () => {
    expect(told(there, nowhere).wrong).toEqual(['pairs[0].remote.host']);
    expect(told({ ...there, host: 'a.example' }, there).wrong).toEqual(['pairs[0].local.host']);
  });
});
