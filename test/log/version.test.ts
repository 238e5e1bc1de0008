import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { checkVersion } from '../../src/log/etcd/version.js';
import { openLog } from './etcd-disk.js';

const ROOMY = { bytes: 1, bytesInUse: 1, quotaBytes: undefined, isAlarmed: false };

describe('the version of etcd', () => {
  it.each(['3.4.22', '3.4.23', '3.4.37', '3.5.6', '3.5.21', '3.6.0', '4.0.0'])('%s is taken', (version) => {
    expect(() => checkVersion(version)).not.toThrow();
  });

  it.each(['3.4.21', '3.5.0', '3.5.5', '3.3.27', '2.3.8', '3.4', 'unknown', ''])('%j is refused', (version) => {
    expect(() => checkVersion(version)).toThrow('may lose what it has acknowledged');
  });

  it('is asked for before a server leads: with 3.5.5 it does not begin to', async () => {
    const store = new SimulatedEtcd(new ManualClock()).connect();
    const old = { ...store, status: async () => ({ ...ROOMY, version: '3.5.5' }) };
    await expect(openLog(old, 'yard').lead()).rejects.toMatchObject({ kind: 'version' });
    expect((await store.read({ key: new LogKeys('yard').leader })).values).toEqual([]);
  });

  it('is late enough where etcd refuses to say it', async () => {
    const store = new SimulatedEtcd(new ManualClock()).connect();
    const log = openLog({ ...store, status: async () => undefined }, 'yard');
    const term = await log.lead();
    expect(term.figures).toMatchObject({ storeBytes: 0, quotaRatio: 0 });
    await term.resign();
  });
});
