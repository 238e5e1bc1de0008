import { describe, expect, it } from '@jest/globals';
import { AccessCredentials } from '../../../src/client/channel/access-credentials.js';

const ALWAYS = new AbortController().signal;

describe('the access token of a client', () => {
  it('is renewed once for calls that went out with it and are refused one after the other', async () => {
    let renewals = 0;
    const access = new AccessCredentials('t0', async () => `t${++renewals}`, ALWAYS);
    const sent = access.metadata();
    expect([await access.renew(sent, ALWAYS), await access.renew(sent, ALWAYS)]).toEqual([true, true]);
    expect([renewals, access.metadata()]).toEqual([1, { 'switchyard-access': 't1' }]);
    expect(await access.renew(access.metadata(), ALWAYS)).toBe(true);
    expect(renewals).toBe(2);
  });

  it('is renewed for the calls that still wait when the one that was refused first gives up', async () => {
    let renewed = (_token: string) => {};
    const renew = (signal: AbortSignal) =>
      new Promise<string>((resolve, reject) => {
        renewed = resolve;
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const access = new AccessCredentials('t0', renew, ALWAYS);
    const [sent, first] = [access.metadata(), new AbortController()];
    const both = [access.renew(sent, first.signal), access.renew(sent, ALWAYS)];
    first.abort('given up');
    await expect(both[0]).rejects.toBe('given up');
    renewed('t1');
    expect(await both[1]).toBe(true);
    expect(access.metadata()).toEqual({ 'switchyard-access': 't1' });
  });

  it('is not renewed where there is nothing that gets another', async () => {
    const access = new AccessCredentials('t0', undefined, ALWAYS);
    expect(await access.renew(access.metadata(), ALWAYS)).toBe(false);
  });
});
