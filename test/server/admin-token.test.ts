import { spawnSync } from 'node:child_process';
import { link, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Random } from '../../src/base/clock.js';
import { linesOf } from '../../src/cli/conclude.js';
import { ensureAdminToken, readAdminToken } from '../../src/server/admin-token.js';
import { run } from '../grpc/running.js';

const LOADER = new URL('../../harness/typescript.mjs', import.meta.url).href;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-admin-'));
});
afterEach(() => rm(folder, { recursive: true }));

let next = 1;
const random: Random = { bytes: (count) => new Uint8Array(count).fill(next++), fraction: () => 0 };

describe("the administrator's token", () => {
  it('is made once, and only its owner can read it', async () => {
    expect(await readAdminToken(folder)).toBeUndefined();
    const made = await ensureAdminToken(folder, undefined, random);
    expect(made).toMatch(/^[\w-]{32}$/);
    expect((await stat(join(folder, 'admin-token'))).mode & 0o777).toBe(0o600);
    expect(await ensureAdminToken(folder, undefined, random)).toBe(made);
    expect(await readAdminToken(folder)).toBe(made);
  });

  it.each([
    ['ensureAdminToken', 'admin-token'],
    ['ensureMetricsToken', 'metrics-token'],
  ])(
    'is read at a start on a disk without room: %s',
    async (ensure, file) => {
      await writeFile(join(folder, file), 'kept\n', { mode: 0o600 });
      const source = new URL('../../src/server/admin-token.ts', import.meta.url).href;
      const script = `import { ${ensure} as ensure } from '${source}';
        const random = { bytes: (count) => new Uint8Array(count), fraction: () => 0 };
        console.log(await ensure(${JSON.stringify(folder)}, undefined, random).catch(({ message }) => message));`;
      const node = ['--no-warnings', '--import', LOADER, '--input-type=module', '-e', script];
      // No file may have a byte more. What node prints goes to a pipe.
      const limited = `trap '' XFSZ; ulimit -f 0; exec "$0" "$@"`;
      const said = spawnSync('sh', ['-c', limited, process.execPath, ...node], { encoding: 'utf8' });
      expect(said.stdout).toBe('kept\n');
    },
    60_000,
  );

  it('is in no other file of its data folder once a server has started there', async () => {
    const token = await ensureAdminToken(folder, undefined, random);
    await link(join(folder, 'admin-token'), join(folder, 'admin-token.4711.new'));
    await link(join(folder, 'admin-token'), join(folder, 'admin-token.0123456789abcdef.new'));
    const at = await run({ data: folder });
    try {
      expect((await readdir(folder)).filter((name) => name.startsWith('admin-token'))).toEqual(['admin-token']);
      expect(await readAdminToken(folder)).toBe(token);
    } finally {
      await at.stop();
    }
  });

  it('is what was given, and then nothing is written', async () => {
    expect(await ensureAdminToken(folder, 'given-by-a-person', random)).toBe('given-by-a-person');
    expect(await readAdminToken(folder)).toBeUndefined();
  });

  it('is never empty, even after a crash in the middle of writing it', async () => {
    await writeFile(join(folder, 'admin-token'), '', { mode: 0o600 });
    const refused = await ensureAdminToken(folder, undefined, random).catch((error: unknown) => error);
    // What a start says: the file and what to do, and of no defect.
    expect(linesOf(refused)).toEqual([expect.stringMatching(/admin-token holds no token: delete it/)]);
    expect(linesOf(refused).join()).not.toContain('a defect');
  });

  it('does not exist for a server in memory', async () => {
    expect(await ensureAdminToken(':memory:', undefined, random)).toBeUndefined();
    expect(await readAdminToken(':memory:')).toBeUndefined();
  });
});
