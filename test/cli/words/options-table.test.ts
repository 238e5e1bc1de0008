import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { refreshed } from './options-table.js';

const PATH = new URL('../../../docs/operations.md', import.meta.url);

describe('The document for operators', () => {
  it('has the options that the code has (UPDATE_DOCUMENT=1 brings them up to date)', () => {
    if (process.env.UPDATE_DOCUMENT === '1') writeFileSync(PATH, refreshed(readFileSync(PATH, 'utf8')));
    const document = readFileSync(PATH, 'utf8');
    expect(document).toBe(refreshed(document));
  });
});
