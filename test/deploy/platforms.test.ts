import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { platformTable } from '../../deploy/npm/platforms.mjs';

it('docs/platforms.md has the binaries that package-lock.json says, for each system', async () => {
  const text = await readFile('docs/platforms.md', 'utf8');
  const [, table] = /<!-- begin platforms:.*-->\n\n([\s\S]*?)\n\n<!-- end platforms -->/.exec(text) ?? [];
  expect(table).toBe(platformTable());
  expect(table).toMatch(/\| `lmdb` \| yes \| yes \|/);
});
