import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { InstanceType, Refusal, Switchyard } from '../../src/client/index.js';
import type { RunningServer } from '../../src/server/server.js';
import { encodeTicket } from '../../src/trust/ticket.js';
import { runCommand, startCommand } from './command.js';
import { LEAVES } from './leaves.js';
import { HOSTILE, HostileServer } from './servers/hostile-server.js';
import { HostileSystemServer } from './servers/hostile-system-server.js';
import { startTestServer } from './servers/server.js';

/** No character that does more than stand there, but for line ends and the colours that this program itself gives. */
function expectHarmless(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is to find
  const plain = text.replaceAll(/\u001b\[(?:1|2|22|31|32|39)m/g, '');
  expect(plain).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(plain).not.toMatch(/^\s*Password/m);
  expect(plain).not.toContain('p\u0430ypal');
}

const OWN = generateKeyPairSync('ed25519');
const PUBLIC_KEY = OWN.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const TICKET = encodeTicket({ secret: Buffer.alloc(32), isEncrypted: false, pins: [], addresses: [] });
const FOLDER = mkdtempSync(join(tmpdir(), 'switchyard-hostile-'));
const KEY = join(FOLDER, 'key.pem');
writeFileSync(KEY, OWN.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
afterAll(() => rmSync(FOLDER, { recursive: true }));

describe('a server that says what would steer a terminal', () => {
  const hostile = new HostileServer();
  let at: string;
  beforeAll(async () => {
    at = await hostile.start();
  });
  beforeEach(() => {
    hostile.isRefusing = false;
  });
  afterAll(() => hostile.stop());

  const commands: string[][] = [
    ['nodes'],
    ['sessions'],
    ['streams'],
    ['connections'],
    ['connections', 'c1'],
    ['path', '5', '5', '--control'],
    ['status'],
  ];
  const UUID = '00000000-0000-4000-8000-000000000005';
  /** Those of administrators: a token is sent only with them. */
  const administration: string[][] = [
    ['servers'],
    ['identity', 'list'],
    ['identity', 'show', UUID],
    ['identity', 'approve', UUID, '--name', 'n'],
    ['policy', 'show'],
    ['policy', 'explain', UUID, 'network.read'],
    ['ticket', 'issue', '--role', 'agent'],
    ['ticket', 'list'],
    ['ticket', 'revoke', 'tk-1'],
    ['network', 'list'],
    ['network', 'drop', HOSTILE, '--yes'],
    ['whoami'],
    ['audit', 'tail'],
  ];
  const asJson = commands.map((command) => [...command, '--json']);
  const formats = ['netjson', 'dot', 'graphml'].map((format) => ['export', '--format', format]);
  const all = [...commands, ...asJson, ...formats];

  it.each(all)('is shown by its numbers: %s %s %s %s', async (...words) => {
    for (const setting of [{}, { colored: true, columns: 80 }]) {
      const { status, out, err } = await runCommand([...words.filter(Boolean), '--server', at], setting);
      expect({ status, err: status === 0 ? '' : err }).toEqual({ status: 0, err: '' });
      expect(out).not.toBe('');
      for (const text of [out, err]) expectHarmless(text);
    }
  });

  it.each(administration.flatMap((words) => [[words], [[...words, '--json']]]))(
    'is shown by its numbers to an administrator: %j',
    async (words) => {
      for (const setting of [{}, { colored: true, columns: 80 }]) {
        const given = [...words, '--server', at, '--admin-token', 'a-token-of-this-server'];
        const { status, out, err } = await runCommand(given, setting);
        expect(status).toBe(0);
        expect(out).toMatch(/\{1b\}|\\u001b/);
        for (const text of [out, err]) expectHarmless(text);
      }
    },
  );

  it('is harmless in the file of debug dump, too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-hostile-'));
    const path = join(folder, 'dump.json');
    const args = ['debug', 'dump', '--server', at, '--output', path, '--log', '-'];
    const { status, out, err } = await runCommand(args, { input: Readable.from([`${HOSTILE}\n`]) });
    const text = readFileSync(path, 'utf8');
    rmSync(folder, { recursive: true });
    expect(status).toBe(0);
    for (const shown of [out, err, text]) expectHarmless(shown);
    // The same value to a program, but for what looks like a secret.
    const [firstLine] = HOSTILE.split('\n');
    expect(JSON.parse(text).server.version).toContain(`${firstLine}\n`);
    expect(JSON.parse(text).log.lines[0]).toBe(firstLine);
  });

  it('is the same value to a program', async () => {
    const { out } = await runCommand(['nodes', '--json', '--server', at]);
    expect(JSON.parse(out)).toMatchObject({ name: HOSTILE, labels: { [HOSTILE]: HOSTILE } });
    const exported = await runCommand(['export', '--server', at]);
    expect(JSON.parse(exported.out).nodes[0].label).toBe(HOSTILE);
  });

  it.each([
    ['watch', '--snapshot'],
    ['watch', '--json'],
  ])('is shown by its numbers as it comes: %s %s', async (...words) => {
    const watch = startCommand([...words, '--server', at], { colored: true });
    await watch.printed(words[1] === '--json' ? /"DELTA"/ : /-.* node /);
    watch.interrupt();
    const { out, err } = await watch.ended;
    for (const text of [out, err]) expectHarmless(text);
  });

  const refused = [
    ...all,
    ...[['watch'], ['connect', 'a', '22'], ['forward', '0', 'a', '22'], ['replay', 'mesh'], ['ping', 'a']],
    ...[
      ['terminate', '5', '--yes'],
      ['join', '--port', '22'],
      ['enroll', '--ticket-file', '-', '--key', KEY],
    ],
    ...[
      ['login', '--name', 'somebody', '--key', KEY],
      ['key', 'rotate', '--name', 'somebody', '--key', KEY],
    ],
  ];
  const changes = [
    ...[
      ['console', '--print'],
      ['network', 'create', 'n'],
      ['policy', 'apply', '-'],
      ['policy', 'test', '-'],
    ],
    ...[
      ['identity', 'revoke', UUID],
      ['identity', 'forget', UUID],
      ['identity', 'bind', UUID, PUBLIC_KEY],
    ],
    ['audit', 'verify'],
  ];
  const asAdministrator = [...administration, ...changes].map((words) => [...words, '--admin-token', 'a-token']);
  it.each([...refused, ...asAdministrator].map((words) => [words]))(
    'is attributed to it when it refuses: %j',
    async (words) => {
      hostile.isRefusing = true;
      const { status, err } = await runCommand([...words, '--server', at], {
        readFile: () => smallMesh(),
        input: Readable.from([words[0] === 'enroll' ? TICKET : '{}']),
      });
      expect(status).toBe(1);
      expectHarmless(err);
      expect(err).toMatch(/^the server says: \\u\{1b\}\]52;c;/);
    },
  );

  it('has been listened to by every command but those that hear no server', () => {
    const tried = [...commands, ...administration, ...refused, ...changes, ['export'], ['debug', 'dump']];
    const isTried = (name: readonly string[]) => tried.some((words) => name.every((word, at) => word === words[at]));
    const untried = LEAVES.filter(({ words }) => !isTried(words)).map(({ words }) => words.join(' '));
    // Those of files of this machine, of which the journal and the log have words of others: see below.
    const deaf = [
      'serve',
      'explain',
      'completion',
      'key show',
      'cert show',
      'cert export',
      'cert next',
      'cert use-next',
      'logout',
    ];
    const journal = ['dump', 'check', 'repair', 'backup', 'copy', 'new-epoch'].map((word) => `journal ${word}`);
    // It speaks STUN, in which a server can say nothing but addresses.
    expect(untried.sort()).toEqual([...deaf, ...journal, 'netcheck'].sort());
  });
});

describe('a server of system events that says what would steer a terminal', () => {
  const hostile = new HostileSystemServer();
  let via: string;
  beforeAll(async () => {
    via = await hostile.start();
  });
  afterAll(() => hostile.stop());

  const formats = ['netjson', 'dot', 'graphml'].map((format) => ['export', '--format', format]);
  const all = [['nodes'], ['nodes', '--json'], ...formats];

  it.each(all)('is shown by its numbers: %s %s %s', async (...words) => {
    hostile.mode = 'showing';
    for (const setting of [{}, { colored: true, columns: 80 }]) {
      const { status, out, err } = await runCommand([...words.filter(Boolean), '--via', via], setting);
      expect(status).toBe(0);
      expect(out).toMatch(/\{1b\}|\\u001b/);
      for (const text of [out, err]) expectHarmless(text);
    }
  });

  it('is shown by its numbers as it comes, and is left when the command is interrupted', async () => {
    hostile.mode = 'showing';
    for (const flag of ['--snapshot', '--json']) {
      const watch = startCommand(['watch', flag, '--via', via], { colored: true });
      await watch.printed(flag === '--json' ? /"SNAPSHOT_END"/ : / at revision 7/);
      watch.interrupt();
      const { out, err } = await watch.ended;
      for (const text of [out, err]) expectHarmless(text);
      await hostile.left();
    }
  });

  it.each([...all, ['watch']])(
    'is attributed to it when it refuses, and is left: %s %s %s',
    async (...words) => {
      for (const mode of ['refusing', 'ending'] as const) {
        hostile.mode = mode;
        const { status, out, err } = await runCommand([...words.filter(Boolean), '--via', via]);
        expect({ status, out }).toEqual({ status: 1, out: '' });
        expectHarmless(err);
        expect(err).toMatch(/^the server says: \\u\{1b\}\]52;c;/);
        await hostile.left();
      }
    },
    20_000,
  );
});

describe('a peer that says what would steer a terminal', () => {
  let server: RunningServer;
  let yard: Switchyard;
  beforeAll(async () => {
    server = await startTestServer();
    yard = new Switchyard({ server: server.addresses.grpc });
    const join = (name: string, handlers: object) =>
      yard.join({ uuid: crypto.randomUUID(), type: InstanceType.AGENT, name, handlers }).attached();
    await join('refusing', {
      accept: () => {
        throw new Refusal('PEER_REFUSED', HOSTILE);
      },
    });
    await join('answering', {
      accept: () => true,
      accepted: (stream: NodeJS.WritableStream) => {
        const words = Buffer.from(HOSTILE);
        stream.end(Buffer.concat([Buffer.from([1, words.length >> 8, words.length & 0xff]), words]));
      },
    });
  });
  afterAll(async () => {
    await yard.close();
    await server.close();
  });

  it.each([
    ['refusing', /^the server says: /],
    ['answering', /^the peer says: /],
  ])(
    'is shown by its numbers, and attributed: %s',
    async (name, says) => {
      const { status, err, out } = await runCommand(['connect', name, '22', '--server', server.addresses.grpc]);
      expect({ status, out }).toEqual({ status: 1, out: '' });
      expect(err).toMatch(says);
      expectHarmless(err);
    },
    30_000,
  );
});

describe('a session whose name and labels would steer a terminal', () => {
  // The server refuses controls in names, and in a label's key nearly everything.
  const name = HOSTILE.slice(HOSTILE.indexOf('\u202e'));
  const words = { name, labels: { site: name } };

  it('is shown by its numbers in the log of a server at a terminal, and in what is read of its journal', async () => {
    const data = join(FOLDER, 'data');
    const ports = ['--listen', '127.0.0.1:0', '--rendezvous-listen', '127.0.0.1:0'];
    const serving = startCommand(['serve', '--data', data, ...ports, '--log-level', 'debug'], { columns: 80 });
    const [, address] = /grpc ([\d.:]+)/.exec(await serving.printed(/listening .*\n/)) ?? [];
    const yard = new Switchyard({ server: address! });
    await yard.join({ uuid: crypto.randomUUID(), type: InstanceType.AGENT, ...words }).attached();
    const served = await serving.said(/a session was opened .*\n/);
    await yard.close();
    serving.interrupt();
    const { out, err } = await serving.ended;
    for (const text of [served, out, err]) expectHarmless(text);
    expect(err).toMatch(/name=".*\{202e\}/);
    for (const command of [['dump'], ['check'], ['check', '--json']]) {
      const read = await runCommand(['journal', ...command, '--data', data], { columns: 80 });
      expect(read.status).toBe(0);
      for (const text of [read.out, read.err]) expectHarmless(text);
      if (command[0] === 'dump') expect(read.out).toContain('\\u{202e}');
    }
  });
});

describe('the commands', () => {
  it('have no other way to print than the output layer', () => {
    const files = readdirSync('src/cli', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const writers = files.filter((name) =>
      /process\.std|\bconsole\.\w+\(|\bfd: *[12]\b/.test(readFileSync(join('src/cli', name), 'utf8')),
    );
    expect(writers).toEqual(['output/terminal.ts']);
  });
});

function smallMesh(): string {
  const about = { type: 'NetworkGraph', protocol: null, version: null, metric: null };
  return JSON.stringify({ ...about, nodes: [{ id: 'a' }], links: [] });
}
