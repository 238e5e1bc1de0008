import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Switchyard } from '../../src/client/index.js';
import { systemRandom } from '../../src/client/system.js';
import { startCommand } from './command.js';
import { Program, startServerProcess } from './process.js';

let folder: string;
const started: Program[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-signals-'));
});
afterEach(async () => {
  for (const program of started.splice(0)) await program.stop('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Of all tests: an instance's key is there, and the server of the last ones knows it. */
const home = mkdtempSync(join(tmpdir(), 'switchyard-signals-home-'));
afterAll(() => rmSync(home, { recursive: true }));

function program(...args: string[]): Program {
  const one = new Program(args, { XDG_DATA_HOME: home });
  started.push(one);
  return one;
}

/** Resolves when the program has said something on standard error. */
async function said(one: Program, pattern: RegExp): Promise<string> {
  for (let n = 0; n < 1_000 && !pattern.test(one.err); n++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(one.err).toMatch(pattern);
  return one.err;
}

/** Makes a certificate of its own authority for localhost; what it is for is in its subject. */
function makeCertificate(name: string, days = 30): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const made = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', String(days)];
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', ...curve, ...made, '-keyout', key, '-out', cert]);
  if (status !== 0) throw new Error(String(stderr));
  return { cert, key };
}

/** Connects by TLS, and answers with the socket and whose certificate was shown. */
async function shown(address: string, alpn: string[] = []): Promise<{ socket: TLSSocket; name: string }> {
  const port = Number(address.split(':').at(-1));
  const options = {
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ...(alpn.length > 0 ? { ALPNProtocols: alpn } : {}),
  };
  const socket = connect(options);
  await new Promise((resolve, reject) => socket.once('secureConnect', () => resolve(undefined)).once('error', reject));
  socket.on('error', () => {});
  return { socket, name: String(socket.getPeerCertificate().subject.CN) };
}

describe('SIGHUP to a server', () => {
  it('puts new certificates to use on every port, lets connections stand, and leaves the old ones where the new are broken', async () => {
    const [first, second] = [makeCertificate('first'), makeCertificate('second')];
    const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    const install = (from: { cert: string; key: string }) => {
      cpSync(from.cert, cert);
      cpSync(from.key, key);
    };
    install(first);
    const ports = [
      '--listen',
      '127.0.0.1:0',
      '--system-tls-listen',
      '127.0.0.1:0',
      '--system-wss-listen',
      '127.0.0.1:0',
    ];
    const tls = ['--tls-cert', cert, '--tls-key', key];
    const { program: server, listening } = await startServerProcess([
      ...ports,
      ...tls,
      '--data',
      ':memory:',
      '--log-level',
      'info',
    ]);
    started.push(server);
    const names = async () => {
      const seen = [];
      for (const [adapter, alpn] of [
        ['grpc', ['h2']],
        ['tls', []],
        ['wss', []],
      ] as const) {
        const { socket, name } = await shown(listening[adapter], [...alpn]);
        seen.push(name);
        socket.destroy();
      }
      return seen;
    };
    expect(await names()).toEqual(['first', 'first', 'first']);
    const standing = await shown(listening.grpc, ['h2']);

    install(second);
    server.process.kill('SIGHUP');
    await said(server, /a new certificate is in use/);
    expect(await names()).toEqual(['second', 'second', 'second']);
    expect(standing.socket.destroyed).toBe(false);
    standing.socket.destroy();

    // A key that belongs to another certificate, then something that is none.
    cpSync(first.key, key);
    server.process.kill('SIGHUP');
    await said(server, /the new certificate cannot be used; the one from before stays in use/);
    expect(await names()).toEqual(['second', 'second', 'second']);
    writeFileSync(cert, 'no certificate');
    server.process.kill('SIGHUP');
    await said(server, /(cannot be used[\s\S]*){2}/);
    expect(await names()).toEqual(['second', 'second', 'second']);
    install(first);
    server.process.kill('SIGHUP');
    await said(server, /(a new certificate is in use[\s\S]*){2}/);
    expect(await names()).toEqual(['first', 'first', 'first']);
    expect(await server.stop('SIGTERM')).toBe(0);
  });

  it('reads the log level again, says when the options are wrong, and ends nothing', async () => {
    const config = join(folder, 'config.json');
    writeFileSync(config, '{"log-level": "silent"}');
    const server = program('serve', '--listen', '127.0.0.1:0', '--data', ':memory:', '--config', config);
    await server.printed(/\n/);
    writeFileSync(config, '{"log-level": "info"}');
    server.process.kill('SIGHUP');
    await said(server, /told to reload/);
    writeFileSync(config, '{"log-level": "loud"}');
    server.process.kill('SIGHUP');
    await said(server, /nothing was reloaded: .*log-level: "loud"/);
    expect(await server.stop('SIGTERM')).toBe(0);
  });
});

describe('SIGHUP to a server that has not started yet', () => {
  it('does not end it, and its files are read again once it has', async () => {
    const texts = ['{"log-level": "silent"}', '{"log-level": "loud"}'];
    let hangUp: () => void = () => {
      throw new Error('it would have ended');
    };
    let isTold = false;
    // What a start draws first: nothing is open then.
    const bytes = (count: number) => {
      if (!isTold) hangUp();
      isTold = true;
      return systemRandom.bytes(count);
    };
    const setting = {
      readFile: () => texts.shift() ?? '{}',
      random: { ...systemRandom, bytes },
      onHangUp: (listener: () => void) => {
        hangUp = listener;
      },
    };
    const args = ['serve', '--listen', '127.0.0.1:0', '--rendezvous-listen', '127.0.0.1:0', '--data', ':memory:'];
    const server = startCommand([...args, '--config', 'yard.json'], setting);
    expect(await server.said(/nothing was reloaded/)).toMatch(/log-level: "loud"/);
    server.interrupt('SIGTERM');
    expect((await server.ended).status).toBe(0);
    expect(isTold).toBe(true);
  });
});

describe('A command that stays', () => {
  let address: string;
  let server: Program;
  let echo: ReturnType<typeof createServer>;
  let yard: Switchyard;
  const peer = '00000000-0000-4000-8000-00000000000a';

  beforeAll(async () => {
    ({ program: server, address } = await startServerProcess(['--listen', '127.0.0.1:0', '--data', ':memory:']));
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    yard = new Switchyard({ server: address });
  });
  afterAll(async () => {
    await yard.close();
    echo.close();
    await server.stop('SIGKILL');
  });

  const port = () => String((echo.address() as { port: number }).port);
  const at = () => ['--server', address];
  /** How many sessions there are besides those of the test. */
  const sessions = async () => {
    let count = 0;
    for await (const _ of yard.listSessions()) count++;
    return count;
  };

  const begin: Record<string, () => Promise<Program>> = {
    join: async () => {
      const one = program('join', '--port', port(), '--uuid', peer, ...at());
      await one.printed(/joined as/);
      return one;
    },
    forward: async () => {
      const target = await begin.join();
      const one = program('forward', '0.0.0.0:0', peer, port(), ...at());
      await one.printed(/forwarding/);
      expect(target.out).toMatch(/joined/);
      // Its session is being opened: who is stopped before that has none to end.
      while ((await sessions()) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      return one;
    },
    watch: async () => {
      const one = program('watch', ...at());
      await one.printed(/at revision/);
      return one;
    },
  };

  it.each([
    ['join', 'SIGHUP', 129, 0],
    ['join', 'SIGTERM', 0, 0],
    ['join', 'SIGINT', 130, 0],
    // The session of the peer that it forwards to.
    ['forward', 'SIGHUP', 129, 1],
    ['forward', 'SIGTERM', 0, 1],
    ['watch', 'SIGHUP', 129, 0],
    ['watch', 'SIGTERM', 0, 0],
  ] as const)('%s ends on %s with status %d, and its session with it', async (command, signal, status, left) => {
    const one = await begin[command]();
    expect(await one.stop(signal)).toBe(status);
    expect(await sessions()).toBe(left);
    for (const other of started.splice(0)) await other.stop('SIGTERM');
  });

  it.each([
    ['SIGHUP', 129],
    ['SIGTERM', 0],
  ] as const)('connect ends on %s with status %d, and its session with it', async (signal, status) => {
    const target = await begin.join();
    const one = new Program(['connect', peer, port(), '-v', ...at()], {}, undefined, 'pipe');
    started.push(one);
    await said(one, /connected to/);
    expect(await one.stop(signal)).toBe(status);
    expect(await sessions()).toBe(1);
    expect(await target.stop('SIGTERM')).toBe(0);
  });

  it('a server ends at once with status 143 on SIGTERM when it has been told to stop before', async () => {
    const { program: one, address } = await startServerProcess(['--listen', '127.0.0.1:0', '--data', ':memory:']);
    // A call whose request is not whole holds its end up, so that the second signal comes before it.
    const session = connectHttp2(`http://${address}`).on('error', () => {});
    const path = '/switchyard.v1.SessionService/Session';
    session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' }).on('error', () => {});
    await new Promise((resolve) => session.ping(resolve));
    const leaves = once(session, 'goaway');
    one.process.kill('SIGINT');
    await leaves;
    expect(await one.stop('SIGTERM')).toBe(143);
    session.destroy();
  });

  it('ends with status 3 when another takes its place on the network', async () => {
    const one = await begin.join();
    // With the same key: nobody else could.
    const other = await begin.join();
    expect(await one.ended()).toBe(3);
    expect(one.err).toContain('SESSION_SUPERSEDED');
    expect(await other.stop('SIGTERM')).toBe(0);
  });
});
