import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Command, Option } from 'commander';
import { makeProgram } from '../../../src/cli/program.js';
import type { Surroundings } from '../../../src/cli/surroundings.js';
import { runCommand } from '../command.js';
import { startTestServer } from '../servers/server.js';

describe('a command line that cannot be', () => {
  const wrong: [args: string[], says: RegExp][] = [
    [[], /^name a command \(see switchyard --help\)/],
    [['journal'], /^name a command/],
    [['fly'], /unknown command 'fly'/],
    [['node'], /unknown command 'node' \(Did you mean nodes\?\)/],
    [['nodes', '--sort', 'colour'], /--sort: there is no column "colour"; there are SID, NAME/],
    [['sessions', '--filter', 'NAME'], /--filter: "NAME" must be COLUMN=TEXT/],
    [['streams', '--filter', 'x=1'], /--filter: there is no column "x"/],
    [['connect', 'a', '0'], /It must be a port: 1 to 65535/],
    [['forward', 'nowhere:x', 'a', '80'], /LOCAL: "nowhere:x" must be PORT or HOST:PORT/],
    [['forward', 'x', 'a', '80'], /LOCAL: "x" must be PORT or HOST:PORT/],
    [['join'], /^--port: a port that peers may reach is needed/],
    [['nodes', '--admin-token', 'ä b'], /--admin-token: it must be visible ASCII, without spaces/],
    [['nodes', '--via', 'http://x'], /--via: "http:\/\/x" must be tcp:\/\/HOST:PORT/],
    [
      ['serve', '--tls-cert', 'gone.pem', '--tls-key', 'gone.pem'],
      /--tls-cert: gone\.pem cannot be read.*\n--tls-key: gone\.pem cannot be read/,
    ],
    [['journal', 'dump', '--after', 'x'], /whole number from 1 on/],
    [['nodes', '--colour'], /unknown option '--colour'/],
    [['nodes', 'extra'], /too many arguments/],
    [['path', 'a'], /missing required argument 'TO'/],
    [['nodes', '--server', 'nowhere'], /--server: "nowhere" must be HOST:PORT/],
    [['nodes', '--tls-cert', 'a.pem'], /--tls-cert and --tls-key go together/],
    [['nodes', '--tls-ca', 'gone.pem'], /--tls-ca: gone\.pem cannot be read/],
    [['export', '--format', 'png'], /Allowed choices are netjson, dot, graphml/],
    [['streams', '--sid', '-1'], /whole number from 1 on/],
    [['connect', '--pin', 'x', 'harbour', '22'], /--pin: "x" must be sha256/],
    [['--pin', 'x', 'connect', 'harbour', '22'], /--pin: "x" must be sha256/],
    [['join', '--port', '22', '80'], /too many arguments/],
    [['replay'], /missing required argument 'FILE'/],
    [['replay', 'x', '--churn', 'fast'], /number above 0/],
    [['replay', 'x', '--churn', '5'], /--churn needs --for/],
    [['replay', 'x', '--for', 'ever'], /must be a duration/],
    [['serve', '--listen', 'here', '--grace', 'soon'], /--listen: "here" must be HOST:PORT.*\n--grace: "soon" must be/],
    [
      ['serve', '--address-exempt', '10.1', '--address-exempt', '10.0.0.0/8'],
      /--address-exempt: .*"10\.1" is no network/,
    ],
    [['serve', '--ws-origin', 'here', '--ws-origin', 'http://a.example'], /--ws-origin: .*"here" is no origin/],
  ];
  it.each(wrong)('is told why, with status 2: %j', async (args, says) => {
    const { status, out, err } = await runCommand(args);
    expect(err).toMatch(says);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    // One line for each mistake, and no trace of where it was noticed.
    expect(err).toMatch(/\n$/);
    expect(err.trimEnd().split('\n')).toHaveLength(says.source.split('\\n').length);
    expect(err).not.toMatch(/^\s+at |a defect|^error:/m);
  });

  const needsNoToken = [['nodes'], ['export', '--via', 'tcp://127.0.0.1:1'], ['key', 'show'], ['replay', 'mesh']];
  const needsToken = [['streams'], ['identity', 'list']];
  it.each([...needsNoToken, ...needsToken])('checks the token that it is given: %s %s %s', async (...words) => {
    const args = words.filter(Boolean);
    const must = 'it must be visible ASCII, without spaces\n';
    for (const token of ['ä', 'a b', '']) {
      const ended = await runCommand([...args, '--admin-token', token]);
      expect(ended).toEqual({ status: 2, out: '', err: `--admin-token: ${must}` });
    }
    const ended = await runCommand(args, { env: { SWITCHYARD_ADMIN_TOKEN: 'a b' } });
    expect(ended).toEqual({ status: 2, out: '', err: `SWITCHYARD_ADMIN_TOKEN: ${must}` });
  });

  const pem = {
    'any.pem': 'no certificate',
    'key.pem': readFileSync('test/client/tls/key.pem', 'utf8'),
    'cert.pem': readFileSync('test/cli/tls/cert.pem', 'utf8'),
  };
  const files: [args: string[], says: RegExp][] = [
    [['nodes', '--tls-ca', 'any.pem'], /^--tls-ca: any\.pem holds no certificate in PEM\n$/],
    [
      ['nodes', '--tls-cert', 'any.pem', '--tls-key', 'key.pem'],
      /^--tls-cert: any\.pem holds no certificate in PEM\n$/,
    ],
    [
      ['nodes', '--tls-cert', 'cert.pem', '--tls-key', 'any.pem'],
      /^--tls-key: any\.pem holds no private key in PEM\n$/,
    ],
    [['nodes', '--tls-cert', 'cert.pem', '--tls-key', 'key.pem'], /^--tls-key: key\.pem is not the private key of/],
    [
      ['serve', '--tls-cert', 'any.pem', '--tls-key', 'key.pem'],
      /^--tls-cert: any\.pem holds no certificate in PEM\n$/,
    ],
    [
      ['serve', '--tls-cert', 'cert.pem', '--tls-key', 'key.pem'],
      /^--tls-cert, --tls-key: the files are no certificate with its key/,
    ],
  ];
  it.each(files)('names the file that holds something else, with status 2: %j', async (args, says) => {
    const readFile = (path: string) => pem[path as keyof typeof pem];
    const ended = await runCommand(args, { readFile });
    expect(ended).toEqual({ status: 2, out: '', err: expect.stringMatching(says) });
  });

  it('has no option that takes the arguments after its value: one that is a list is given again for more', () => {
    const optionsOf = ({ options, commands }: Command): Option[] => [...options, ...commands.flatMap(optionsOf)];
    const all = optionsOf(makeProgram({} as Surroundings));
    expect(all.length).toBeGreaterThan(100);
    expect(all.filter(({ variadic }) => variadic).map(({ flags }) => flags)).toEqual([]);
  });

  it('may have its options before the command or after it', async () => {
    const orders = [
      ['--server', 'nowhere', '--json', 'nodes'],
      ['nodes', '--json', '--server', 'nowhere'],
      ['--json', 'nodes', '--server', 'nowhere'],
      ['--server', 'nowhere', 'path', 'a', 'b'],
      ['--json', '--server', 'nowhere', 'connections', 'c1'],
      ['--port', '22', '--server', 'nowhere', 'join'],
    ];
    for (const args of orders) {
      const ended = await runCommand(args);
      expect({ args, ...ended }).toEqual({
        args,
        status: 2,
        out: '',
        err: expect.stringMatching(/^--server: "nowhere"/),
      });
    }
    for (const args of [
      ['--data', '/nowhere', 'journal', 'check'],
      ['journal', '--data', '/nowhere', 'check'],
    ]) {
      expect((await runCommand(args)).err).toMatch(/\/nowhere/);
    }
    expect((await runCommand(['--version', 'nodes'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await runCommand(['--help', 'nodes'])).out).toMatch(/^Usage: switchyard nodes/);
  });

  it('is warned of variables that nothing reads, with the one that was meant', async () => {
    const env = {
      SWITCHYARD_SERVR: 'x',
      SWITCHYARD_COLOUR: '1',
      SWITCHYARD_LISTEN: '127.0.0.1:1',
      SWITCHYARD_SERVER: 'nowhere',
    };
    const { err } = await runCommand(['nodes'], { env });
    expect(err.split('\n').slice(0, 2)).toEqual([
      'warning: SWITCHYARD_COLOUR is not a variable of switchyard, and is not read',
      'warning: SWITCHYARD_SERVR is not a variable of switchyard, and is not read; did you mean SWITCHYARD_SERVER?',
    ]);
    expect(err).not.toContain('LISTEN');
  });

  it('may come from the environment, too', async () => {
    const { status, err } = await runCommand(['nodes'], { env: { SWITCHYARD_SERVER: 'nowhere' } });
    expect(status).toBe(2);
    expect(err).toMatch(/^SWITCHYARD_SERVER: "nowhere" must be HOST:PORT/);
  });
});

describe('a start that cannot be', () => {
  it('names the option of the address that is taken', async () => {
    const taken = await startTestServer();
    const listens = [
      '--listen',
      '--rendezvous-listen',
      '--metrics-listen',
      '--system-tcp-listen',
      '--system-ws-listen',
    ];
    // By default the rendezvous is on the port behind that of gRPC, which may be another program's, too.
    const ports = ['--listen', '--rendezvous-listen'].flatMap((option) => [option, '127.0.0.1:0']);
    const free = ['serve', '--data', ':memory:', '--log-level', 'silent', ...ports];
    for (const option of listens) {
      const { status, err, out } = await runCommand([...free, option, taken.addresses.grpc]);
      expect({ option, status, out }).toEqual({ option, status: 1, out: '' });
      expect(err).toContain(`Another program listens there; choose a port with ${option} HOST:PORT.`);
      expect(err.trimEnd().split('\n')).toHaveLength(2);
    }
    await taken.close();
  });
});

describe('help', () => {
  it('is asked for, and so a success, with every command in it', async () => {
    const { status, out } = await runCommand(['--help']);
    expect(status).toBe(0);
    for (const name of [
      'serve',
      'status',
      'servers',
      'console',
      'watch',
      'nodes',
      'sessions',
      'streams',
      'path',
      'export',
      'replay',
      'journal check',
    ]) {
      const words = name.split(' ');
      expect(out).toContain(`  ${words[0]} `);
      const own = await runCommand([...words, '--help']);
      expect(own.status).toBe(0);
      expect(own.out).toMatch(/Examples:\n {2}\$ switchyard /);
    }
  });

  it('names every option of serve with its default and its variable', async () => {
    const { out } = await runCommand(['serve', '--help']);
    expect(out.replaceAll(/\s+/g, ' ')).toContain('(default 127.0.0.1:8768; SWITCHYARD_LISTEN)');
    expect(out).toContain('--sessions-max <COUNT>');
  });

  it('comes with the version', async () => {
    const { status, out } = await runCommand(['--version']);
    expect(status).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
