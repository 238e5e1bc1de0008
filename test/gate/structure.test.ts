import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cyclesOf, importsOf, readSources } from './imports.mjs';
import { measure, report, roomOf } from './structure.mjs';

let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'switchyard-structure-'));
});

afterEach(() => rmSync(top, { recursive: true }));

/** Writes files below the top, by path. */
function place(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  }
}

describe('the imports of a tree', () => {
  it('are found in imports, re-exports, import() and the types of modules', () => {
    place({
      'src/a.ts': [
        "import { one, type Two } from './b.js';",
        "import type { Three } from './c.js';",
        "export { four } from './d.js';",
        "export * from './e.js';",
        "const five = import('./deep/f.js');",
        "let six: import('../gen/g.js').Six;",
        "import { readFile } from 'node:fs';",
      ].join('\n'),
    });
    const found = importsOf(readSources(top, 'src')).map(({ from, ...edge }) => edge);
    expect(found).toEqual([
      { to: 'src/b.ts', isType: false, isLazy: false },
      { to: 'src/c.ts', isType: true, isLazy: false },
      { to: 'src/d.ts', isType: false, isLazy: false },
      { to: 'src/e.ts', isType: false, isLazy: false },
      { to: 'src/deep/f.ts', isType: false, isLazy: true },
      { to: 'gen/g.ts', isType: true, isLazy: false },
    ]);
  });

  it('make a cycle of all names that reach each other, and none of a name that imports itself', () => {
    const edges = ['ab', 'bc', 'ca', 'cd', 'de', 'ed', 'ff', 'ag'].map(([from, to]) => [from, to] as const);
    expect(cyclesOf(edges)).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
  });
});

describe('the counts of a tree', () => {
  it('tell a cycle at run time from one that only types close, and files from folders and rooms', () => {
    place({
      'src/one/a.ts': "import { b } from './b.js';\nexport const a = b;\n",
      'src/one/b.ts': "import { a } from './a.js';\nexport const b = a;\n",
      'src/two/c.ts': "import type { D } from './inner/d.js';\nexport type C = D;\n",
      'src/two/inner/d.ts': "import { C } from '../c.js';\nexport type D = C;\n",
      'src/main.ts': "import { a } from './one/a.js';\nvoid import('./two/c.js');\nconsole.log(a);\n",
    });
    const { cyclesAtRunTime, cyclesWithTypes, cyclesOfFolders, cyclesOfRooms } = measure(top);
    expect(cyclesAtRunTime).toEqual([['src/one/a.ts', 'src/one/b.ts']]);
    expect(cyclesWithTypes).toEqual([
      ['src/one/a.ts', 'src/one/b.ts'],
      ['src/two/c.ts', 'src/two/inner/d.ts'],
    ]);
    expect(cyclesOfFolders).toEqual([['src/two', 'src/two/inner']]);
    expect(cyclesOfRooms).toEqual([]);
  });

  it('take casts and assertions, but neither `as const` nor aliases of imports', () => {
    place({
      'src/a.ts': [
        "import { b as c } from './b.js';",
        'const d = [1] as const;',
        'const e = c as unknown as string;',
        'export const f = e!.length + d[0]!;',
      ].join('\n'),
      'src/b.ts': `export const b = 1;\n${'\n'.repeat(996)}`,
    });
    const { lines, castsPerThousandLines, assertionsPerThousandLines } = measure(top);
    expect(lines).toBe(1_000);
    expect([castsPerThousandLines, assertionsPerThousandLines]).toEqual([2, 2]);
  });

  it('name what two files export, but not what one of them passes on or declares as a value and as a type', () => {
    place({
      'src/a.ts': 'export const X = 1;\nexport type X = number;\nexport interface Y {}\n',
      'src/b.ts': "export { X } from './a.js';\nexport class Y {}\nexport function z() {}\n",
      'src/c.ts': 'export const { z } = { z: 1 };\nexport enum W { A }\n',
    });
    expect(measure(top).namesExportedTwice).toEqual([{ name: 'Y', files: ['src/a.ts', 'src/b.ts'] }]);
  });

  it('list a source of 351 lines, and not one of 350', () => {
    place({ 'src/long.ts': '\n'.repeat(351), 'src/fits.ts': '\n'.repeat(350) });
    expect(measure(top).longFiles).toEqual([{ path: 'src/long.ts', lines: 351 }]);
  });

  it('list a folder of 21 files, and not one of 20 with a folder in it', () => {
    const files = (folder: string, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${folder}/f${index}.ts`, '']));
    place({ ...files('src/full', 21), ...files('src/fits', 20), ...files('src/fits/inner', 3), ...files('gen', 30) });
    expect(measure(top).fullFolders).toEqual([{ folder: 'src/full', files: 21 }]);
    expect(report(measure(top))).toContain('| folders with more than 20 files | 1 |');
    expect(report(measure(top))).toContain('  src/full 21');
  });
});

describe('the room of a source', () => {
  it('is its folder right under src, however deep it lies', () => {
    expect(roomOf('src/core/model/fault.ts')).toBe('src/core');
    expect(roomOf('src/core/fault.ts')).toBe('src/core');
    expect(roomOf('src/main.ts')).toBe('src');
  });
});
