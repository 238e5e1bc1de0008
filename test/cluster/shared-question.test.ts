import { describe, expect, it } from '@jest/globals';
import { SharedQuestion } from '../../src/cluster/shared-question.js';

/** A question that is answered when the test says so, with how often it was put before. */
function makeQuestion() {
  const open: { answer: () => void; fail: () => void }[] = [];
  let put = 0;
  const question = new SharedQuestion(() => {
    const nth = put++;
    return new Promise<number>((resolve, reject) => {
      open.push({ answer: () => resolve(nth), fail: () => reject(new Error('no answer')) });
    });
  });
  return { question, open, put: () => put };
}

describe('a question that many ask at once', () => {
  it('is put once for the first, and once more for all who asked meanwhile', async () => {
    const { question, open, put } = makeQuestion();
    const first = question.ask();
    const others = Array.from({ length: 1_000 }, () => question.ask());
    expect(put()).toBe(1);
    open[0].answer();
    expect(await first).toBe(0);
    open[1].answer();
    expect(new Set(await Promise.all(others))).toEqual(new Set([1]));
    expect(put()).toBe(2);
  });

  it('is put again for who asks after the answer', async () => {
    const { question, open } = makeQuestion();
    const first = question.ask();
    open[0].answer();
    await first;
    const second = question.ask();
    open[1].answer();
    expect(await second).toBe(1);
  });

  it('is put for who asked meanwhile also when the first got no answer', async () => {
    const { question, open } = makeQuestion();
    const first = question.ask();
    const second = question.ask();
    open[0].fail();
    await expect(first).rejects.toThrow('no answer');
    open[1].answer();
    expect(await second).toBe(1);
  });
});
