import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { asError, codeOf } from '../../src/base/errors.js';
import { outcomeOf } from '../../src/client/direct/outcome.js';

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('what was thrown', () => {
  it('is itself as an Error where it is one, also of another realm', () => {
    const own = new TypeError('of here');
    const nodes = thrownBy(() => readFileSync('/nowhere/at/all'));
    expect(asError(own)).toBe(own);
    expect(asError(nodes)).toBe(nodes);
    expect(codeOf(nodes)).toBe('ENOENT');
    expect(asError(AbortSignal.abort().reason).name).toBe('AbortError');
  });

  it.each([['a text'], [7], [null], [undefined], [{ code: 'ENOENT' }]])(
    'becomes the message of an Error where it is %j',
    (thrown) => {
      expect(asError(thrown)).toBeInstanceOf(Error);
      expect(asError(thrown).message).toBe(String(thrown));
      expect(codeOf(thrown)).toBeUndefined();
    },
  );

  it('has no code where that is a number, as those of gRPC are', () => {
    expect(codeOf(Object.assign(new Error('away'), { code: 14 }))).toBeUndefined();
  });

  it('is a failed handshake, whatever was thrown', () => {
    for (const thrown of [null, undefined, 'x']) expect(outcomeOf(thrown)).toBe('the handshake failed');
  });
});
