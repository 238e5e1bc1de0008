import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { commandFirst } from '../../../src/cli/arguments.js';
import { unknownVariables } from '../../../src/cli/variables.js';
import { LEAVES, LOOKED_AT } from '../leaves.js';

describe('an option', () => {
  it.each(LEAVES.map(({ words, command }) => [words.join(' '), words, command] as const))(
    'may stand before its command, in the middle of its words and after it: %s',
    (_name, words, command) => {
      for (const { long, short, required } of command.options) {
        for (const option of [long, short]) {
          if (option == null) continue;
          // A value that is the name of a command is a value.
          const given = required ? [option, 'nodes'] : [option];
          const asUsual = [...words, ...given, 'argument'];
          for (let at = 0; at <= words.length; at++) {
            const args = [...words.slice(0, at), ...given, ...words.slice(at), 'argument'];
            expect(commandFirst(LOOKED_AT, args)).toEqual(asUsual);
          }
          if (!required) continue;
          const joined = `${option}=nodes`;
          if (option === long) expect(commandFirst(LOOKED_AT, [joined, ...words])).toEqual([...words, joined]);
        }
      }
    },
  );

  it('takes its value as the next word or has none: a value that may be left out could be the command', () => {
    const optional = LEAVES.flatMap(({ command }) =>
      command.options.filter(({ optional, required }) => optional && !required),
    );
    expect(optional.map(({ flags }) => flags)).toEqual([]);
  });
});

describe('a command that lists', () => {
  const lists = LEAVES.filter(({ command }) => command.description().startsWith('List '));

  it.each(lists.map(({ words, command }) => [words.join(' '), command] as const))(
    'has --wide, --sort, --filter and --json: %s',
    (_name, command) => {
      const longs = command.options.map(({ long }) => long);
      expect(longs).toEqual(expect.arrayContaining(['--wide', '--sort', '--filter', '--json']));
    },
  );

  it('is found by its description: there are no fewer than files that print a listing', () => {
    const printers = sourcesOfCommands().filter(
      (text) => /\bwriteListing\(/.test(text) && !/function writeListing/.test(text),
    );
    expect(lists.length).toBeGreaterThanOrEqual(printers.length);
  });
});

describe('a variable that a command reads', () => {
  it('is not warned of as unknown', () => {
    const read = sourcesOfCommands().flatMap((text) =>
      [...text.matchAll(/\benv\.(SWITCHYARD_\w+)/g)].map(([, name]) => name),
    );
    expect(new Set(read).size).toBeGreaterThan(5);
    expect(unknownVariables(Object.fromEntries(read.map((name) => [name, 'x'])))).toEqual([]);
  });
});

/** The sources of the command line, each as text. */
function sourcesOfCommands(): string[] {
  const files = readdirSync('src/cli', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return files.map((name) => readFileSync(join('src/cli', name), 'utf8'));
}
