import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { NETWORK_NAME } from '../../../src/core/model/network.js';
import { SERVER_NAME } from '../../../src/core/model/server.js';

const ROOT = new URL('../../../', import.meta.url);

/** All files of the sources with their text. */
function sources(folder: string): (readonly [string, string])[] {
  return readdirSync(new URL(`${folder}/`, ROOT), { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = `${entry.parentPath}/${entry.name}`;
    return entry.isFile() && path.endsWith('.ts') ? [[path, readFileSync(path, 'utf8')] as const] : [];
  });
}

describe('the name of a network', () => {
  it.each([
    ['n'.repeat(32), true],
    ['n'.repeat(33), false],
    ['n'.repeat(63), false],
    ['', false],
    ['a/b', false],
  ])('%j is one: %s', (name, isOne) => {
    expect(NETWORK_NAME.test(name)).toBe(isOne);
  });

  it('has one rule in all sources, and the console, which has no code of the server, has the same', () => {
    const written = [...sources('src'), ...sources('console/src')].flatMap(([path, text]) =>
      [...text.matchAll(/\/\^?\S*\[a-z0-9-\]\{\d+,\d+\}\S*\//g)].map(([found]) => [
        path.slice(path.lastIndexOf('/') + 1),
        found,
      ]),
    );
    expect(written.sort()).toEqual([
      ['network.ts', String(NETWORK_NAME)],
      ['route.ts', String(NETWORK_NAME)],
    ]);
  });
});

describe('the name of a server among others', () => {
  it.each([
    ['a', true],
    ['Yard-1.example_net', true],
    ['n'.repeat(253), true],
    ['n'.repeat(254), false],
    ['.', false],
    ['a/b', false],
    ['', false],
    ['a b', false],
  ])('%j is one: %s', (name, isOne) => {
    expect(SERVER_NAME.test(name)).toBe(isOne);
  });
});
