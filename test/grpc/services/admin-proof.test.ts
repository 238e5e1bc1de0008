import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChallengeRequest, IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { GrpcFrom } from '../from.js';
import { ask, type Running, refused, run } from '../running.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function real(flags: Record<string, string> = {}): Promise<Running> {
  const at = await run(flags);
  closing.push(() => at.stop());
  return at;
}

describe('Challenge with admin_nonce', () => {
  const nonce = randomBytes(32);

  it('is refused by the field for a nonce or a binding of a wrong length', async () => {
    const at = await real();
    const fieldsOf = async (request: Partial<ChallengeRequest>) => {
      return (await refused(ask(at, Identities.challenge, { network: '', ...request }))).fields;
    };
    for (const length of [0, 1, 31, 33, 40]) {
      expect(await fieldsOf({ adminNonce: Buffer.alloc(length) })).toEqual(['admin_nonce']);
      expect(await fieldsOf({ adminNonce: nonce, adminBinding: Buffer.alloc(length) })).toEqual(['admin_binding']);
    }
    expect(await fieldsOf({ adminBinding: nonce })).toEqual(['admin_binding']);
    expect(await fieldsOf({ network: 'A', adminNonce: Buffer.alloc(1) })).toEqual(['network', 'admin_nonce']);
  });

  it('gives no proof that was not asked for, and none of a certificate that the server does not have', async () => {
    const at = await real();
    const proofOf = async (request: Partial<ChallengeRequest>) =>
      (await ask(at, Identities.challenge, { network: '', ...request })).adminProof;
    expect(await proofOf({})).toBeUndefined();
    expect(await proofOf({ adminNonce: nonce, adminBinding: Buffer.alloc(32) })).toBeUndefined();
    expect(await proofOf({ adminNonce: nonce })).toHaveLength(32);
  });

  it('gives no proof in plain text to a caller of another machine, who may pass it on', async () => {
    const at = await real({ 'proxy-protocol-from': '127.0.0.2' });
    const proofFor = async (host: readonly number[]) => {
      const header = Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex');
      const addresses = Buffer.from([...host, 127, 0, 0, 1, 18, 103, 0, 80]);
      const client = await GrpcFrom.connect('127.0.0.2', at.address, Buffer.concat([header, addresses]));
      closing.push(() => client.close());
      const request = { network: '', adminNonce: nonce, adminBinding: undefined };
      return (await client.get(Identities.challenge, request)).adminProof;
    };
    expect(await proofFor([127, 0, 0, 1])).toHaveLength(32);
    expect(await proofFor([192, 0, 2, 1])).toBeUndefined();
  });
});
