import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ManualClock } from '../../../harness/manual-clock.js';
import { systemRandom } from '../../../src/client/system.js';
import type { Config } from '../../../src/config/options.js';
import { makeNextAuthority, useNextAuthority } from '../../../src/server/certificates/authority-keys.js';
import { CertificateKeeper, leafKeyIdOf } from '../../../src/server/certificates/certificates.js';
import { copyAuthority, OwnCertificates } from '../../../src/server/certificates/own-certificates.js';
import { formatPin } from '../../../src/trust/pin.js';

let folder: string;
let clock: ManualClock;
let lines: string[];
const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
const deps = () => ({ folder, names: () => ['hub.example'], clock, random: systemRandom, log });
const leafOf = ({ chain }: OwnCertificates) => new X509Certificate(chain.cert);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'next-authority-'));
  chmodSync(folder, 0o700);
  clock = new ManualClock();
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the next authority of a server', () => {
  it('is known by its pin beside the one in use, and signs nothing until it is used', async () => {
    const own = await OwnCertificates.open(deps());
    const before = own.chain;
    const next = makeNextAuthority(folder)!;
    expect(statSync(join(folder, 'next-authority-key.pem')).mode & 0o777).toBe(0o600);
    await own.renew();
    expect(own.pins).toEqual([own.pin, next]);
    expect(own.chain).toBe(before);
    expect((await OwnCertificates.open(deps())).pins).toEqual([own.pin, next]);
  });

  it('is one at most: a second one is not made, and changes nothing', () => {
    makeNextAuthority(folder);
    const before = readFileSync(join(folder, 'next-authority-key.pem'));
    expect(makeNextAuthority(folder)).toBeUndefined();
    expect(readFileSync(join(folder, 'next-authority-key.pem'))).toEqual(before);
  });

  it('takes over without a restart, and the former key is gone', async () => {
    const own = await OwnCertificates.open(deps());
    const former = own.pin;
    const next = makeNextAuthority(folder)!;
    await own.renew();
    expect(useNextAuthority(folder)).toEqual(next);
    expect(existsSync(join(folder, 'next-authority-key.pem'))).toBe(false);
    // Until the server has looked again it tells both.
    expect(own.pins).toEqual([former, next]);
    await own.renew();
    expect(own.pins).toEqual([next]);
    expect(leafOf(own).verify(own.authority.publicKey)).toBe(true);
    expect((await OwnCertificates.open(deps())).chain).toEqual(own.chain);
    expect(useNextAuthority(folder)).toBeUndefined();
  });

  it('takes over at the next start of a server that was stopped, also after a crash before the new leaf', async () => {
    await OwnCertificates.open(deps());
    const leaf = readFileSync(join(folder, 'server.pem'));
    const next = makeNextAuthority(folder)!;
    useNextAuthority(folder);
    const first = await OwnCertificates.open(deps());
    expect(first.pins).toEqual([next]);
    writeFileSync(join(folder, 'server.pem'), leaf);
    const second = await OwnCertificates.open(deps());
    expect(leafOf(second).verify(second.authority.publicKey)).toBe(true);
    expect(second.pins).toEqual([next]);
  });

  it('that cannot be read is complained of, and keeps no leaf from being renewed', async () => {
    const own = await OwnCertificates.open(deps());
    const { chain, pin } = own;
    writeFileSync(join(folder, 'next-authority-key.pem'), 'no key', { mode: 0o600 });
    clock.advance(61 * 86_400_000);
    await own.renew();
    expect(own.chain).not.toEqual(chain);
    expect(own.pins).toEqual([pin]);
    expect(lines.join('')).toMatch(/next-authority-key\.pem holds no private key in PEM/);
  });

  it('takes over in one step: until all is written the server shows and tells what it did before', async () => {
    const own = await OwnCertificates.open(deps());
    const next = makeNextAuthority(folder)!;
    await own.renew();
    const before = { chain: own.chain, authority: own.authority, pins: own.pins };
    const seen = () => ({ chain: own.chain, authority: own.authority, pins: own.pins });
    useNextAuthority(folder);
    // The leaf cannot be written: as on a disk without room.
    rmSync(join(folder, 'server.pem'));
    mkdirSync(join(folder, 'server.pem'));
    const failing = own.renew();
    const whileFailing = seen();
    await expect(failing).rejects.toThrow();
    expect([whileFailing, seen()]).toEqual([before, before]);
    expect(lines.join('')).not.toMatch(/another authority is in use/);
    rmSync(join(folder, 'server.pem'), { recursive: true });
    const renewing = own.renew();
    const whileRenewing = seen();
    await renewing;
    expect(whileRenewing).toEqual(before);
    expect(own.pins).toEqual([next]);
    expect(leafOf(own).verify(own.authority.publicKey)).toBe(true);
  });

  it('costs a challenge nothing: its pin is worked out once', async () => {
    const own = await OwnCertificates.open(deps());
    makeNextAuthority(folder);
    await own.renew();
    expect(own.pins).toHaveLength(2);
    expect(own.pins).toBe(own.pins);
    expect(own.pins[0]).toBe(own.pin);
  });

  it('is told alone only when the files in use are its own', async () => {
    const ca = Buffer.from((await OwnCertificates.open({ ...deps(), folder: undefined })).authority.toString());
    let identityCa = ca;
    const config = { listen: { host: '0.0.0.0', port: 1 }, data: folder, identityCa: 'identity-ca.pem' } as Config;
    const keeper = (await CertificateKeeper.open(config, { ...deps(), read: () => identityCa }))!;
    try {
      const next = makeNextAuthority(folder)!;
      await keeper.renew();
      const { files, pins } = keeper;
      expect(pins[1]).toEqual(next);
      useNextAuthority(folder);
      identityCa = Buffer.from('half a file');
      await keeper.renew();
      expect(keeper.files).toBe(files);
      expect(keeper.pins).toEqual(pins);
      identityCa = ca;
      await keeper.renew();
      expect(keeper.files).not.toEqual(files);
      expect(keeper.pins).toEqual([next]);
    } finally {
      keeper.close();
    }
  });

  it('that cannot be read at a start is not forgotten by clients: they are told nothing until it can', async () => {
    const own = await OwnCertificates.open(deps());
    expect(own.toldPins).toEqual([own.pin]);
    const next = makeNextAuthority(folder)!;
    chmodSync(join(folder, 'next-authority-key.pem'), 0o644);
    await own.renew();
    const started = await OwnCertificates.open(deps());
    for (const one of [own, started]) {
      expect(one.pins).toEqual([own.pin]);
      expect(one.toldPins).toEqual([]);
    }
    chmodSync(join(folder, 'next-authority-key.pem'), 0o600);
    await started.renew();
    expect(started.toldPins).toEqual([own.pin, next]);
    chmodSync(join(folder, 'next-authority-key.pem'), 0o644);
    await started.renew();
    expect(started.toldPins).toEqual([own.pin, next]);
  });

  it('keeps a start without the key in use from making another authority', async () => {
    await OwnCertificates.open(deps());
    makeNextAuthority(folder);
    rmSync(join(folder, 'authority-key.pem'));
    await expect(OwnCertificates.open(deps())).rejects.toThrow(/authority-key\.pem is missing, and next-authority/);
    expect(readdirSync(folder)).not.toContain('authority-key.pem');
  });

  it('is told while another file cannot be used, and is in the audit log when it is told or shown, no sooner', async () => {
    const ca = Buffer.from((await OwnCertificates.open({ ...deps(), folder: undefined })).authority.toString());
    let identityCa = ca;
    const config = { listen: { host: '0.0.0.0', port: 1 }, data: folder, identityCa: 'identity-ca.pem' } as Config;
    const keeper = (await CertificateKeeper.open(config, { ...deps(), read: () => identityCa }))!;
    const acts: string[] = [];
    keeper.onAct(({ what }) => acts.push(what));
    try {
      identityCa = Buffer.from('half a file');
      await keeper.renew();
      const next = makeNextAuthority(folder)!;
      await keeper.renew();
      expect(keeper.toldPins).toEqual([keeper.pins[0], next]);
      expect(acts).toEqual(['HoldNextAuthority']);
      useNextAuthority(folder);
      await keeper.renew();
      expect(keeper.toldPins[1]).toEqual(next);
      expect(acts).toEqual(['HoldNextAuthority']);
      identityCa = ca;
      await keeper.renew();
      expect(keeper.toldPins).toEqual([next]);
      expect(acts).toEqual(['HoldNextAuthority', 'UseNextAuthority']);
    } finally {
      keeper.close();
    }
  });

  it('is shown by the other ports, and followed by further ones, where one port cannot take it', async () => {
    const config = { listen: { host: '0.0.0.0', port: 1 }, data: folder } as Config;
    const keeper = (await CertificateKeeper.open(config, deps()))!;
    try {
      let taken = 0;
      keeper.onChange(() => {
        throw new Error('the port is closed');
      });
      keeper.onChange(() => void taken++);
      for (let round = 1; round <= 2; round++) {
        const next = makeNextAuthority(folder)!;
        useNextAuthority(folder);
        await keeper.renew();
        expect(keeper.pins).toEqual([next]);
        expect(taken).toBe(round);
      }
      expect(lines.join('')).toMatch(/the port is closed/);
    } finally {
      keeper.close();
    }
  });

  describe('after a crash', () => {
    const FILES = ['authority-key.pem', 'next-authority-key.pem', 'authority.pem', 'server.pem'] as const;
    type Content = Partial<Record<(typeof FILES)[number], string>>;
    const content = (): Content =>
      Object.fromEntries(
        FILES.filter((file) => existsSync(join(folder, file))).map((file) => [
          file,
          readFileSync(join(folder, file), 'utf8'),
        ]),
      );
    let before: Content;
    let held: Content;
    let after: Content;
    let known: readonly Buffer[];

    beforeEach(async () => {
      const own = await OwnCertificates.open(deps());
      before = content();
      known = [own.pin, makeNextAuthority(folder)!];
      await own.renew();
      held = content();
      useNextAuthority(folder);
      await own.renew();
      after = content();
    });

    it.each<[string, () => Content, number]>([
      ['before the next key', () => before, 0],
      ['after the next key', () => held, 0],
      ['after use-next', () => ({ ...before, 'authority-key.pem': after['authority-key.pem'] }), 1],
      ['after the certificate of the next authority', () => ({ ...after, 'server.pem': before['server.pem'] }), 1],
      ['after its leaf', () => after, 1],
      ['after its leaf, the certificate not', () => ({ ...after, 'authority.pem': before['authority.pem'] }), 1],
      ['without certificates', () => ({ 'authority-key.pem': after['authority-key.pem'] }), 1],
      ['in a copy with the keys alone', () => ({ ...held, 'authority.pem': undefined, 'server.pem': undefined }), 0],
      [
        'in a copy that was made during use-next',
        () => ({ ...after, 'next-authority-key.pem': held['next-authority-key.pem'] }),
        1,
      ],
    ])('%s, clients that know both verify the server', async (when, state, shown) => {
      for (const file of FILES) {
        rmSync(join(folder, file), { force: true });
        const text = state()[file];
        if (text !== undefined) writeFileSync(join(folder, file), text, { mode: 0o600 });
      }
      const own = await OwnCertificates.open(deps());
      expect(own.pin).toEqual(known[shown]);
      expect(leafOf(own).verify(own.authority.publicKey)).toBe(true);
      expect(own.chain.cert.toString()).toContain(own.authority.toString());
      expect(own.pins.slice(1)).toEqual(state() === held || when.includes('keys alone') ? [known[1]] : []);
      for (const file of FILES.filter((one) => existsSync(join(folder, one))))
        expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    });
  });

  it('is copied before the key in use, so that a copy cut short never lacks it alone', async () => {
    await OwnCertificates.open(deps());
    makeNextAuthority(folder);
    const next = join(folder, 'next-authority-key.pem');
    renameSync(next, `${next}.away`);
    symlinkSync(`${next}.away`, next);
    const other = mkdtempSync(join(tmpdir(), 'next-authority-'));
    try {
      expect(() => copyAuthority(folder, other)).toThrow(/next-authority-key\.pem is a link/);
      expect(readdirSync(other)).toEqual([]);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  it('is in the copy of a backup', async () => {
    await OwnCertificates.open(deps());
    const next = makeNextAuthority(folder)!;
    const other = mkdtempSync(join(tmpdir(), 'next-authority-'));
    try {
      copyAuthority(folder, other);
      expect((await OwnCertificates.open({ ...deps(), folder: other })).pins[1]).toEqual(next);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  it('is told of for the audit log as it comes, takes over or is given up', async () => {
    await OwnCertificates.open(deps());
    makeNextAuthority(folder);
    const config = { listen: { host: '0.0.0.0', port: 1 }, data: folder } as Config;
    const keeper = (await CertificateKeeper.open(config, deps()))!;
    const acts: string[] = [];
    const [, first] = keeper.pins.map(formatPin);
    try {
      keeper.onAct(({ what, pin }) => acts.push(`${what} ${formatPin(pin)}`));
      expect(acts).toEqual([`HoldNextAuthority ${first}`]);
      const leaf = leafKeyIdOf(keeper.files);
      useNextAuthority(folder);
      await keeper.renew();
      expect(leafKeyIdOf(keeper.files)).not.toEqual(leaf);
      makeNextAuthority(folder);
      await keeper.renew();
      const [, second] = keeper.pins.map(formatPin);
      rmSync(join(folder, 'next-authority-key.pem'));
      await keeper.renew();
      await keeper.renew();
      expect(acts.slice(1)).toEqual([
        `UseNextAuthority ${first}`,
        `HoldNextAuthority ${second}`,
        `DropNextAuthority ${second}`,
      ]);
    } finally {
      keeper.close();
    }
  });
});
