import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { NEXT_BUILD } from '../../harness/next-build.mjs';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { OWN_NUMBERS } from '../../src/journal/own-numbers.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { ServerName } from '../../src/log/etcd/server-name.js';
import { EtcdProcess, lacksEtcd } from '../log/etcd-process.js';
import { type Ended, runCommand } from './command.js';
import { type Program, startServerProcess } from './process.js';

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: an upgrade of servers on one etcd: ${lacks}\n`);

// Processes are started here, one after the other, and what is known of them is asked for every 10 s.
jest.setTimeout(240_000);

/** Tries that follow each other after 2 s: a leader asks every 10 s what live servers know. */
const TRIES = 20;
const TOKEN = 'the-administrator-of-an-upgrade';

(lacks ? describe.skip : describe)('two servers on one etcd, upgraded to a later build one after the other', () => {
  const network = 'upgraded';
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-upgraded-'));
  const running = new Map<string, Program>();
  let etcd: EtcdProcess;

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  });
  afterAll(async () => {
    for (const program of running.values()) await program.stop('SIGKILL');
    await etcd.remove();
    rmSync(folder, { recursive: true });
  });

  const options = (name: string) => [
    ...['--journal', etcd.url, '--network', network, '--name', name, '--leader-ttl', '20s', '--admin-token', TOKEN],
    ...['--listen', '127.0.0.1:0', '--data', join(folder, name), '--allow-open'],
  ];

  /** Starts a server; `isNext`: of the later build. Resolves with its address. */
  async function serve(name: string, isNext = false): Promise<string> {
    const env: Record<string, string> = isNext ? { [NEXT_BUILD]: '1' } : {};
    const { program, address } = await startServerProcess(options(name), env);
    running.set(name, program);
    return address;
  }

  /** What a server of the earlier build does before anything else, and no more of it. */
  async function claim(name: string): Promise<ServerName> {
    const claimed = { keys: new LogKeys(network), network, name, peerAddress: '127.0.0.1:1', known: OWN_NUMBERS };
    return ServerName.claim({
      ...{ ...claimed, store: etcd.connect(), clock: systemClock, random: systemRandom },
      ...{ isRefused: async () => false, taken: () => undefined, warn: () => undefined },
    });
  }

  async function end(name: string): Promise<void> {
    expect(await running.get(name)!.stop('SIGTERM')).toBe(0);
    running.delete(name);
  }

  const put = (address: string) =>
    runCommand(['policy', 'apply', '-', '--server', address, '--admin-token', TOKEN], {
      input: Readable.from(['{"auth":"open"}']),
    });

  /** What becomes of a policy at a server, once it is not what it was before. */
  async function putUntil(address: string, isSo: (put: Ended) => boolean): Promise<Ended> {
    for (let tries = 0; ; tries++) {
      const ended = await put(address);
      if (isSo(ended) || tries === TRIES) return ended;
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  }

  it('store nothing that the server of the earlier build cannot read, until it is upgraded; then that build is left out', async () => {
    await serve('a');
    const later = await serve('b', true);
    // The leader is of the earlier build: it cannot read what a policy is said in by the later one.
    expect((await put(later)).err).toContain(
      'the server that leads is of an earlier build: record 1 has format version 5',
    );
    const listed = await runCommand(['servers', '--json', '--server', later, '--admin-token', TOKEN]);
    const numbers = listed.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(numbers).toMatchObject([
      { name: 'a', formatMax: 4, formatInUse: 4 },
      { name: 'b', formatMax: 5, formatInUse: 4 },
    ]);
    const earlier = await claim('c');
    await end('a');
    await serve('a', true);
    const kept = await putUntil(later, ({ err }) => err.includes('PutPolicy cannot be stored yet'));
    expect(kept.err).toContain('format 5 is needed, and server c reads up to 4: upgrade it first');
    await earlier.close();
    expect(await putUntil(later, ({ status }) => status === 0)).toMatchObject({ status: 0 });
    await end('a');
    const error = await serve('a').catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/it ended with 1 .*Nothing was changed\. Start the newer version again/s);
  });
});
