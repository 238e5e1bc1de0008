import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ManualClock } from '../../../harness/manual-clock.js';
import { systemRandom } from '../../../src/client/system.js';
import type { Config } from '../../../src/config/options.js';
import { CertificateKeeper, leafKeyIdOf } from '../../../src/server/certificates/certificates.js';
import { copyAuthority, OwnCertificates } from '../../../src/server/certificates/own-certificates.js';

const DAY_MS = 86_400_000;
const log = pino({ level: 'silent' });
let folder: string;
let clock: ManualClock;
const deps = (names: readonly string[] = ['hub.example', '192.0.2.7', '2001:db8::7']) => ({
  folder,
  names: () => names,
  clock,
  random: systemRandom,
  log,
});
const leafOf = ({ chain }: OwnCertificates) => new X509Certificate(chain.cert);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'own-certificates-'));
  chmodSync(folder, 0o700);
  clock = new ManualClock();
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a server's own certificates", () => {
  it('are an authority for ten years, and a leaf of 90 days for the name switchyard and the names of the server', async () => {
    const own = await OwnCertificates.open(deps());
    const { authority } = own;
    const leaf = leafOf(own);
    expect(authority.ca).toBe(true);
    expect(authority.verify(authority.publicKey)).toBe(true);
    expect((Date.parse(authority.validTo) - clock.wallMs()) / DAY_MS).toBeCloseTo(3_652, 3);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(authority) && leaf.verify(authority.publicKey)).toBe(true);
    expect((Date.parse(leaf.validTo) - clock.wallMs()) / DAY_MS).toBeCloseTo(90, 3);
    for (const name of ['switchyard', 'hub.example']) expect(leaf.checkHost(name)).toBe(name);
    for (const address of ['192.0.2.7', '2001:db8::7']) expect(leaf.checkIP(address)).toBe(address);
    expect(leaf.checkHost('other.example')).toBeUndefined();
    expect(leaf.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
  });

  it('are kept in files that only their owner can read, and are the same at the next start', async () => {
    const first = await OwnCertificates.open(deps());
    for (const file of ['authority-key.pem', 'authority.pem', 'server.pem']) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
    const second = await OwnCertificates.open(deps());
    expect(second.chain).toEqual(first.chain);
    expect(second.pin).toEqual(first.pin);
  });

  it('get a new leaf, of the same authority, when the server has another name at its start', async () => {
    const first = await OwnCertificates.open(deps(['old.example']));
    const second = await OwnCertificates.open(deps(['new.example']));
    expect(leafOf(second).checkHost('new.example')).toBe('new.example');
    expect(second.pin).toEqual(first.pin);
  });

  it('get a certificate of the same key for an authority that has a year left, so that pins stay good', async () => {
    const first = await OwnCertificates.open(deps());
    clock.advance((3_652 - 364) * DAY_MS);
    const second = await OwnCertificates.open(deps());
    expect(second.authority.fingerprint256).not.toBe(first.authority.fingerprint256);
    expect(second.pin).toEqual(first.pin);
    expect(leafOf(second).verify(second.authority.publicKey)).toBe(true);
  });

  it('are made again, of the same key, after a crash between two files', async () => {
    const first = await OwnCertificates.open(deps());
    rmSync(join(folder, 'authority.pem'));
    writeFileSync(join(folder, 'server.pem'), readFileSync(join(folder, 'server.pem')).subarray(0, 700));
    const second = await OwnCertificates.open(deps());
    expect(second.pin).toEqual(first.pin);
    expect(leafOf(second).verify(second.authority.publicKey)).toBe(true);
  });

  it('never get another authority in silence: an empty key file ends the start', async () => {
    await OwnCertificates.open(deps());
    writeFileSync(join(folder, 'authority-key.pem'), '');
    await expect(OwnCertificates.open(deps())).rejects.toThrow(/authority-key\.pem holds no private key in PEM/);
  });

  it('are known again in a folder that was restored from a backup', async () => {
    const first = await OwnCertificates.open(deps());
    const other = mkdtempSync(join(tmpdir(), 'own-certificates-'));
    try {
      copyAuthority(folder, other);
      expect((await OwnCertificates.open({ ...deps(), folder: other })).pin).toEqual(first.pin);
    } finally {
      rmSync(other, { recursive: true });
    }
  });
});

describe('a server that runs for months', () => {
  it('shows a new leaf 30 days before the old one ends, and takes proofs that are bound to either', async () => {
    const config = { listen: { host: '0.0.0.0', port: 1 }, data: folder } as Config;
    const keeper = (await CertificateKeeper.open(config, deps()))!;
    try {
      const first = leafKeyIdOf(keeper.files);
      const shown: Buffer[] = [];
      keeper.onChange((files) => shown.push(leafKeyIdOf(files)));
      clock.advance(59 * DAY_MS);
      await renewals();
      expect(shown).toEqual([]);
      clock.advance(2 * DAY_MS);
      await renewals();
      expect(shown).toHaveLength(1);
      expect(shown[0]).not.toEqual(first);
      expect(keeper.leafKeyIds).toEqual([shown[0], first]);
      expect(Date.parse(new X509Certificate(keeper.files.cert).validTo) - clock.wallMs()).toBeGreaterThan(80 * DAY_MS);
    } finally {
      keeper.close();
    }
  });
});

/** The keeper reads and writes files when its timer fires, which takes some turns of the event loop. */
async function renewals(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
}
