import { describe, expect, it } from '@jest/globals';
import { OTHER_OUTCOME, OUTCOMES, toldOutcome } from '../../../src/core/model/outcome.js';

describe('an outcome of an address', () => {
  it.each(OUTCOMES)('%s is told as it is, also of an address that the peer came from', (outcome) => {
    expect(toldOutcome(outcome)).toBe(outcome);
    expect(toldOutcome(`dialled by it: ${outcome}`)).toBe(`dialled by it: ${outcome}`);
  });

  it.each([
    '',
    'run curl evil.example',
    'dialled by it: ',
    'dialled by it: dialled by it: refused',
    'Refused',
    'refused ',
  ])('%j, in words of its own, is told as another one', (outcome) => {
    expect(toldOutcome(outcome)).toBe(OTHER_OUTCOME);
  });
});
