import { describe, expect, it } from '@jest/globals';
import { runCommand } from './command.js';

describe('a command line that cannot be', () => {
  const wrong: [args: string[], says: RegExp][] = [
    [['fly'], /unknown command 'fly'/],
    [['nodes', '--colour'], /unknown option '--colour'/],
    [['nodes', 'extra'], /too many arguments/],
    [['path', 'a'], /missing required argument 'TO'/],
    [['nodes', '--server', 'nowhere'], /--server: "nowhere" must be HOST:PORT/],
    [['nodes', '--tls-cert', 'a.pem'], /--tls-cert and --tls-key go together/],
    [['nodes', '--tls-ca', 'gone.pem'], /gone\.pem: cannot be read/],
    [['export', '--format', 'png'], /Allowed choices are netjson, dot, graphml/],
    [['streams', '--sid', '-1'], /whole number from 1 on/],
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
  });

  it('may come from the environment, too', async () => {
    const { status, err } = await runCommand(['nodes'], { env: { SWITCHYARD_SERVER: 'nowhere' } });
    expect(status).toBe(2);
    expect(err).toMatch(/^SWITCHYARD_SERVER: "nowhere" must be HOST:PORT/);
  });
});

describe('help', () => {
  it('is asked for, and so a success, with every command in it', async () => {
    const { status, out } = await runCommand(['--help']);
    expect(status).toBe(0);
    for (const name of [
      'serve',
      'status',
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
