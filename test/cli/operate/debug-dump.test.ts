import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { parseAddress } from '../../../src/base/address.js';
import { redact } from '../../../src/cli/operate/redact.js';
import { hostAddresses } from '../../../src/client/direct/candidate.js';
import { readAuthority } from '../../../src/server/certificates/own-certificates.js';
import { formatPin, pinOf } from '../../../src/trust/pin.js';
import { ADMIN_TOKEN, agent, ask, type Running, run } from '../../grpc/running.js';
import { runCommand } from '../command.js';

const KEY = readFileSync('test/client/tls/key.pem', 'utf8');
const FILE_TOKEN = 'the-token-of-the-file-0123456789';
let at: Running;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-dump-'));
  at = await run({ 'metrics-listen': '127.0.0.1:0' });
});
afterAll(async () => {
  await at.stop();
  rmSync(folder, { recursive: true });
});

/** A bundle, with the text of its file. */
async function dump(name: string, args: readonly string[] = [], setting: Parameters<typeof runCommand>[1] = {}) {
  const output = join(folder, name);
  const { status, out, err } = await runCommand(
    ['debug', 'dump', '--server', at.address, '--output', output, ...args],
    setting,
  );
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(out).toContain(`wrote ${output}`);
  const text = readFileSync(output, 'utf8');
  return { text, mode: statSync(output).mode & 0o777, bundle: JSON.parse(text) };
}

describe('switchyard debug dump', () => {
  it('has no token, secret or private key in it, wherever they stood, and only its owner can read it', async () => {
    const { sessionToken } = await ask(at, Sessions.session, agent(1));
    const secrets = [ADMIN_TOKEN, sessionToken, FILE_TOKEN];
    const log = join(folder, 'server.log');
    const lines = [
      ...secrets.map((secret) => JSON.stringify({ level: 30, msg: `a call with ${secret}`, token: secret })),
      `metadata: switchyard-session: ${sessionToken} switchyard-admin=${ADMIN_TOKEN}`,
      KEY,
      JSON.stringify({ level: 50, key: KEY }),
      '{"level":30,"msg":"the last line"}',
    ];
    writeFileSync(log, `${lines.join('\n')}\n`);
    const config = JSON.stringify({ listen: '127.0.0.1:1', 'admin-token': FILE_TOKEN, grace: '40s' });
    const setting = {
      env: { SWITCHYARD_ADMIN_TOKEN: ADMIN_TOKEN, SWITCHYARD_LOG_LEVEL: 'debug' },
      readFile: () => config,
    };
    const { text, mode, bundle } = await dump('whole.json', ['--config', 'any.json', '--log', log], setting);
    expect(mode).toBe(0o600);
    for (const secret of [...secrets, ...KEY.split('\n').filter((line) => line.length > 20 && !line.startsWith('-'))]) {
      expect(text).not.toContain(secret);
    }
    expect(bundle.options).toMatchObject({
      'admin-token': { from: 'SWITCHYARD_ADMIN_TOKEN', value: '(removed)' },
      grace: { from: 'file', value: '40s' },
      'log-level': { value: 'debug' },
    });
    expect(bundle.log.lines.at(-1)).toBe('{"level":30,"msg":"the last line"}');
    // An administrator's, so with every limit; and what the port for metrics says.
    expect(bundle.server).toMatchObject({ serverSid: 257, limits: { 'sessions-max': { used: 1 } } });
    expect(bundle.metrics).toMatchObject({ status: 200, text: expect.arrayContaining(['switchyard_sessions 1']) });
    expect(bundle.readyz).toEqual({ status: 200, text: ['ready', ''] });
    expect(bundle.switchyard.version).toMatch(/^\d+\./);
  });

  it('takes the end of a log from standard input, in whole lines', async () => {
    const lines = Array.from({ length: 9_000 }, (_, number) => `line ${number} ${'x'.repeat(60)}`);
    const input = Readable.from([Buffer.from(`${lines.join('\n')}\n`)]);
    const { bundle } = await dump('input.json', ['--log', '-'], { input });
    const taken: string[] = bundle.log.lines;
    expect(taken.at(-1)).toBe(lines.at(-1));
    expect(taken).toEqual(lines.slice(-taken.length));
    expect(taken.length).toBeLessThan(4_000);
  });

  it('says of what it cannot have why, and replaces no file', async () => {
    const output = join(folder, 'away.json');
    const args = ['debug', 'dump', '--server', '127.0.0.1:1', '--output', output];
    expect((await runCommand(args)).status).toBe(0);
    const bundle = JSON.parse(readFileSync(output, 'utf8'));
    expect(bundle.server.failed).toContain('127.0.0.1:1');
    expect(bundle.metrics.failed).toMatch(/^the server has not said where its metrics are/);
    expect(await runCommand(args)).toMatchObject({ status: 1, err: expect.stringContaining('is there already') });
    expect(JSON.parse(readFileSync(output, 'utf8'))).toEqual(bundle);
    const wrong = [...args, '--metrics', 'nowhere'];
    expect(await runCommand(wrong)).toMatchObject({ status: 2, err: expect.stringContaining('--metrics: "nowhere"') });
  });
});

// An address of this machine that is not its loopback: what a server on another machine is to the command.
const [far] = hostAddresses(4);
if (far === undefined) {
  process.stderr.write('not checked: debug dump beyond loopback, as this machine has no other address\n');
}
(far === undefined ? describe.skip : describe)('switchyard debug dump of a server beyond loopback', () => {
  const COLLECTORS = 'a-token-of-collectors-0123456789';
  const dumpFar = async (name: string, flags: Record<string, string>, args: readonly string[] = []) => {
    const data = mkdtempSync(join(tmpdir(), 'switchyard-dump-far-'));
    const server = await run({ listen: '0.0.0.0:0', 'allow-open': 'true', data, ...flags });
    try {
      const address = `${far}:${parseAddress(server.address).port}`;
      const output = join(folder, name);
      const how = ['--server', address, '--pin', formatPin(pinOf(readAuthority(data)!))];
      const { status, err } = await runCommand(['debug', 'dump', ...how, '--output', output, ...args]);
      expect({ status, err }).toEqual({ status: 0, err: '' });
      return { text: readFileSync(output, 'utf8'), address };
    } finally {
      await server.stop();
      rmSync(data, { recursive: true, force: true });
    }
  };

  it('has what the server says and its metrics, over TLS and by the token of collectors, which is not in it', async () => {
    const flags = { 'metrics-listen': '0.0.0.0:0', 'metrics-token': COLLECTORS };
    const secrets = ['--admin-token', ADMIN_TOKEN, '--metrics-token', COLLECTORS];
    const { text, address } = await dumpFar('far.json', flags, secrets);
    const bundle = JSON.parse(text);
    expect(bundle.reached).toEqual({ server: address, isEncrypted: true });
    expect(bundle.server).toMatchObject({ serverSid: 257, limits: { 'sessions-max': { used: 0 } } });
    expect(bundle.metrics).toMatchObject({ status: 200, text: expect.arrayContaining(['switchyard_sessions 0']) });
    expect(bundle.healthz).toEqual({ status: 200, text: ['ok', ''] });
    // The default folder is that of this machine's own server.
    expect(bundle.dataFolder.failed).toContain('on the machine of the server');
    for (const secret of [COLLECTORS, ADMIN_TOKEN]) expect(text).not.toContain(secret);
  });

  it('says what the port for metrics answers to whom it does not know', async () => {
    const { text } = await dumpFar('unknown.json', { 'metrics-listen': '0.0.0.0:0', 'metrics-token': COLLECTORS });
    const bundle = JSON.parse(text);
    expect(bundle.metrics).toEqual({ status: 401, text: ['a token is needed', ''] });
    expect(bundle.readyz).toMatchObject({ status: 200 });
  });

  it('asks no port of this machine for the metrics that the other one keeps to itself', async () => {
    const { text } = await dumpFar('near.json', { 'metrics-listen': '127.0.0.1:0' });
    const bundle = JSON.parse(text);
    expect(bundle.metrics.failed).toMatch(/^they are at 127\.0\.0\.1:\d+ of the server's own machine: run this there/);
  });
});

describe('what is taken out of a text', () => {
  it('is every session token, access token, ticket and private key, whatever stands around them', () => {
    const token = fc.stringMatching(/^sw[at]?1_[A-Za-z0-9_-]{38}$/);
    fc.assert(
      fc.property(fc.string(), token, fc.string(), (before, secret, after) => {
        expect(redact(`${before}${secret}${after}`)).not.toContain(secret);
        expect(redact(`${before}${KEY}${after}`)).not.toContain(KEY.split('\n')[1]);
        expect(redact(`${before}${KEY.slice(0, -60)}`)).not.toContain(KEY.split('\n')[1]);
      }),
    );
  });

  it.each([
    'password=hunter2hunter2',
    '"secret": "hunter2hunter2"',
    'Authorization: Bearer hunter2hunter2',
    'Cookie: switchyard=hunter2hunter2',
    '--admin-token hunter2hunter2',
    '--metrics-token hunterhunter',
    'SWITCHYARD_ADMIN_TOKEN=hunter2hunter2',
    '{\\"token\\":\\"hunter2hunter2\\"}',
  ])('is what is named as a secret: %s', (text) => {
    expect(redact(`before ${text} after`)).not.toContain('hunter');
    expect(redact(`before ${text} after`)).toMatch(/^before .* after$/);
  });

  it('is nothing of what only speaks of one', () => {
    const text = 'the token is not one of this server, and the session token of 4711 has expired';
    expect(redact(text)).toBe(text);
  });
});
