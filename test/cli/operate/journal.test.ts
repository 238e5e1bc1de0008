import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InstanceType, Switchyard } from '../../../src/client/index.js';
import type { RunningServer } from '../../../src/server/server.js';
import { runCommand } from '../command.js';
import { startTestServer } from '../servers/server.js';

let folder: string;
let server: RunningServer | undefined;
let at: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-journal-'));
  at = ['--data', folder];
  server = await startTestServer({ data: folder });
  const yard = new Switchyard({ server: server.addresses.grpc });
  for (const digit of '123') {
    const uuid = `00000000-0000-4000-8000-00000000000${digit}`;
    await yard.join({ uuid, type: InstanceType.AGENT, name: `roof-${digit}` }).attached();
  }
  await yard.close();
});

afterEach(async () => {
  await server?.close();
  await rm(folder, { recursive: true });
});

async function stopServer(): Promise<void> {
  await server?.close();
  server = undefined;
}

describe('switchyard journal', () => {
  it('says of an etcd that is away what etcd said, without a dangling note, and where to look', async () => {
    await stopServer();
    const { status, err } = await runCommand(['journal', 'copy', ...at, '--journal', 'etcd://127.0.0.1:1']);
    expect(status).toBe(1);
    expect(err).toContain('etcd: no connection: connect ECONNREFUSED 127.0.0.1:1');
    expect(err).not.toContain('Resolution note');
    expect(err).toContain('\nLook whether etcd runs there and can be reached, and what it logs.\n');
  });

  it('is not to be read while a server has the folder, and says so', async () => {
    for (const command of ['dump', 'check', 'repair']) {
      const { status, err } = await runCommand(['journal', command, ...at]);
      expect(status).toBe(1);
      expect(err).toContain('Stop the server first');
    }
  });

  it('dumps every command in order, without secrets', async () => {
    await stopServer();
    const { status, out } = await runCommand(['journal', 'dump', ...at]);
    expect(status).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => line.trim().split(' ')[1])).toEqual([
      'FoundNetwork',
      // Its limits differ from those of release 0.1.0 in when relayed streams confirm delivery.
      'SetLimits',
      ...Array(3).fill('OpenSession'),
      ...Array(3).fill('CloseSession'),
    ]);
    expect(out).toContain('name="roof-1"');
    expect(out).not.toContain('tokenHash');
    const json = await runCommand(['journal', 'dump', '--json', '--after', '7', ...at]);
    expect(JSON.parse(json.out)).toMatchObject({ revision: 8, command: { kind: 'CloseSession' } });
  });

  it('finds the folder through the environment', async () => {
    await stopServer();
    const { status } = await runCommand(['journal', 'check'], { env: { SWITCHYARD_DATA: folder } });
    expect(status).toBe(0);
  });

  it('checks a sound journal, and has nothing to repair', async () => {
    await stopServer();
    const { status, out } = await runCommand(['journal', 'check', ...at]);
    expect(status).toBe(0);
    expect(out).toMatch(/^8 records \(.* KiB\), revisions 1 to 8/m);
    expect(out).toMatch(/Everything is as it was written\.\n$/);
    const json = JSON.parse((await runCommand(['journal', 'check', '--json', ...at])).out);
    expect(json).toMatchObject({ records: { count: 8, kinds: { OpenSession: 3 } }, problemCount: 0 });
    expect(await runCommand(['journal', 'repair', ...at])).toMatchObject({
      status: 0,
      out: 'there is nothing to repair\n',
    });
  });

  it('names a damaged record, and ends with 1', async () => {
    await stopServer();
    await damage('roof-2', 'reef-2');
    const { status, out, err } = await runCommand(['journal', 'check', ...at]);
    expect(status).toBe(1);
    expect(out).toMatch(/^damaged at revision 4: /m);
    expect(err).toContain('Restore a backup');
    const dump = await runCommand(['journal', 'dump', ...at]);
    expect(dump.status).toBe(1);
    expect(dump.err).toContain('1 record cannot be read; see switchyard journal check');
    expect(dump.out).toContain('name="roof-3"');
    const repair = await runCommand(['journal', 'repair', ...at]);
    expect(repair).toMatchObject({ status: 1, err: expect.stringContaining('cannot be repaired') });
  });

  it('says so when there is no journal', async () => {
    const { status, err } = await runCommand(['journal', 'check', '--data', join(folder, 'elsewhere')]);
    expect(status).toBe(1);
    expect(err).toContain('there is no journal in');
  });
});

/** Changes bytes on the disk, as a failing one would. */
async function damage(before: string, after: string): Promise<void> {
  const path = join(folder, 'data.mdb');
  const { size } = await stat(path);
  const file = await open(path, 'r+');
  const bytes = Buffer.alloc(size);
  await file.read(bytes, 0, size, 0);
  for (let at = bytes.indexOf(before); at !== -1; at = bytes.indexOf(before, at + 1)) {
    await file.write(Buffer.from(after), 0, after.length, at);
  }
  await file.close();
}
