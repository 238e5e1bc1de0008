import { readFileSync } from 'node:fs';
import { readSources } from './imports.mjs';

/** Where a use is right, by file: which words, in the order in which they stand there, and why. */
export type Exceptions = Readonly<Record<string, readonly [uses: string, reason: string]>>;

/** The code of a file, without its comments. */
export const codeOf = (text: string) => text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(?<=^|\s)\/\/.*$/gm, '');

/** What the code of `src` uses of the words of a global pattern, by file. */
export function usesOf(words: RegExp): Record<string, string> {
  const found = readSources('.', 'src').flatMap(({ path }) => {
    const uses = codeOf(readFileSync(path, 'utf8')).match(words);
    return uses === null ? [] : [[path, uses.join(' ')] as const];
  });
  return Object.fromEntries(found);
}

/** The same of a list of exceptions. */
export function usesListed(exceptions: Exceptions): Record<string, string> {
  return Object.fromEntries(Object.entries(exceptions).map(([path, [uses]]) => [path, uses]));
}
