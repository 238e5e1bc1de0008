import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Switchyard } from '../../../src/client/index.js';
import type { RunningServer } from '../../../src/server/server.js';
import { agent } from '../../grpc/running.js';
import { keyOf } from '../../trust/proving.js';
import { runCommand, startCommand } from '../command.js';
import { startTestServer } from '../servers/server.js';

const TEST_MS = 60_000;
let folder: string;
let server: RunningServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'networks-hub-'));
  server = await startTestServer({ data: folder });
}, TEST_MS);
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const onHub = (...args: string[]) =>
  startCommand([...args, '--server', server.addresses.grpc, '--data', folder], { input: Readable.from([]) }).ended;

describe('switchyard network', () => {
  it(
    'creates, lists and drops a network, and --network makes other commands use it',
    async () => {
      const created = await onHub('network', 'create', 'harbour', '--sessions-max', '5');
      expect(created).toMatchObject({ status: 0, out: expect.stringContaining('--network harbour') });
      const yard = new Switchyard({ server: server.addresses.grpc, network: 'harbour' });
      // With a key: its proof is of the network, too.
      const { instanceUuid: uuid } = agent(7);
      const instance = yard.join({ uuid, type: 2, name: 'boat-7', key: keyOf(1) });
      await new Promise((resolve) => instance.on('opened', resolve));
      const listed = await onHub('network', 'list');
      expect(listed.out).toMatch(/harbour +1 +1\/5/);
      const inside = await onHub('sessions', '--network', 'harbour');
      expect(inside.out).toContain('boat-7');
      expect((await onHub('sessions')).out).not.toContain('boat-7');
      await yard.close();
      const unasked = await onHub('network', 'drop', 'harbour');
      expect(unasked).toMatchObject({ status: 2, err: expect.stringContaining('give --yes') });
      const dropped = await onHub('network', 'drop', 'harbour', '--yes');
      expect(dropped).toMatchObject({ status: 0, out: expect.stringContaining(join(folder, 'dropped', 'harbour-1')) });
      const gone = await onHub('sessions', '--network', 'harbour');
      expect(gone).toMatchObject({ status: 1, err: expect.stringContaining('no network "harbour"') });
    },
    TEST_MS,
  );

  it(
    'is about all networks, so that SWITCHYARD_NETWORK does not lead it to another one, and neither does audit tail',
    async () => {
      expect(await onHub('network', 'create', 'north')).toMatchObject({ status: 0 });
      const env = { SWITCHYARD_NETWORK: 'north' };
      const inNorth = (...args: string[]) =>
        runCommand([...args, '--server', server.addresses.grpc, '--data', folder], { env });
      expect(await inNorth('network', 'list')).toMatchObject({
        status: 0,
        err: '',
        out: expect.stringMatching(/north/),
      });
      expect(await inNorth('network', 'create', 'south')).toMatchObject({ status: 0, err: '' });
      expect(await inNorth('audit', 'tail')).toMatchObject({
        status: 0,
        err: '',
        out: expect.stringContaining('CreateNetwork'),
      });
      expect(await inNorth('network', 'drop', 'south', '--yes')).toMatchObject({ status: 0, err: '' });
      const stranger = await inNorth('network', 'list', '--network', 'north');
      expect(stranger).toMatchObject({ status: 1, out: '' });
    },
    TEST_MS,
  );

  it(
    'says before it asks that there is no network to drop',
    async () => {
      const missing = await onHub('network', 'drop', 'nowhere');
      expect(missing).toEqual({ status: 1, out: '', err: 'there is no network "nowhere": see network list\n' });
    },
    TEST_MS,
  );

  it(
    'refuses a name that is no name before anything is sent',
    async () => {
      const wrong = await onHub('sessions', '--network', 'No!');
      expect(wrong).toMatchObject({ status: 2, err: expect.stringContaining('1 to 32 of a-z, 0-9 and -') });
    },
    TEST_MS,
  );
});
