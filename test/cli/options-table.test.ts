import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { refreshed } from './options-table.js';

const PATH = new URL('../../docs/operations.md', import.meta.url);

describe('The document for operators', () => {
  it('has the options that the code has (UPDATE_DOCUMENT=1 brings them up to date)', () => {
    if (process.env.UPDATE_DOCUMENT === '1') writeFileSync(PATH, refreshed(readFileSync(PATH, 'utf8')));
    const document = readFileSync(PATH, 'utf8');
    expect(document).toBe(refreshed(document));
  });

  it('names every metric that the server has, and no other', () => {
    const named = new Set(readFileSync(PATH, 'utf8').match(/switchyard_[a-z_]+/g));
    const code = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(join('src', path), 'utf8'))
      .join('');
    expect([...named].sort()).toEqual([...new Set(code.match(/switchyard_[a-z_]+/g))].sort());
  });
});
