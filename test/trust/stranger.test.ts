import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { asAdmin, asHeaders, ask, open, type Running, refusalOf, run } from '../grpc/running.js';
import { aimedAt, NOWHERE, textOf } from './aims.js';
import { methodOf, TRIED, type Tried } from './requests.js';

/** Methods by which a stranger can tell even so, and what is in the answer of a network that is there. */
const TELLING: { readonly [N in Tried]?: string } = {
  GetServer: '"version"',
  Attach: 'SESSION_TOKEN_MISSING',
  KeepAlive: 'SESSION_TOKEN_MISSING',
  Login: 'FIELD_INVALID',
  Enroll: 'FIELD_INVALID',
  RotateKey: 'FIELD_INVALID',
};

describe('a stranger who looks for networks, where default requires proofs', () => {
  let at: Running;

  beforeAll(async () => {
    at = await run({ auth: 'required' });
    await ask(at, Identities.createNetwork, { name: 'there', sessionsMax: 0 }, asAdmin());
  });
  afterAll(() => at.stop());

  async function outcome(name: Tried, network: string): Promise<string> {
    const method = methodOf(name);
    const [request, as] = [aimedAt(name, NOWHERE), asHeaders({ 'switchyard-network': network })];
    try {
      if (!method.responseStream) return textOf(await ask(at, method, request, as));
      const reading = open(at, method, request, as);
      const message = await reading.next();
      reading.call.on('error', () => {}).cancel();
      return textOf(message);
    } catch (error) {
      return textOf(refusalOf(error)).replaceAll(network, 'NAMED');
    }
  }

  it.each(TRIED.filter((name) => !(name in TELLING) && name !== 'Challenge'))(
    'is answered by %s, without a credential, as in a network that is not there',
    async (name) => {
      const there = await outcome(name, 'there');
      expect(there).toContain('AUTH_REQUIRED');
      expect(await outcome(name, 'missing')).toBe(there);
    },
  );

  it('is challenged alike for both', async () => {
    const [there, nowhere] = await Promise.all(
      ['there', 'missing'].map((network) => ask(at, Identities.challenge, { network } as never)),
    );
    const { nonce, epoch, serverTime, ...plain } = there!;
    expect(nowhere).toMatchObject(plain);
    expect([nowhere!.nonce.length, nowhere!.epoch.length]).toEqual([nonce.length, epoch.length]);
    expect(Math.abs(nowhere!.serverTime!.getTime() - serverTime!.getTime())).toBeLessThan(60_000);
  });

  it.each(Object.entries(TELLING) as [Tried, string][])(
    'can tell by %s that a network is there, which docs/security.md says, with %s',
    async (name, reason) => {
      const there = await outcome(name, 'there');
      expect(there).toContain(reason);
      expect(await outcome(name, 'missing')).not.toBe(there);
      expect(rowsOfDocument().some((row) => row.includes(name))).toBe(true);
    },
  );
});

/** What the document says of how a stranger can tell: the first cells of its table. */
function rowsOfDocument(): string[] {
  const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const [, table = ''] = text.split('| call | answer in a network that exists |');
  return table
    .split('\n\n')[0]!
    .split('\n')
    .map((row) => row.split('|')[1] ?? '');
}
