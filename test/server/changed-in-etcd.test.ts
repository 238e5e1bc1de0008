import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import type { EtcdStore, KeyRange, Operation } from '../../src/log/etcd/store.js';
import { type Program, startServerProcess } from '../cli/process.js';
import { agent, ask } from '../grpc/running.js';
import { EtcdProcess, lacksEtcd } from '../log/etcd-process.js';

// A tool that deletes or writes below the prefix of a network, as `etcdctl del --prefix` or a mirror does, while its servers run.
// With `head` deleted the server that led ended with status 1 and a stack trace, as for a fault of its own.

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: servers whose keys in etcd are changed: ${lacks}\n`);

// Processes are started here.
jest.setTimeout(120_000);

const NETWORK = 'changed';
const keys = new LogKeys(NETWORK);

(lacks ? describe.skip : describe)('a server that leads, and whose etcd is changed by something else', () => {
  let etcd: EtcdProcess;
  let store: EtcdStore & { close(): void };
  let folder: string;
  let program: Program;
  let client: Client;
  beforeEach(async () => {
    etcd = await EtcdProcess.start();
    store = etcd.connect();
    folder = mkdtempSync(join(tmpdir(), 'switchyard-changed-'));
    const place = ['--journal', etcd.url, '--network', NETWORK, '--data', join(folder, 'data')];
    const started = await startServerProcess([...place, '--name', 's1', '--listen', '127.0.0.1:0']);
    program = started.program;
    client = new Client(started.address, credentials.createInsecure());
    await ask({ client }, Sessions.session, agent(1));
  });
  afterEach(async () => {
    client.close();
    store.close();
    await program.stop('SIGKILL');
    await etcd.remove();
    rmSync(folder, { recursive: true });
  });

  const change = (success: readonly Operation[]) => store.commit({ compare: [], success });
  const remove = (range: KeyRange) => change([{ kind: 'delete', range }]);
  async function overwrite(range: KeyRange): Promise<void> {
    const { values } = await store.read(range);
    expect(values.length).toBeGreaterThan(0);
    await change(values.map(({ key }) => ({ kind: 'put', key, value: Uint8Array.of(1, 2, 3) })));
  }
  const open = (number: number) => ask({ client }, Sessions.session, agent(number));

  it.each([
    ['deleted', remove, 'was deleted'],
    ['overwritten', overwrite, 'was written by something else'],
  ] as const)('ends with status 74 when its head is %s, and says what to do', async (_, by, what) => {
    await by({ key: keys.head });
    await expect(open(2)).rejects.toThrow();
    expect(await program.ended()).toBe(74);
    const said = program.err.trim().split('\n');
    expect(said).toHaveLength(1);
    const { msg, err } = JSON.parse(said[0]);
    expect(msg).toBe('the journal can be written no more');
    expect(err.message).toContain(`${keys.head} in etcd ${what} while this server led`);
    expect(err.message).toContain('restore etcd from a backup');
  });

  it.each([
    ['deleted', remove],
    ['overwritten', overwrite],
  ] as const)('ends with status 74, as does one that follows, when the head is %s', async (_, by) => {
    const place = ['--journal', etcd.url, '--network', NETWORK, '--data', join(folder, 'data2')];
    const follower = await startServerProcess([...place, '--name', 's2', '--listen', '127.0.0.1:0']);
    try {
      await by({ key: keys.head });
      await expect(open(2)).rejects.toThrow();
      expect(await program.ended()).toBe(74);
      expect(await follower.program.ended()).toBe(74);
    } finally {
      await follower.program.stop('SIGKILL');
    }
  });

  it('ends with status 74 when the key that it leads by is deleted', async () => {
    await remove({ key: keys.leader });
    await expect(open(2)).rejects.toMatchObject({ details: expect.stringContaining('leads the network no more') });
    expect(await program.ended()).toBe(74);
  });

  it.each([
    ['its marks', { key: keys.marks }],
    ['the claims of names', { key: keys.claims }],
    ['the names', keys.names],
    ['what servers say of themselves', keys.servers],
  ])('goes on when %s are deleted', async (_, range) => {
    await remove(range);
    for (const number of [2, 3]) expect((await open(number)).instanceSid).toBeGreaterThan(0);
  });
});
