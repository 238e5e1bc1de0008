import { describe, expect, it } from '@jest/globals';
import { flavorWord, momentWord, typeWord } from '../../../src/cli/words.js';
import { InstanceFlavor, InstanceType } from '../../../src/client/index.js';

/** Each number from 0 to `last`, as `word` says it. */
const wordsTo = (last: number, word: (value: number) => string) =>
  Array.from({ length: last + 1 }, (_, value) => word(value));

describe('the word for a moment', () => {
  it('is there for every number that a server may say', () => {
    const moments = [undefined, new Date(0), new Date(Number.POSITIVE_INFINITY)];
    expect(moments.map(momentWord)).toEqual(['-', '1970-01-01T00:00:00.000Z', '?']);
  });
});

describe('words for instance types and flavors', () => {
  it('says the types of the tables by name and those of a fleet by number, as 0.1.0 did', () => {
    expect(wordsTo(8, typeWord)).toEqual(['unspecified', 'server', 'agent', 'client', 'installer', '5', '6', '7', '8']);
  });

  it('says the flavors of the tables by name and those of a fleet by number, as 0.1.0 did', () => {
    const named = ['-', 'vanilla', 'mega', 'micro', 'ascetic', 'lifegem', 'soapstone', 'lockstone'];
    const numbered = Array.from({ length: 25 }, (_, index) => String(index + 8));
    expect(wordsTo(32, flavorWord)).toEqual([...named, ...numbered]);
  });

  it('has a name in the protos for each type and flavor that a SID can hold, its number in those of a fleet', () => {
    expect([5, 6, 7, 8].map((type) => InstanceType[type])).toEqual(['FLEET_5', 'FLEET_6', 'FLEET_7', undefined]);
    const flavors = wordsTo(32, (flavor) => InstanceFlavor[flavor]).slice(8);
    expect(flavors).toEqual([...Array.from({ length: 24 }, (_, index) => `FLEET_${index + 8}`), undefined]);
  });
});
