import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { parseAddress } from '../../../src/base/address.js';
import { systemClock, systemRandom } from '../../../src/client/system.js';
import { OwnCertificates, readAuthority } from '../../../src/server/certificates/own-certificates.js';
import type { RunningServer } from '../../../src/server/server.js';
import { formatPin, pinOf } from '../../../src/trust/pin.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { startCommand } from '../command.js';
import { Program } from '../process.js';
import { startTestServer } from '../servers/server.js';

const TEST_MS = 120_000;
const MINUTE_MS = 60_000;
let folder: string;
let server: RunningServer;
let address: string;
const homes: string[] = [];

const inUse = () => formatPin(pinOf(readAuthority(folder)!));
const onHub = (...args: string[]) => startCommand([...args, '--server', address, '--data', folder]).ended;
const inFolder = (...args: string[]) => startCommand([...args, '--data', folder]).ended;

async function issue(...args: string[]): Promise<string> {
  const { status, out, err } = await onHub('ticket', 'issue', '--address', address, ...args);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return out.trim();
}

function ownAuthority(of: string | undefined): Promise<OwnCertificates> {
  const deps = { folder: of, names: () => [], clock: systemClock, random: systemRandom };
  return OwnCertificates.open({ ...deps, log: pino({ level: 'silent' }) });
}

/** A machine that is not the hub. */
function device() {
  const home = mkdtempSync(join(tmpdir(), 'next-authority-device-'));
  homes.push(home);
  const kept = join(home, '.local', 'share', 'switchyard', 'servers', encodeURIComponent(address));
  const run = (args: readonly string[], input = '') =>
    startCommand(args, { home, input: Readable.from([Buffer.from(input)]) }).ended;
  return {
    home,
    run,
    /** Those of the server, and as whom the machine is enrolled; none that is not whole. */
    files: () => readdirSync(dirname(kept)),
    enrol: (text: string, ...args: string[]) => run(['enroll', '--ticket-file', '-', '--json', ...args], text),
    pins: (): string[] => JSON.parse(readFileSync(`${kept}.json`, 'utf8')).pins,
    authority: () => readFileSync(`${kept}.pem`, 'utf8'),
    mode: () => statSync(`${kept}.json`).mode & 0o777,
  };
}

/** Has the server look at its files, as SIGHUP does, until it has taken them. */
async function looked(isTaken: () => Promise<boolean>): Promise<void> {
  server.reload({ logLevel: 'silent' });
  while (!(await isTaken())) await new Promise((resolve) => setTimeout(resolve, 50));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'next-authority-hub-'));
  chmodSync(folder, 0o700);
  server = await startTestServer({ listen: '0.0.0.0:0', data: folder });
  address = `127.0.0.1:${parseAddress(server.addresses.grpc).port}`;
}, TEST_MS);
afterAll(async () => {
  await server?.close();
  for (const made of [folder, ...homes]) rmSync(made, { recursive: true, force: true });
});

describe('a fleet whose server gets another authority', () => {
  it(
    'goes on without new tickets where each machine has connected once in between; one that was away is told what to do',
    async () => {
      const former = inUse();
      const [steady, away, late] = [device(), device(), device()];
      expect(await steady.enrol(await issue('--role', 'client'))).toMatchObject({ status: 0, err: '' });
      const { out } = await away.enrol(await issue('--role', 'client'));
      const { instanceUuid } = JSON.parse(out);
      const early = await issue('--role', 'client');
      expect((await steady.run(['nodes'])).status).toBe(0);
      expect(steady.pins()).toEqual([former]);

      // Several at once make one.
      const makers = [1, 2, 3].map(() => new Program(['cert', 'next', '--json', '--data', folder]));
      expect((await Promise.all(makers.map((one) => one.ended()))).sort()).toEqual([0, 1, 1]);
      const made = JSON.parse(makers.map(({ out }) => out).join(''));
      expect(made).toEqual({ pin: former, nextPin: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
      expect(JSON.parse((await inFolder('cert', 'show', '--json')).out)).toMatchObject(made);
      expect(await inFolder('cert', 'next')).toMatchObject({
        status: 1,
        err: expect.stringMatching(/has a next authority already/),
      });
      let between = '';
      await looked(async () => {
        between = await issue('--role', 'client');
        return decodeTicket(between).pins.length === 2;
      });
      expect(decodeTicket(between).pins.map(formatPin)).toEqual([former, made.nextPin]);
      // Several at once, each with the server's answer to keep in the same file.
      const several = [1, 2, 3].map(() => new Program(['nodes'], { HOME: steady.home }));
      expect(await Promise.all(several.map((one) => one.ended()))).toEqual([0, 0, 0]);
      expect(several.map(({ err }) => err).join('')).not.toContain('cannot be kept');
      expect(steady.pins()).toEqual([former, made.nextPin]);
      expect(steady.mode()).toBe(0o600);
      expect(steady.files()).toHaveLength(3);
      expect(inUse()).toBe(former);

      expect(await inFolder('cert', 'use-next')).toMatchObject({ status: 2, err: expect.stringContaining('--yes') });
      const users = [1, 2, 3].map(() => new Program(['cert', 'use-next', '--yes', '--json', '--data', folder]));
      expect((await Promise.all(users.map((one) => one.ended()))).sort()).toEqual([0, 1, 1]);
      for (const { out, err } of users) expect(out || err).toMatch(/"formerPin"|has no next authority/);
      expect(JSON.parse(users.map(({ out }) => out).join(''))).toEqual({ pin: made.nextPin, formerPin: former });
      // Until the server has looked at its files it shows the former authority, and tells both.
      expect((await steady.run(['nodes'])).status).toBe(0);
      expect(steady.pins()).toContain(made.nextPin);
      await looked(async () => inUse() === made.nextPin && (await onHub('ticket', 'list')).status === 0);
      expect(await inFolder('cert', 'use-next', '--yes')).toMatchObject({
        status: 1,
        err: expect.stringContaining('has no next authority'),
      });

      expect((await steady.run(['nodes'])).status).toBe(0);
      expect(steady.pins()).toEqual([made.nextPin]);
      expect(steady.authority()).toBe(readAuthority(folder)!.toString());
      expect(await late.enrol(between)).toMatchObject({ status: 0, err: '' });
      expect(late.pins()).toEqual([made.nextPin]);
      const tooOld = await device().enrol(early);
      expect(tooOld).toMatchObject({ status: 1, err: expect.stringContaining(former) });

      const refused = await away.run(['nodes']);
      expect(refused.status).toBe(1);
      expect(refused.err).toMatch(/shows no certificate with the pin that is known .*\(?sha256:/);
      expect(refused.err).toMatch(
        /enrols again, with `switchyard enroll --uuid UUID` .* `switchyard ticket issue --for UUID`/,
      );
      expect(away.pins()).toEqual([former]);
      const back = await away.enrol(await issue('--for', instanceUuid), '--uuid', instanceUuid);
      expect(JSON.parse(back.out)).toMatchObject({ instanceUuid, roles: ['client'] });

      const { out: audited } = await onHub('audit', 'tail', '--json');
      expect(audited).toMatch(new RegExp(`"HoldNextAuthority".*${made.nextPin}`));
      expect(audited).toMatch(new RegExp(`"UseNextAuthority".*${made.nextPin}`));
    },
    TEST_MS,
  );

  it(
    'tells a machine that knows it by a copy of its authority to take the present one',
    async () => {
      const machine = device();
      const file = join(machine.home, 'authority.pem');
      const stranger = await ownAuthority(undefined);
      writeFileSync(file, stranger.authority.toString());
      const readFile = (path: string) => readFileSync(path, 'utf8');
      const args = ['nodes', '--server', address, '--tls-ca', file];
      const refused = await startCommand(args, { home: machine.home, readFile }).ended;
      expect(refused.status).toBe(1);
      expect(refused.err).toMatch(
        /If the server has changed its authority, `switchyard cert export` on it writes the present/,
      );
    },
    TEST_MS,
  );

  it('is named by its key in use, also before the server has made its certificate', async () => {
    const { home } = device();
    const made = await ownAuthority(home);
    const run = async (...args: string[]) =>
      JSON.parse((await startCommand(['cert', ...args, '--json', '--data', home]).ended).out);
    const { nextPin } = await run('next');
    expect(await run('use-next', '--yes')).toEqual({ pin: nextPin, formerPin: formatPin(made.pin) });
    const again = await run('next');
    expect(again.pin).toBe(nextPin);
    expect(await run('use-next', '--yes')).toEqual({ pin: again.nextPin, formerPin: nextPin });
  });

  it('is used with a warning of how old it is where that is less than a day, which is said before the question, too', async () => {
    const { home } = device();
    await ownAuthority(home);
    const run = async (...args: string[]) =>
      startCommand(['cert', ...args, '--data', home], { home, columns: 80 }).ended;
    const age = (ms: number) => utimesSync(join(home, 'next-authority-key.pem'), new Date(), new Date(Date.now() - ms));
    await run('next');
    age(90 * MINUTE_MS);
    const asked = await run('use-next');
    expect(asked).toMatchObject({
      status: 1,
      err: expect.stringMatching(/is 1 h old: clients .* have not learnt.*\[y\/N\]/s),
    });
    age(23 * 60 * MINUTE_MS + 59 * MINUTE_MS);
    expect((await run('use-next')).err).toContain('is 23 h old');
    age(24 * 60 * MINUTE_MS + MINUTE_MS);
    expect(await run('use-next', '--yes')).toMatchObject({ status: 0, err: '' });
  });

  it.each([
    ['the certificate of --tls-cert', 'files', 'shows the certificate of --tls-cert'],
    ['no certificate', 'none', 'speaks no TLS'],
    ['that of another authority', 'own', 'shows the certificate of another authority'],
  ])('is made and used with a warning where the server of the folder shows %s', async (_, tls, words) => {
    const { home } = device();
    await ownAuthority(home);
    const run = async (...args: string[]) => startCommand(['cert', ...args, '--data', home]).ended;
    const warning = expect.stringContaining(`${address}, as the server of ${home} did when it ran last, ${words}`);
    writeFileSync(join(home, 'listening.json'), JSON.stringify({ grpc: address, tls }), { mode: 0o600 });
    expect(await run('next')).toMatchObject({ status: 0, err: warning });
    expect(await run('use-next', '--yes')).toMatchObject({ status: 0, err: warning });
  });

  it('is made without a warning where the server shows a certificate of the folder, does not run, or is not known', async () => {
    expect(await inFolder('cert', 'next')).toMatchObject({ status: 0, err: '' });
    rmSync(join(folder, 'next-authority-key.pem'));
    const { home } = device();
    await ownAuthority(home);
    for (const text of [
      JSON.stringify({ grpc: '127.0.0.1:1', tls: 'own' }),
      'torn',
      '{"grpc":"nowhere","tls":"own"}',
    ]) {
      writeFileSync(join(home, 'listening.json'), text, { mode: 0o600 });
      expect(await startCommand(['cert', 'next', '--data', home]).ended).toMatchObject({ status: 0, err: '' });
      rmSync(join(home, 'next-authority-key.pem'));
    }
  });

  it('takes the next one where the key in use is missing, with its certificate or without', async () => {
    const { home } = device();
    const { pin } = await ownAuthority(home);
    const run = async (...args: string[]) => startCommand(['cert', ...args, '--json', '--data', home]).ended;
    const next = JSON.parse((await run('next')).out).nextPin;
    // A copy with the keys alone.
    rmSync(join(home, 'authority.pem'));
    const used = await run('use-next', '--yes');
    expect(used).toMatchObject({ status: 0, err: expect.stringContaining('the next authority is 0 min old') });
    expect(JSON.parse(used.out)).toEqual({ pin: next, formerPin: formatPin(pin) });
    await ownAuthority(home);
    const again = JSON.parse((await run('next')).out).nextPin;
    for (const file of ['authority-key.pem', 'authority.pem']) rmSync(join(home, file));
    await expect(ownAuthority(home)).rejects.toThrow(/run `switchyard cert use-next`/);
    expect(await run('use-next')).toMatchObject({ status: 2, err: expect.not.stringContaining('is deleted') });
    const alone = await run('use-next', '--yes');
    expect(alone).toMatchObject({ status: 0, err: '' });
    expect(JSON.parse(alone.out)).toEqual({ pin: again });
    expect(formatPin((await ownAuthority(home)).pin)).toBe(again);
    for (const file of ['authority-key.pem', 'authority.pem']) rmSync(join(home, file));
    expect(await run('use-next', '--yes')).toMatchObject({
      status: 1,
      err: expect.stringContaining('has no authority that you can read'),
    });
  });
});
