import { readFileSync } from 'node:fs';
import { codeOf } from './errors.js';

/** The package's own version: the nearest package.json above, as this file runs from src/, from dist/src/ and bundled in dist/bundle/. */
export function version(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  throw new Error('the package has no package.json');
}

/** The commit that the build was made from, as `npm run build` noted it beside the code; empty when it did not know. */
export function commit(): string {
  for (const up of ['../build.json', '../../build.json']) {
    try {
      const noted = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { commit?: string };
      return noted.commit ?? '';
    } catch {
      // From sources there is none.
    }
  }
  return '';
}
