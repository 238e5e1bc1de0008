import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunningServer } from '../../../src/server/server.js';
import { runCommand, startCommand } from '../command.js';
import { startTestServer } from '../servers/server.js';

const TEST_MS = 60_000;
const NOBODY = '127.0.0.1:1';
let folder: string;
let home: string;
let server: RunningServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'enrolled-hub-'));
  server = await startTestServer({ data: folder, auth: 'required' });
  expect(await onHub('network', 'create', 'north')).toMatchObject({ status: 0, err: '' });
}, TEST_MS);
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'enrolled-device-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const onHub = (...args: string[]) => runCommand([...args, '--server', server.addresses.grpc, '--data', folder]);
const onDevice = (args: readonly string[], input = '', env: Record<string, string> = {}) =>
  startCommand(args, { home, env, input: Readable.from([Buffer.from(input)]) });

async function issue(...args: string[]): Promise<string> {
  const { status, out, err } = await onHub('ticket', 'issue', '--address', server.addresses.grpc, ...args);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return out;
}

describe('a ticket of another network than the default one', () => {
  it(
    'enrols there, and commands that name no network are in it from then on',
    async () => {
      const text = await issue('--network', 'north', '--role', 'agent');
      const joining = onDevice(
        ['join', '--network', 'north', '--ticket-file', '-', '--name', 'boat-7', '--port', '22'],
        text,
      );
      await joining.printed(/joined as/);
      const listed = await onHub('sessions', '--network', 'north');
      expect(listed).toMatchObject({ status: 0, out: expect.stringContaining('boat-7') });
      joining.interrupt();
      await joining.ended;
      const again = onDevice(['join']);
      await again.printed(/joined as/);
      expect((await onHub('sessions', '--network', 'north')).out).toContain('boat-7');
      expect((await onHub('sessions')).out).not.toContain('boat-7');
      again.interrupt();
      await again.ended;
    },
    TEST_MS,
  );

  it(
    'gives an access token by which that network is read, and no other',
    async () => {
      const text = await issue('--network', 'north', '--role', 'operator', '--kind', 'person');
      const wrong = await onDevice(['enroll', '--ticket-file', '-'], text).ended;
      expect(wrong).toMatchObject({ status: 1, err: expect.stringContaining('TICKET_INVALID') });
      const loggedIn = await onDevice(['login', '--network', 'north', '--ticket-file', '-', '--name', 'anna'], text)
        .ended;
      expect(loggedIn).toMatchObject({ status: 0, err: '' });
      const agent = onDevice(
        ['join', '--network', 'north', '--ticket-file', '-', '--name', 'boat-8', '--port', '22'],
        await issue('--network', 'north', '--role', 'agent'),
      );
      await agent.printed(/joined as/);
      const at = ['--server', server.addresses.grpc, '--name', 'anna'];
      const who = await onDevice(['whoami', '--json', '--network', 'north', ...at]).ended;
      expect(JSON.parse(who.out)).toMatchObject({ network: 'north', roles: ['operator'] });
      agent.interrupt();
      await agent.ended;
    },
    TEST_MS,
  );

  it(
    'lets a person read the graph of that network by the token that login has kept',
    async () => {
      const text = await issue('--network', 'north', '--role', 'operator', '--kind', 'person');
      expect(await onDevice(['login', '--network', 'north', '--ticket-file', '-'], text).ended).toMatchObject({
        err: '',
      });
      const device = home;
      home = mkdtempSync(join(tmpdir(), 'enrolled-agent-'));
      const agent = onDevice(
        ['join', '--network', 'north', '--ticket-file', '-', '--name', 'boat-9', '--port', '22'],
        await issue('--network', 'north', '--role', 'agent'),
      );
      await agent.printed(/joined as/);
      const away = home;
      home = device;
      for (const args of [
        ['--network', 'north'],
        [],
        ['--network', 'north', '--server', `${NOBODY},${server.addresses.grpc}`],
      ]) {
        expect((await onDevice(['nodes', ...args]).ended).out).toContain('boat-9');
      }
      const elsewhere = await onDevice(['nodes', '--network', 'default']).ended;
      expect(elsewhere).toMatchObject({ status: 1, out: '', err: expect.stringContaining('AUTH_REQUIRED') });
      agent.interrupt();
      await agent.ended;
      rmSync(away, { recursive: true, force: true });
    },
    TEST_MS,
  );
});

describe('a list of servers of which none answers', () => {
  it('is told of each with its address', async () => {
    const { status, err } = await onDevice(['nodes', '--server', `${NOBODY},127.0.0.1:2`]).ended;
    expect(status).toBe(1);
    expect(err).toContain('nobody listens at 127.0.0.1:1; nobody listens at 127.0.0.1:2');
  });
});

describe('a ticket with a list of servers', () => {
  it(
    'is redeemed at the first that answers, and what was kept is found in whatever order they are named',
    async () => {
      const text = await issue('--role', 'agent');
      const list = `${NOBODY},${server.addresses.grpc}`;
      const enrolled = await onDevice(['enroll', '--server', list, '--ticket-file', '-', '--name', 'boat-1'], text)
        .ended;
      expect(enrolled).toMatchObject({
        status: 0,
        err: '',
        out: expect.stringContaining(`enrolled at ${server.addresses.grpc}`),
      });
      const joining = onDevice(['join', '--server', list, '--port', '22']);
      await joining.printed(/joined as/);
      expect((await onHub('sessions')).out).toContain('boat-1');
      joining.interrupt();
      await joining.ended;
      expect((await onDevice(['login', '--server', list]).ended).err).toBe('');
      const wrong = await onDevice(['enroll', '--server', 'a:1,nowhere', '--ticket-file', '-'], text).ended;
      expect(wrong).toMatchObject({ status: 2, err: expect.stringMatching(/^--server: "nowhere" must be HOST:PORT/) });
    },
    TEST_MS,
  );
});
