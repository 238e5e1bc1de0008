import { describe, expect, it } from '@jest/globals';
import { openAll } from '../../../src/client/direct/open-all.js';

describe('opening several at once', () => {
  const closed: string[] = [];
  const close = (opened: string) => void closed.push(opened);
  const later = (what: string) => new Promise<string>((resolve) => setImmediate(resolve, what));

  it('answers with all of them, in their order', async () => {
    expect(await openAll([later('first'), Promise.resolve('second')], close)).toEqual(['first', 'second']);
    expect(closed).toEqual([]);
  });

  it('closes the others when one cannot be opened, those too that are open only later', async () => {
    const failing = openAll([Promise.resolve('first'), Promise.reject(new Error('EADDRINUSE')), later('last')], close);
    await expect(failing).rejects.toThrow('EADDRINUSE');
    expect(closed).toEqual(['first', 'last']);
  });
});
