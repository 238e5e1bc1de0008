import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Random } from '../../src/base/clock.js';
import { linesOf } from '../../src/cli/conclude.js';
import { ensureAdminToken, readAdminToken } from '../../src/server/admin-token.js';

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
