import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { InstanceType, Switchyard } from '../../src/client/index.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { readConfig } from '../../src/config/config.js';
import { type RunningServer, startServer } from '../../src/server/server.js';

const CERT = 'test/cli/tls/cert.pem';
const TLS = { 'tls-cert': CERT, 'tls-key': 'test/cli/tls/key.pem' };

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** A server, and the lines of its log. */
class Logged {
  readonly lines: Record<string, unknown>[] = [];
  server!: RunningServer;

  static async start(level: string, flags: Readonly<Record<string, string>> = {}): Promise<Logged> {
    const logged = new Logged();
    const config = readConfig({
      flags: { listen: '127.0.0.1:0', data: ':memory:', 'admin-token': 'the-token-of-the-administrator', ...flags },
      env: {},
      platform: 'linux',
      home: tmpdir(),
      readFile: (path) => readFileSync(path, 'utf8'),
    });
    const log = pino({ level }, { write: (line: string) => void logged.lines.push(JSON.parse(line)) });
    logged.server = await startServer(config, { clock: systemClock, random: systemRandom, log });
    opened.push(logged.server);
    return logged;
  }

  of(words: string | RegExp): Record<string, unknown>[] {
    return this.lines.filter(({ msg }) => (typeof words === 'string' ? msg === words : words.test(String(msg))));
  }

  /** Waits until something was logged, of a door where one is named. */
  async said(words: string | RegExp, door?: string): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.of(words).find((line) => door === undefined || line.door === door);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function yardAt(server: string, adminToken?: string): Switchyard {
  const yard = new Switchyard({ server, adminToken });
  opened.push(yard);
  return yard;
}

describe('the log at info', () => {
  it('tells who came and who went, from where and why', async () => {
    const logged = await Logged.start('info');
    const uuid = '00000000-0000-4000-8000-000000000001';
    const yard = yardAt(logged.server.addresses.grpc);
    const instance = yard.join({ uuid, type: InstanceType.AGENT, name: 'roof' });
    const { cvid: sid } = await instance.attached();
    await instance.leave();
    const about = { sid, uuid, name: 'roof', count: 1 };
    expect(await logged.said('a session was opened')).toMatchObject({ ...about, address: '127.0.0.1' });
    expect(await logged.said('a session has ended')).toMatchObject({ ...about, reason: 'TERMINATED' });
  });

  it('tells who was refused what and why, wrong tokens as a warning, and counts a flood of them', async () => {
    const logged = await Logged.start('info');
    const wrong = yardAt(logged.server.addresses.grpc, 'not-the-token-of-anybody');
    for (let nth = 0; nth < 50; nth++) await expect(wrong.getSession(1)).rejects.toThrow();
    const lines = logged.of('a call was refused');
    expect(lines).toHaveLength(10);
    expect(lines[0]).toMatchObject({
      level: 40,
      method: 'GetSession',
      reason: 'ADMIN_TOKEN_INVALID',
      address: '127.0.0.1',
    });
    expect(JSON.stringify(logged.lines)).not.toContain('not-the-token-of-anybody');
    const nobody = yardAt(logged.server.addresses.grpc);
    await expect(nobody.findPath(5, 6)).rejects.toThrow();
    await expect(nobody.terminateSession(5, '')).rejects.toThrow();
    expect(logged.of('a call was refused').slice(10)).toMatchObject([
      { level: 30, method: 'FindPath', reason: 'NODE_NOT_FOUND' },
      { level: 30, method: 'TerminateSession', reason: 'SESSION_TOKEN_MISSING' },
    ]);
  });

  it('tells of TLS handshakes that failed, by their cause', async () => {
    const logged = await Logged.start('info', { ...TLS, 'tls-client-ca': CERT, 'system-tls-listen': '127.0.0.1:0' });
    for (const door of ['grpc', 'tls']) {
      const [host, port] = logged.server.addresses[door].split(':');
      const plain = connect({ host, port: Number(port) }, () => plain.write('GET / HTTP/1.1\r\n\r\n'));
      plain.on('error', () => {});
      const nameless = connectTls({ host, port: Number(port), rejectUnauthorized: false });
      nameless.on('error', () => {});
      const distrusting = connectTls({ host, port: Number(port) });
      distrusting.on('error', () => {});
      await logged.said(/does not speak TLS/, door);
      await logged.said(/showed no certificate/, door);
    }
    const doors = logged.of(/does not speak TLS/).map(({ door, cause, address }) => ({ door, cause, address }));
    expect(doors).toEqual([
      { door: 'grpc', cause: 'tls', address: '127.0.0.1' },
      { door: 'tls', cause: 'tls', address: '127.0.0.1' },
    ]);
  });

  it('tells of TLS that is spoken to a port in plain text', async () => {
    const logged = await Logged.start('info', { 'system-tcp-listen': '127.0.0.1:0' });
    for (const door of ['grpc', 'tcp']) {
      const [host, port] = logged.server.addresses[door].split(':');
      connectTls({ host, port: Number(port), rejectUnauthorized: false }).on('error', () => {});
    }
    expect(await logged.said(/no HTTP\/2: TLS, or another protocol/)).toMatchObject({
      door: 'grpc',
      cause: 'protocol',
    });
    expect(await logged.said(/cannot be told apart/)).toMatchObject({
      door: 'system',
      cause: 'frame',
      address: '127.0.0.1',
    });
  });
});

describe('the log at debug', () => {
  it('has a line for every call, with what came of it and how long it took', async () => {
    const logged = await Logged.start('debug');
    const yard = yardAt(logged.server.addresses.grpc);
    for await (const _ of yard.listSessions()) break;
    await expect(yard.findPath(5, 6)).rejects.toThrow();
    const network = yard.watchNetwork();
    await network.synced();
    network.close();
    while (logged.of('a call').length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(logged.of('a call')).toMatchObject([
      { method: 'ListSessions', code: 'OK', address: '127.0.0.1', ms: expect.any(Number) },
      { method: 'FindPath', code: 'NOT_FOUND' },
      { method: 'WatchNetworkDelta', code: 'CANCELLED' },
    ]);
  });
});
