import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { countLines, LANGUAGES, replaceFigures, tableOf, timeLanguage } from '../../harness/first-session/language.js';
import { run } from '../grpc/running.js';

describe('the first session of a language', () => {
  it('is timed for every example that there is', () => {
    const folders = readdirSync('examples', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(LANGUAGES.map(({ folder }) => folder).sort()).toEqual(folders.map(({ name }) => name).sort());
  });

  it('comes of the example with curl, in an empty folder, and the example ends with it', async () => {
    const at = await run({ 'web-listen': '127.0.0.1:0' });
    try {
      const curl = LANGUAGES.find(({ folder }) => folder === 'curl')!;
      const found = await timeLanguage(curl, { grpc: at.address, web: at.server.addresses.web });
      expect(found.problem).toBeUndefined();
      expect(found.seconds).toBeGreaterThan(0);
      expect(found.lines).toBeGreaterThan(10);
    } finally {
      await at.stop();
    }
  }, 60_000);

  it('is told with the reason where there is none', async () => {
    const php = { ...LANGUAGES.find(({ folder }) => folder === 'curl')!, name: 'nowhere' };
    const found = await timeLanguage(php, { grpc: '127.0.0.1:1', web: '127.0.0.1:1' });
    expect(found.problem).toMatch(/^it ended with status \d+: /);
    expect(tableOf([found])).toContain('| nowhere | not run here: it ended with status');
  }, 60_000);

  it('has a row in examples/README.md for every language, with the lines that its example has now', () => {
    const readme = readFileSync('examples/README.md', 'utf8');
    for (const { name, folder, program } of LANGUAGES) {
      const lines = countLines(readFileSync(`examples/${folder}/${program}`, 'utf8'));
      expect(readme).toMatch(new RegExp(`^\\| ${name.replaceAll('+', '\\+')} \\| [^|]+ \\| ${lines} \\|$`, 'm'));
    }
  });

  it('is written into a document instead of the last figures, and into none without a place for them', () => {
    const [language] = LANGUAGES;
    const before = 'a\n\nMeasured once:\n\n| language | s |\n|---|---|\n| X | 1 |\n\nb\n';
    const written = replaceFigures(before, 'here', [{ language, lines: 3, seconds: 1.25 }]);
    expect(written).toMatch(/^a\n\nMeasured here:\n\n\| language \| seconds \| lines \|\n/);
    expect(written).toMatch(/\| 1\.3 \| 3 \|\n(\|.*\n)+\nb\n$/);
    expect(() => replaceFigures('a\n', 'here', [])).toThrow('there are no figures of first sessions');
  });

  it('counts lines that are neither empty nor a comment', () => {
    expect(countLines('#include <a>\n\n// a\n/* b\n * c\n */\nint x; // d\n')).toBe(2);
    expect(countLines('#!/bin/sh\n# a\n"""Says so."""\necho a\n')).toBe(1);
  });
});
