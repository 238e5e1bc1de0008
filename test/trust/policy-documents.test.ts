import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { readBlocks } from '../gate/blocks.mjs';
import { asAdmin, ask, type Running, refused, run } from '../grpc/running.js';

const POLICIES = readBlocks().filter((block) => block.run === 'policy');

describe('a policy of the documents', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run();
  });
  afterAll(() => at.stop());

  const put = (document: string) => {
    return ask(at, Identities.putPolicy, { document, ifRevision: undefined, validateOnly: true }, asAdmin());
  };

  it.each(POLICIES.map(({ path, line, text }) => [`${path}:${line}`, text] as const))(
    'is taken whole, and passes its own tests: %s',
    async (_where, text) => {
      await expect(put(text)).resolves.toBeDefined();
      // It is the whole document: what is wrong in it would be refused.
      expect(await refused(put(text.replace('{', '{ "colour": 1,')))).toMatchObject({ reason: 'POLICY_INVALID' });
    },
  );

  it('is one of two at least', () => {
    expect(POLICIES.length).toBeGreaterThanOrEqual(2);
  });
});
