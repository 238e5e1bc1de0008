import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseAddress } from '../../../src/base/address.js';
import { readAuthority } from '../../../src/server/certificates/own-certificates.js';
import type { RunningServer } from '../../../src/server/server.js';
import { formatPin, pinOf } from '../../../src/trust/pin.js';
import { decodeTicket, encodeTicket } from '../../../src/trust/ticket.js';
import { runCommand, startCommand } from '../command.js';
import { startTestServer } from '../servers/server.js';

const TEST_MS = 30_000;
let folder: string;
let server: RunningServer;
let address: string;
/** The home of a device. */
let home: string;

/** How the hub's authority is known. */
const pinText = () => formatPin(pinOf(readAuthority(folder)!));
/** As the administrator, on the hub itself. */
const onHub = (...args: string[]) => startCommand([...args, '--server', address, '--data', folder]).ended;
const onDevice = (args: readonly string[], input = '', env: Record<string, string> = {}) =>
  startCommand(args, { home, env, input: Readable.from([Buffer.from(input)]) });

async function issue(...args: string[]): Promise<string> {
  const { status, out, err } = await onHub('ticket', 'issue', '--address', address, ...args);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return out.trim();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tickets-hub-'));
  chmodSync(folder, 0o700);
  server = await startTestServer({ listen: '0.0.0.0:0', data: folder });
  address = `127.0.0.1:${parseAddress(server.addresses.grpc).port}`;
}, TEST_MS);
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tickets-device-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('a device with a ticket', () => {
  it(
    'joins, and afterwards `switchyard join` alone is enough',
    async () => {
      const text = await issue('--role', 'agent', '--uses', '300', '--names', 'boat-*');
      expect(decodeTicket(text)).toMatchObject({
        isEncrypted: true,
        addresses: [address],
        pins: [pinOf(readAuthority(folder)!)],
      });
      const first = onDevice(['join', '--ticket-file', '-', '--name', 'boat-7', '--port', '22'], `${text}\n`);
      const [, sid] = /joined as (\d+)/.exec(await first.printed(/joined as \d+/))!;
      first.interrupt();
      await first.ended;
      const again = onDevice(['join']);
      const [, next] = /joined as (\d+)/.exec(await again.printed(/joined as \d+/))!;
      expect(next).not.toBe(sid);
      const { out } = await onHub('identity', 'list', '--json');
      expect(out).toContain('"name":"boat-7"');
      again.interrupt();
      await again.ended;
      const listed = await onHub('ticket', 'list', '--json');
      expect(JSON.parse(listed.out.split('\n')[0])).toMatchObject({
        used: 1,
        uses: 300,
        state: 'good',
        names: 'boat-*',
      });
    },
    TEST_MS,
  );

  it(
    'keeps its key, the pin and the authority where only its owner reads them, and is not asked for the ticket again',
    async () => {
      const text = await issue('--role', 'client');
      const file = join(home, 'ticket.txt');
      writeFileSync(file, text);
      const enrolled = await onDevice(['enroll', '--ticket-file', file, '--name', 'lake-1']).ended;
      expect(enrolled).toMatchObject({ status: 0, err: '' });
      expect(enrolled.out).toMatch(/^enrolled at 127\.0\.0\.1:\d+ as [0-9a-f-]{36}, lake-1: client\n$/);
      const servers = join(home, '.local', 'share', 'switchyard', 'servers');
      const kept = encodeURIComponent(address);
      for (const name of [`${kept}.json`, `${kept}.pem`, 'enrolled.json']) {
        expect(statSync(join(servers, name)).mode & 0o777).toBe(0o600);
      }
      expect(readFileSync(join(servers, `${kept}.pem`), 'utf8')).toBe(readAuthority(folder)!.toString());
      // The ticket is spent; a unit file that still names it starts all the same.
      const joining = onDevice(['join', '--ticket-file', file, '--name', 'lake-1', '--port', '22']);
      await joining.printed(/joined as/);
      joining.interrupt();
      await joining.ended;
      const nodes = await onDevice(['nodes', '--json']).ended;
      expect(nodes.status).toBe(0);
    },
    TEST_MS,
  );

  it('takes the ticket from the environment, and prints who it is as JSON', async () => {
    const text = await issue('--role', 'client', '--kind', 'person');
    const { status, out } = await onDevice(['enroll', '--json'], '', { SWITCHYARD_TICKET: text }).ended;
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ server: address, name: '', roles: ['client'] });
  });

  it('with a spent, a mistyped or no ticket is told so, and keeps nothing', async () => {
    const text = await issue();
    expect(await onDevice(['enroll', '--ticket-file', '-', '--name', 'one'], text).ended).toMatchObject({ status: 0 });
    rmSync(home, { recursive: true });
    const spent = await onDevice(['enroll', '--ticket-file', '-', '--name', 'two'], text).ended;
    expect(spent).toMatchObject({
      status: 1,
      err: expect.stringMatching(/all uses of the ticket are spent.*TICKET_INVALID/),
    });
    const mistyped = await onDevice(['enroll', '--ticket-file', '-'], `${text.slice(0, -2)}_`).ended;
    expect(mistyped).toMatchObject({ status: 1, err: 'the ticket is cut or mistyped: its check does not fit\n' });
    expect(await onDevice(['enroll']).ended).toMatchObject({ status: 2, err: expect.stringMatching(/^--ticket-file/) });
    expect(existsSync(join(home, '.local', 'share', 'switchyard', 'servers'))).toBe(false);
  });

  it('does not enrol at a server without the pinned authority, and says what is wrong', async () => {
    const { secret, isEncrypted } = decodeTicket(await issue());
    const text = encodeTicket({ secret, isEncrypted, pins: [Buffer.alloc(32, 1)], addresses: [address] });
    const { status, err } = await onDevice(['enroll', '--ticket-file', '-'], text).ended;
    expect(status).toBe(1);
    expect(err).toMatch(/shows no certificate with the pin that is known .* or somebody stands in between/);
  });

  it(
    'tries the addresses of the ticket one after another',
    async () => {
      const { secret, isEncrypted, pins } = decodeTicket(await issue());
      const text = encodeTicket({ secret, isEncrypted, pins, addresses: ['127.0.0.1:1', address] });
      const { status, out } = await onDevice(['enroll', '--ticket-file', '-'], text).ended;
      expect({ status, out }).toMatchObject({ status: 0, out: expect.stringContaining(`enrolled at ${address}`) });
    },
    TEST_MS,
  );

  it(
    'is revoked with its ticket: its session ends, and it opens none any more',
    async () => {
      const text = await issue('--role', 'agent', '--uses', '2');
      const joining = onDevice(['join', '--ticket-file', '-', '--name', 'sea-1', '--port', '22'], text);
      await joining.printed(/joined as/);
      const { out } = await onHub('ticket', 'list', '--json');
      const tickets = out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const { ticketId } = tickets.at(-1);
      const revoked = await onHub('ticket', 'revoke', ticketId, '--and-identities');
      expect(revoked.out).toMatch(/lets nobody in any more; 1 identity has enrolled by it and is revoked, too/);
      expect(await joining.ended).toMatchObject({ status: 1, err: expect.stringMatching(/revoked/i) });
      const again = await onHub('ticket', 'revoke', ticketId, '--json');
      expect(JSON.parse(again.out)).toMatchObject({ state: 'revoked', identityUuids: [expect.any(String)] });
    },
    TEST_MS,
  );

  it('for one identity takes the place of its lost key', async () => {
    const first = await issue('--role', 'agent');
    const { out } = await onDevice(['enroll', '--ticket-file', '-', '--name', 'port-1', '--json'], first).ended;
    const { instanceUuid } = JSON.parse(out);
    rmSync(home, { recursive: true });
    const text = await issue('--for', instanceUuid);
    const back = await onDevice(['enroll', '--ticket-file', '-', '--uuid', instanceUuid, '--json'], text).ended;
    expect(JSON.parse(back.out)).toMatchObject({ instanceUuid, name: 'port-1', roles: ['agent'] });
  });

  it(
    'is reached by name from a laptop that enrolled with another, and from there by nobody else',
    async () => {
      const echo = createServer((socket) => socket.end('hello from the device\n'));
      await once(echo.listen(0, '127.0.0.1'), 'listening');
      const port = String((echo.address() as AddressInfo).port);
      const device = home;
      const joining = onDevice(
        ['join', '--ticket-file', '-', '--name', 'boat-9', '--port', port],
        await issue('--role', 'agent', '--names', 'boat-*'),
      );
      await joining.printed(/joined as/);
      home = mkdtempSync(join(tmpdir(), 'tickets-laptop-'));
      try {
        const stranger = await onDevice(['connect', 'boat-9', port, '--server', address, '--pin', pinText()]).ended;
        expect(stranger).toMatchObject({ status: 1, out: '', err: expect.stringContaining('AUTH_REQUIRED') });
        const ticket = await issue('--role', 'client');
        expect(await onDevice(['enroll', '--ticket-file', '-'], ticket).ended).toMatchObject({ status: 0, err: '' });
        const output = new PassThrough();
        const heard = text(output);
        const reached = await runCommand(['connect', 'boat-9', port], { home, input: Readable.from([]), output });
        output.end();
        expect({ status: reached.status, heard: await heard }).toEqual({ status: 0, heard: 'hello from the device\n' });
      } finally {
        rmSync(home, { recursive: true, force: true });
        home = device;
        joining.interrupt();
        await joining.ended;
        echo.close();
      }
    },
    TEST_MS,
  );
});
