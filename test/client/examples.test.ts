import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const EXAMPLES = new URL('../../docs/examples/', import.meta.url);
const files = readdirSync(EXAMPLES).sort();

describe('docs/client.md', () => {
  it('shows every example, whole, and no code that is not one', () => {
    const manual = readFileSync(new URL('../client.md', EXAMPLES), 'utf8');
    const shown = [...manual.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
    const sources = files.map((file) => readFileSync(new URL(file, EXAMPLES), 'utf8'));
    expect(shown.sort()).toEqual(sources.sort());
  });
});
