import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemRandom } from '../../src/client/system.js';
import { ensureAdminToken } from '../../src/server/admin-token.js';
import { startServerProcess } from '../cli/process.js';
import { run } from '../grpc/running.js';

const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
if (!canMount)
  process.stderr.write('not checked: starts on a full or partly read-only disk, as nothing may be mounted here\n');

let folder: string;
let data: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-folder-'));
  data = join(folder, 'data');
  await (await run({ data })).stop();
  await ensureAdminToken(data, undefined, systemRandom);
});
afterEach(() => rm(folder, { recursive: true }));

/** Starts a server as a process that sees what `mounts` has mounted, and answers with its log once it has listened and ended. */
async function startAfter(mounts: string): Promise<string> {
  const node = join(folder, 'node');
  const isolated = `exec unshare -rm sh -ec '${mounts}; exec "$0" "$@"' '${process.execPath}' "$@"`;
  await writeFile(node, `#!/bin/sh\n${isolated}\n`);
  await chmod(node, 0o755);
  const args = ['--data', data, '--listen', '127.0.0.1:0', '--log-level=warn'];
  const { program } = await startServerProcess(args, {}, node);
  expect(await program.stop('SIGTERM')).toBe(0);
  return program.err;
}

/** The warnings of a log, with the file that each is about. */
function warningsIn(log: string): { readonly msg: string; readonly path?: string }[] {
  const lines = log.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { msg, path } = JSON.parse(line) as { readonly msg: string; readonly path?: string };
    return path === undefined ? { msg } : { msg, path };
  });
}

(canMount ? describe : describe.skip)('a server starts', () => {
  it('on a full disk, and warns that commands on this machine do not learn where it listens', async () => {
    const fill = `mv ${data} ${data}.kept; mkdir ${data}; mount -t tmpfs -o size=1m,mode=700 none ${data}; cp -a ${data}.kept/. ${data};
      cat /dev/zero > ${data}/filler 2> /dev/null || true`;
    expect(warningsIn(await startAfter(fill))).toContainEqual({
      msg: 'where this server listens cannot be written to the data folder: commands on this machine may need --server and --tls-ca',
      path: join(data, 'listening.json'),
    });
  }, 60_000);

  it('beside what an unfinished write has left and nothing can remove, warns of that file, and removes the others', async () => {
    const [held, other] = ['0123456789abcdef', 'fedcba9876543210'].map((suffix) =>
      join(data, `admin-token.${suffix}.new`),
    );
    for (const path of [held, other]) await writeFile(path!, 'an old secret', { mode: 0o600 });
    // What is mounted cannot be unlinked, as root neither.
    expect(warningsIn(await startAfter(`mount --bind ${held} ${held}`))).toEqual([
      {
        msg: 'what an unfinished write has left cannot be removed, and may hold an old secret: remove it',
        path: held,
      },
    ]);
    expect((await readdir(data)).filter((name) => name.endsWith('.new'))).toEqual([basename(held!)]);
  }, 60_000);
});
