import { describe, expect, it } from '@jest/globals';
import { isAdmitted, readAdmitted } from '../../src/cli/peers/admission.js';
import { UsageError } from '../../src/cli/surroundings.js';
import { type Acceptance, type ConnectionOffer, mayReachPort } from '../../src/client/index.js';

const NODE = '00000000-0000-4000-8000-000000000001';
const IDENTITY = '00000000-0000-4000-8000-000000000002';
const peer = { identityUuid: IDENTITY, roles: ['client'], keyId: 'f'.repeat(64), labels: { site: 'north', lit: '' } };

const endorsement = { keyId: 'a'.repeat(64), identityUuid: IDENTITY, expiresAtMs: 0 };

function admits(
  from: readonly string[],
  offer: Pick<ConnectionOffer, 'cvid' | 'peer' | 'endorsement'> = { cvid: 258, peer },
): Promise<Acceptance> {
  return isAdmitted(from.map(readAdmitted), offer, async () => NODE);
}

describe('the ports that the policy grants a peer', () => {
  it.each([
    [undefined, 9, true],
    [{ ranges: [] }, 9, false],
    [{ ranges: [{ first: 8, last: 10 }] }, 9, true],
    [{ ranges: [{ first: 8, last: 8 }] }, 9, false],
  ])('of %j let it reach port %i: %p', (ports, port, isIn) => {
    expect(mayReachPort({ peer: { ...peer, ports } }, port)).toBe(isIn);
  });

  it('are all ports for a peer of whom the server says nothing', () => {
    expect(mayReachPort({ peer: undefined }, 9)).toBe(true);
  });
});

describe('switchyard join --from', () => {
  it.each([
    [[], true],
    [['258'], true],
    [['259'], false],
    [[NODE.toUpperCase()], true],
    [[IDENTITY], false],
    [[`uuid:${IDENTITY}`], true],
    [[`uuid:${NODE}`], false],
    [['role:client'], true],
    [['role:operator'], false],
    [['role:operator', 'label:site=north'], true],
    [['label:site'], true],
    [['label:site=south'], false],
    [['label:lit='], true],
    [['label:toString'], false],
    [[`key:${'f'.repeat(64)}`], false],
  ])('%j lets a verified client of the site north in: %p', async (from, isIn) => {
    expect(await admits(from)).toBe(isIn);
  });

  it.each([[['role:client']], [['label:site']], [[`uuid:${NODE}`]], [[`uuid:${IDENTITY}`]]])(
    '%j lets nobody in who has proved nothing',
    async (from) => {
      expect(await admits(from, { cvid: 258, peer: undefined })).toBe(false);
    },
  );

  it.each<[string[], Acceptance]>([
    [[`key:${'A'.repeat(64)}`], 'endorsed'],
    [[`key:${'b'.repeat(64)}`], false],
    [[`key:${'b'.repeat(64)}`, `key:${'a'.repeat(64)}`], 'endorsed'],
    [[`key:${'a'.repeat(64)}`, 'role:client'], true],
    [[`key:${'a'.repeat(64)}`, NODE], 'endorsed'],
    [['role:operator'], false],
  ])('%j lets the holder of a key in that the peer has signed by: %p', async (from, isIn) => {
    expect(await admits(from, { cvid: 258, peer, endorsement })).toBe(isIn);
  });

  it.each(['harbour', 'key:', 'key:aa', 'role:', 'label:', 'label:=north', 'uuid:7', 'name:x', ''])(
    'refuses %j, and says what may stand there',
    (text) => {
      expect(() => readAdmitted(text)).toThrow(UsageError);
      expect(() => readAdmitted(text)).toThrow(/--from: /);
    },
  );
});
