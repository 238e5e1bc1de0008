import { describe, expect, it } from '@jest/globals';
import type { AnswerBody } from '../../src/system/answer.js';
import { Answers } from '../../src/system/answers.js';

const request = (text: string) => new TextEncoder().encode(text);

describe('The answers of a session', () => {
  it('are told again, to whoever asks last, and a request is done once', () => {
    const answers = new Answers({ answersMax: 4, answersBytesMax: 1_000 });
    const told: string[] = [];
    const tell = (who: string) => (answer: AnswerBody) => void told.push(`${who} ${answer.code}`);
    expect(answers.begin(1, request('a'), tell('first'))).toBe('new');
    expect(answers.begin(1, request('a'), tell('second'))).toBe('known');
    answers.settle(1, { code: 0 });
    expect(answers.begin(1, request('a'), tell('third'))).toBe('known');
    expect(answers.begin(1, request('b'), tell('fourth'))).toBe('other');
    expect(told).toEqual(['second 0', 'third 0']);
  });

  it('are forgotten, the oldest first, beyond their count; what is being done is not', () => {
    const answers = new Answers({ answersMax: 2, answersBytesMax: 1_000 });
    const tell = () => {};
    answers.begin(1, request('slow'), tell);
    for (const id of [2, 3, 4]) {
      answers.begin(id, request(`${id}`), tell);
      answers.settle(id, { code: 0 });
    }
    expect(answers.begin(2, request('2'), tell)).toBe('new');
    expect(answers.begin(1, request('slow'), tell)).toBe('known');
    expect(answers.begin(4, request('4'), tell)).toBe('known');
  });

  it('are forgotten beyond their bytes', () => {
    const answers = new Answers({ answersMax: 100, answersBytesMax: 1_000 });
    for (const id of [1, 2, 3]) {
      answers.begin(id, request(`${id}`), () => {});
      answers.settle(id, { code: 0, data: new Uint8Array(600) });
    }
    expect(answers.begin(1, request('1'), () => {})).toBe('new');
    expect(answers.begin(3, request('3'), () => {})).toBe('known');
  });
});
