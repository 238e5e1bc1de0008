import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Switchyard } from '../../../src/client/index.js';
import type { RunningServer } from '../../../src/server/server.js';
import { agent } from '../../grpc/running.js';
import { keyOf } from '../../trust/proving.js';
import { startCommand } from '../command.js';
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
    'refuses a name that is no name before anything is sent',
    async () => {
      const wrong = await onHub('sessions', '--network', 'No!');
      expect(wrong).toMatchObject({ status: 2, err: expect.stringContaining('1 to 32 of a-z, 0-9 and -') });
    },
    TEST_MS,
  );
});
