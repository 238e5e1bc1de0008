import { describe, expect, it } from '@jest/globals';
import { BACKOFF_MS } from '../../console/src/net/backoff.js';

/** From the server's return until the page shows the same as the server. */
const BACK_MS = 3_000;
/** For connecting, and for reading what has changed meanwhile, on a busy machine. */
const READING_MS = 1_000;

describe('the page without its server', () => {
  it('waits 2 s at most between two tries, however long the server was away', () => {
    expect(Math.max(...BACKOFF_MS)).toBeLessThanOrEqual(BACK_MS - READING_MS);
  });

  it('waits longer after each try that failed', () => {
    expect([...BACKOFF_MS].sort((x, y) => x - y)).toEqual(BACKOFF_MS);
  });
});
