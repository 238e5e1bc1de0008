import { describe, expect, it } from '@jest/globals';
import { Holdings } from '../../../src/base/holdings.js';
import type { AnswerBody } from '../../../src/system/conversation/answer.js';
import { Answers } from '../../../src/system/conversation/answers.js';

/** The answers of one session, with more than enough room for those of all. */
const remembering = (limits: { answersMax: number; answersBytesMax: number }) =>
  new Answers(limits, new Holdings({ bytesMax: 1_000_000, expel: (answers) => answers.forgetDone() }));

const request = (text: string) => new TextEncoder().encode(text);

describe('The answers of a session', () => {
  it('are told again, to whoever asks last, and a request is done once', () => {
    const answers = remembering({ answersMax: 4, answersBytesMax: 1_000 });
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
    const answers = remembering({ answersMax: 2, answersBytesMax: 1_000 });
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
    const answers = remembering({ answersMax: 100, answersBytesMax: 1_000 });
    for (const id of [1, 2, 3]) {
      answers.begin(id, request(`${id}`), () => {});
      answers.settle(id, { code: 0, data: new Uint8Array(600) });
    }
    expect(answers.begin(1, request('1'), () => {})).toBe('new');
    expect(answers.begin(3, request('3'), () => {})).toBe('known');
  });

  it('are all forgotten of the session that has most, when those of all sessions are too many bytes', () => {
    const told: Answers[] = [];
    const expel = (answers: Answers) => {
      told.push(answers);
      answers.forgetDone();
    };
    const holdings = new Holdings<Answers>({ bytesMax: 5_000, expel });
    const [small, large] = [1, 2].map(() => new Answers({ answersMax: 100, answersBytesMax: 10_000 }, holdings));
    const settle = (answers: Answers, id: number, bytes: number) => {
      answers.begin(id, request(`${id}`), () => {});
      answers.settle(id, { code: 0, data: new Uint8Array(bytes) });
    };
    settle(small, 1, 1_000);
    large.begin(7, request('slow'), () => {});
    for (const id of [1, 2, 3]) settle(large, id, 1_500);
    expect(told).toEqual([large]);
    expect(large.begin(1, request('1'), () => {})).toBe('new');
    expect(large.begin(7, request('slow'), () => {})).toBe('known');
    expect(small.begin(1, request('1'), () => {})).toBe('known');
    settle(large, 4, 100);
    expect(large.begin(4, request('4'), () => {})).toBe('known');
  });
});
