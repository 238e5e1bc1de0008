import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { GetServerResponse } from '../../gen/switchyard/v1/server.js';
import { AuditFiles } from '../../src/audit/audit-files.js';
import type { Surroundings } from '../../src/cli/surroundings.js';
import { adminTokenFor } from '../../src/cli/trust/admin-token.js';
import { rememberListening } from '../../src/server/listening-file.js';
import { encodeTicket } from '../../src/trust/ticket.js';
import { runCommand } from '../cli/command.js';
import { LEAVES } from '../cli/leaves.js';
import { TLS_FILES } from '../cli/servers/odd-servers.js';
import { startTestServer } from '../cli/servers/server.js';

// sentry-cli #844: a token of one server's was sent to whatever server a command was led to.
// One `serve` leaves a token in the user's data folder. Every other server on the loopback interface was sent it by every command,
// and refused `nodes` and `watch` because of it; behind an ssh tunnel that is somebody else's server.

const SECRET = 'the-secret-of-another-server';
let home: string;
let folder: string;
let other: Http2Server;
let server: string;
/** What the other server was sent with each call: its method and the token. */
let heard: [method: string, token: unknown][];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'switchyard-home-'));
  folder = join(home, '.local', 'share', 'switchyard');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'admin-token'), `${SECRET}\n`, { mode: 0o600 });
  heard = [];
  other = createServer();
  other.on('stream', (stream, headers) => {
    heard.push([String(headers[':path']).split('/').at(-1)!, headers['switchyard-admin']]);
    if (heard.at(-1)![0] === 'GetServer') {
      // It says where its console is, as the server does whose token it is.
      const addresses = [{ codeName: 'console', address: '127.0.0.1:9' }];
      const message = GetServerResponse.encode(GetServerResponse.fromPartial({ addresses })).finish();
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
      return;
    }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': 16 }, { endStream: true });
  });
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const { port } = other.address() as AddressInfo;
  server = `127.0.0.1:${port}`;
});

afterEach(() => {
  other.close();
  rmSync(home, { recursive: true });
});

const OWN = generateKeyPairSync('ed25519');
const PUBLIC_KEY = OWN.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const TICKET = encodeTicket({ secret: Buffer.alloc(32), isEncrypted: false, pins: [], addresses: [] });
const MESH = JSON.stringify({
  type: 'NetworkGraph',
  protocol: null,
  version: null,
  metric: null,
  nodes: [{ id: 'a' }],
  links: [],
});
const UUID = '00000000-0000-4000-8000-000000000005';
/** What the commands need to be run at all, by their words. */
const ARGUMENTS: Record<string, readonly string[]> = {
  path: ['5', '6'],
  terminate: ['5', '--yes'],
  replay: ['mesh'],
  join: ['--port', '22'],
  connect: ['a', '22'],
  forward: ['0', 'a', '22'],
  ping: ['a'],
  console: ['--print'],
  enroll: ['--ticket-file', '-'],
  login: ['--name', 'somebody'],
  'key rotate': ['--name', 'somebody'],
  'identity show': [UUID],
  'identity approve': [UUID, '--name', 'n'],
  'identity revoke': [UUID],
  'identity forget': [UUID],
  'identity bind': [UUID, PUBLIC_KEY],
  'policy apply': ['-'],
  'policy test': ['-'],
  'policy explain': [UUID, 'network.read'],
  'ticket issue': ['--role', 'agent'],
  'ticket revoke': ['tk-1'],
  'network create': ['n'],
  'network drop': ['n', '--yes'],
};
/** An option with a file of the test's: some say nothing to a server without a key, and one writes where it stands. */
const FILES: Record<string, readonly [option: string, file: string]> = {
  'key rotate': ['--key', 'key.pem'],
  login: ['--key', 'key.pem'],
  whoami: ['--key', 'key.pem'],
  'debug dump': ['--output', 'dump.json'],
};
/** Those that speak to no server: of files of this machine, or of addresses alone. */
const DEAF = [
  'serve',
  'explain',
  'completion',
  'key show',
  'cert show',
  'cert export',
  'cert next',
  'cert use-next',
  'logout',
  'netcheck',
];
const SPEAKING = LEAVES.map(({ words }) => words.join(' ')).filter(
  (name) => !DEAF.includes(name) && !name.startsWith('journal '),
);

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  runCommand([...args, '--server', server], { home, env });

describe("The administrator's token", () => {
  it.each([['nodes'], ['sessions'], ['streams'], ['connections'], ['path', 'a', 'b'], ['export']])(
    'that a server left in the data folder is not sent to another server by %s',
    async (...args) => {
      expect(await run(args)).toMatchObject({ status: 1 });
      expect(await run(args, { SWITCHYARD_DATA: folder })).toMatchObject({ status: 1 });
      expect(heard.length).toBeGreaterThan(0);
      for (const [, token] of heard) expect(token).toBeUndefined();
    },
  );

  it.each([['streams'], ['connections'], ['identity', 'list']])(
    'that was found is not sent by %s to a server that does not prove that it knows it, and the command says what to do',
    async (...args) => {
      const environments: Record<string, string>[] = [{}, { SWITCHYARD_DATA: folder }];
      for (const env of environments) {
        const { status, err } = await run(args, env);
        expect({ status, err }).toEqual({
          status: 1,
          err: `the server at ${server} has not proved that it knows the administrator's token in ${folder}, so it was not sent
If it is another server, give its token with --admin-token or SWITCHYARD_ADMIN_TOKEN, or name its data folder with --data.
`,
        });
      }
      expect(new Set(heard.map(([method]) => method))).toEqual(new Set(['Challenge']));
      for (const [, token] of heard) expect(token).toBeUndefined();
    },
  );

  it.each(SPEAKING)('that was found is not sent to another server by %s', async (name) => {
    const [option, file] = FILES[name] ?? [];
    const withFile = option === undefined || file === undefined ? [] : [option, join(home, file)];
    writeFileSync(join(home, 'key.pem'), OWN.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const words = [...name.split(' '), ...(ARGUMENTS[name] ?? []), ...withFile];
    // Each ends once it was refused, those that go on otherwise too.
    await runCommand([...words, '--server', server], {
      home,
      input: Readable.from([name === 'enroll' ? TICKET : '{}']),
      readFile: () => MESH,
    });
    expect(heard.length).toBeGreaterThan(0);
    for (const [, token] of heard) expect(token).toBeUndefined();
  });

  it('that was found makes no login of the console for a server that does not prove that it knows it', async () => {
    // The page is where the server says; a login that it gets there is good at the server whose token it is.
    const environments: Record<string, string>[] = [{}, { SWITCHYARD_DATA: folder }];
    for (const env of environments) {
      const { status, out, err } = await run(['console', '--print', '--admin'], env);
      expect({ status, out }).toEqual({ status: 1, out: '' });
      expect(err).toContain(`has not proved that it knows the administrator's token in ${folder}`);
    }
    expect(new Set(heard.map(([method]) => method))).toEqual(new Set(['Challenge']));
    for (const [, token] of heard) expect(token).toBeUndefined();
  });

  it.each([[[]], [['--data']]])(
    'is not sent by audit verify %j to what has taken the port at which the server of the folder listened last',
    async (flags: string[]) => {
      new AuditFiles(join(folder, 'audit')).close();
      rememberListening(folder, { grpc: server, tls: 'none' }, pino({ level: 'silent' }));
      const named = flags.flatMap((flag) => [flag, folder]);
      const { out } = await runCommand(['audit', 'verify', ...named], { home });
      expect(new Set(heard.map(([method]) => method))).toEqual(new Set(['Challenge']));
      for (const [, token] of heard) expect(token).toBeUndefined();
      expect(out).toContain('has not proved that it knows');
    },
  );

  it('that was found is used at the server whose it is, in plain text and over TLS', async () => {
    const readFile = (path: string) => readFileSync(path, 'utf8');
    const tls = { 'tls-cert': TLS_FILES.cert, 'tls-key': TLS_FILES.key };
    const ways: [flags: Record<string, string>, args: string[]][] = [
      [{}, []],
      [tls, ['--tls-ca', TLS_FILES.cert]],
    ];
    for (const [flags, args] of ways) {
      const own = await startTestServer({ ...flags, data: folder });
      try {
        const command = ['streams', '--json', '--server', own.addresses.grpc, ...args];
        const environments: Record<string, string>[] = [{}, { SWITCHYARD_DATA: folder }];
        for (const env of environments) {
          expect(await runCommand(command, { home, env, readFile })).toEqual({ status: 0, out: '', err: '' });
        }
        const nowhere = await runCommand(command, { home, env: { SWITCHYARD_DATA: home }, readFile });
        expect(nowhere.err).toContain("This needs the administrator's token");
      } finally {
        await own.close();
      }
    }
  });

  it('that was found is not even tried in plain text at another machine', async () => {
    const surroundings = { env: {}, home, platform: 'linux' } as Surroundings;
    const tokenFor = (host: string, isEncrypted: boolean) =>
      adminTokenFor({}, surroundings, { servers: ['localhost:8769', `${host}:8768`], isEncrypted });
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      expect(await tokenFor(host, false)).toEqual({ token: SECRET, foundIn: folder });
    }
    expect(await tokenFor('hub.example', true)).toEqual({ token: SECRET, foundIn: folder });
    for (const host of ['hub.example', '192.0.2.1', '[2001:db8::1]', '0.0.0.0', 'localhost.example']) {
      expect(await tokenFor(host, false)).toBeUndefined();
    }
  });

  it('that was given goes with the commands that need it, and with no others', async () => {
    for (const command of ['nodes', 'sessions', 'export']) await run([command, '--admin-token', SECRET]);
    expect(heard.map(([, token]) => token).filter((token) => token !== undefined)).toEqual([]);
    heard = [];
    await run(['streams', '--data', folder]);
    await run(['connections', '--admin-token', SECRET]);
    await run(['connections', 'c1'], { SWITCHYARD_ADMIN_TOKEN: SECRET });
    expect(heard).toEqual([
      ['ListStreams', SECRET],
      ['ListConnections', SECRET],
      ['GetConnection', SECRET],
    ]);
  });

  it('is missed in words when the folder that was named has none', async () => {
    const { status, err } = await run(['streams', '--data', home]);
    expect({ status, err }).toEqual({
      status: 1,
      err: `${home} has no administrator's token that you can read: name the server's data folder, and run this as its owner\n`,
    });
    expect(heard).toEqual([]);
  });
});
