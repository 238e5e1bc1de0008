import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const FOLDER = 'test/trials';

describe('a trial', () => {
  it('names the public report that it is after, so that a reader can look up what else was found there', () => {
    const trials = readdirSync(FOLDER).filter((name) => name.endsWith('.test.ts'));
    const nameless = trials.filter((name) => !/^\/\/.*(#|bug )\d+/m.test(readFileSync(`${FOLDER}/${name}`, 'utf8')));
    expect(nameless).toEqual([]);
    expect(trials.length).toBeGreaterThan(25);
  });
});
