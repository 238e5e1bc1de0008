import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningServer } from '../../src/server/server.js';
import { type Ended, runCommand, startCommand } from './command.js';
import { OddServers, OTHER_TLS_FILES, TLS_FILES } from './servers/odd-servers.js';
import { startTestServer } from './servers/server.js';

/** Every command that needs a server, as it is called. */
const COMMANDS: readonly (readonly string[])[] = [
  ['nodes'],
  ['sessions'],
  ['streams'],
  ['watch'],
  ['export'],
  ['path', 'a', 'b'],
  ['connections'],
  ['connections', 'c1'],
  ['connect', 'a', '22'],
  ['forward', '0', 'a', '22'],
  ['replay', 'docs/demo/mesh.netjson'],
];

const odd = new OddServers();
const at: Record<string, string> = {};
const servers: RunningServer[] = [];
const plainTls = { 'tls-cert': TLS_FILES.cert, 'tls-key': TLS_FILES.key };

beforeAll(async () => {
  const listens = {
    'metrics-listen': '127.0.0.1:0',
    'system-tcp-listen': '127.0.0.1:0',
    'system-ws-listen': '127.0.0.1:0',
  };
  const plain = await startTestServer(listens);
  const secure = await startTestServer({ ...plainTls, 'system-tls-listen': '127.0.0.1:0' });
  const asking = await startTestServer({ ...plainTls, 'tls-client-ca': TLS_FILES.cert });
  const other = await startTestServer({ 'tls-cert': OTHER_TLS_FILES.cert, 'tls-key': OTHER_TLS_FILES.key });
  servers.push(plain, secure, asking, other);
  at.other = other.addresses.grpc;
  at.plain = plain.addresses.grpc;
  at.metrics = plain.addresses.metrics;
  at.stun = plain.addresses.stun;
  at.tcp = plain.addresses.tcp;
  at.ws = plain.addresses.ws;
  at.secure = secure.addresses.grpc;
  at.tls = secure.addresses.tls;
  at.asking = asking.addresses.grpc;
  at.http = await odd.openHttp();
  at.ssh = await odd.open((socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n'));
  at.closing = await odd.open((socket) => socket.destroy());
  at.silent = await odd.open(() => {});
  at.nobody = '127.0.0.1:1';
});

afterAll(async () => {
  for (const server of servers) await server.close();
  await odd.close();
});

function run(args: readonly string[]): Promise<Ended> {
  return runCommand(args, { readFile: (path) => readFileSync(path, 'utf8') });
}

/** What no command says, whatever happens to it. */
function expectReadable({ err }: Ended): void {
  expect(err).not.toMatch(/Resolution note|^\s+at |error:0|Last error|a defect/m);
}

describe('a server that cannot be talked to', () => {
  const ca = ['--tls-ca', TLS_FILES.cert];
  const causes: [what: string, where: string, args: readonly string[], says: RegExp][] = [
    [
      'nobody listens',
      'nobody',
      [],
      /^nobody listens at 127\.0\.0\.1:1\nIs the server running\? Start one with "switchyard serve"/,
    ],
    [
      'TLS is spoken there, and plain text here',
      'secure',
      [],
      /speaks TLS, and was spoken to in plain text\n.*--tls-ca FILE/,
    ],
    [
      'plain text is spoken there, and TLS here',
      'plain',
      ca,
      /does not speak TLS: it takes gRPC in plain text\nLeave out --tls/,
    ],
    [
      'its certificate is of no authority that is known',
      'secure',
      ['--tls'],
      /certificate of .* is refused: no authority.*\n.*--tls-ca FILE/,
    ],
    [
      'its certificate is for other names',
      'other',
      ['--tls-ca', OTHER_TLS_FILES.cert],
      /is refused: it is for other names/,
    ],
    ['it wants a certificate', 'asking', ca, /asks for a certificate\n.*--tls-cert FILE and --tls-key FILE/],
    [
      'it is the port of metrics',
      'metrics',
      [],
      /speaks HTTP\/1, not gRPC: .*--metrics-listen\nIs this the right port/,
    ],
    ['it is the port of the rendezvous', 'stun', [], /--rendezvous-listen|closes connections at once/],
    ['it is a port for system events', 'tcp', [], /does not speak gRPC: .*system events/],
    ['it is a web server', 'http', [], /speaks HTTP\/1, not gRPC/],
    ['it is an SSH server', 'ssh', [], /an SSH server listens at/],
    ['it closes connections', 'closing', [], /closes connections at once/],
  ];
  it.each(causes)(
    'is told by its cause, with what to do, by every command: %s',
    async (_, where, args, says) => {
      const ends = await Promise.all(COMMANDS.map((command) => run([...command, ...args, '--server', at[where]])));
      for (const [index, ended] of ends.entries()) {
        expect({ command: COMMANDS[index], ...ended }).toMatchObject({
          status: 1,
          out: '',
          err: expect.stringMatching(says),
        });
        expectReadable(ended);
      }
    },
    60_000,
  );

  it('is not waited for when it takes connections and says nothing', async () => {
    const ends = await Promise.all(COMMANDS.map((command) => run([...command, '--server', at.silent])));
    for (const [index, ended] of ends.entries()) {
      const says = expect.stringMatching(/takes connections and says nothing/);
      expect({ command: COMMANDS[index], ...ended }).toMatchObject({ status: 1, err: says });
      expectReadable(ended);
    }
  }, 60_000);

  it('is told by its cause by join, too, which goes on', async () => {
    const joining = startCommand(['join', '--port', '22', '--server', at.secure]);
    expect(await joining.said(/\n/)).toMatch(/^127\.0\.0\.1:\d+ speaks TLS, and was spoken to in plain text\n/);
    joining.interrupt();
    expect((await joining.ended).status).toBe(130);
  }, 30_000);

  const ways: [what: string, url: () => string, args: readonly string[], says: RegExp][] = [
    ['nobody listens', () => 'ws://127.0.0.1:1', [], /^nobody listens at 127\.0\.0\.1:1\n/],
    [
      'TLS there, tcp:// here',
      () => `tcp://${at.tls}`,
      [],
      /speaks TLS, and was spoken to in plain text\nUse tls:\/\//,
    ],
    ['plain text there, tls:// here', () => `tls://${at.tcp}`, [], /does not speak TLS\nUse tcp:\/\//],
    ['a certificate of no authority', () => `tls://${at.tls}`, [], /is refused: no authority/],
    ['the port of gRPC', () => `tcp://${at.plain}`, [], /speaks gRPC\nLeave out --via/],
    ['the port of gRPC, by WebSocket', () => `ws://${at.plain}`, [], /speaks gRPC\nLeave out --via/],
    ['a web server', () => `ws://${at.http}`, [], /takes no WebSocket of system events/],
    ['a port for ws://', () => `tcp://${at.ws}`, [], /speaks HTTP\nIs it a port for ws:/],
  ];
  it.each(ways)(
    'is told by its cause where it is asked by system events: %s',
    async (_, url, args, says) => {
      for (const command of ['nodes', 'watch', 'export']) {
        const ended = await run([command, '--via', url(), ...args]);
        expect({ command, ...ended }).toMatchObject({ status: 1, out: '', err: expect.stringMatching(says) });
        expectReadable(ended);
      }
    },
    30_000,
  );
});
