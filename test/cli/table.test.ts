import { describe, expect, it } from '@jest/globals';
import { formatTable } from '../../src/cli/table.js';
import { cellsOf, printable } from '../../src/cli/terminal.js';

describe('a table', () => {
  const columns = [
    { heading: 'SID', value: (row: readonly [number, string]) => row[0], right: true },
    { heading: 'NAME', value: (row: readonly [number, string]) => row[1] },
    { heading: 'END', value: () => 'x' },
  ];

  it('aligns its columns, numbers to the right', () => {
    const rows = [
      [7, 'roof'],
      [134217858, 'é日😀'],
    ] as const;
    expect(formatTable(columns, rows)).toBe(
      ['      SID  NAME   END', '        7  roof   x', '134217858  é日😀  x', ''].join('\n'),
    );
  });

  it('is only its heading when there is nothing in it', () => {
    expect(formatTable(columns, [], (text) => `<${text}>`)).toBe('<SID  NAME  END>\n');
  });

  it('lets nobody steer the terminal by a name', () => {
    const text = formatTable(columns, [[1, 'a\u001b[2Jb\nc\u202e']]);
    expect(text.split('\n')).toHaveLength(3);
    for (const character of ['\u001b', '\u202e']) expect(text).not.toContain(character);
    expect(printable('plain, déjà 日本')).toBe('plain, déjà 日本');
  });

  it('knows how many cells a text takes', () => {
    expect(['', 'abc', 'e\u0301', '日本', '👍', '👨‍👩‍👧'].map(cellsOf)).toEqual([0, 3, 1, 4, 2, 6]);
  });
});
