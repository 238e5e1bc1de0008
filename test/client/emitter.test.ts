import { describe, expect, it } from '@jest/globals';
import { Emitter } from '../../src/client/emitter.js';

interface Events {
  said: [word: string, times: number];
  ended: [];
}

describe('an emitter', () => {
  it('tells listeners in the order they came, until they are taken back', () => {
    const emitter = new Emitter<Events>();
    const heard: string[] = [];
    const off = emitter.on('said', (word) => heard.push(`a ${word}`));
    emitter.on('said', (word, times) => heard.push(`b ${word} ${times}`));
    emitter.emit('said', 'one', 1);
    off();
    off();
    emitter.emit('said', 'two', 2);
    emitter.emit('ended');
    expect(heard).toEqual(['a one', 'b one 1', 'b two 2']);
  });

  it('takes the same listener twice for two', () => {
    const emitter = new Emitter<Events>();
    let count = 0;
    const listener = () => (count += 1);
    const off = emitter.on('ended', listener);
    emitter.on('ended', listener);
    emitter.emit('ended');
    off();
    emitter.emit('ended');
    expect(count).toBe(3);
  });

  it('lets listeners come and go while it tells: those that were there are told', () => {
    const emitter = new Emitter<Events>();
    const heard: string[] = [];
    const off = emitter.on('ended', () => {
      heard.push('first');
      off();
      emitter.on('ended', () => heard.push('late'));
    });
    emitter.on('ended', () => heard.push('second'));
    emitter.emit('ended');
    expect(heard).toEqual(['first', 'second']);
  });

  it('waits for an event that fits, and leaves no listener behind', async () => {
    const emitter = new Emitter<Events>();
    const controller = new AbortController();
    const waiting = emitter.once('said', controller.signal, (_word, times) => times > 1);
    emitter.emit('said', 'one', 1);
    emitter.emit('said', 'two', 2);
    expect(await waiting).toEqual(['two', 2]);
    controller.abort();
  });

  it('stops waiting with its signal, before or during', async () => {
    const emitter = new Emitter<Events>();
    const controller = new AbortController();
    const waiting = emitter.once('ended', controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(emitter.once('ended', controller.signal)).rejects.toThrow('enough');
  });

  it('goes on when a listener throws, and its error surfaces by itself', () => {
    const emitter = new Emitter<Events>();
    const heard: string[] = [];
    const microtasks: (() => void)[] = [];
    const { queueMicrotask } = globalThis;
    globalThis.queueMicrotask = (task) => void microtasks.push(task);
    try {
      emitter.on('ended', () => {
        throw new Error('a bug of the program');
      });
      emitter.on('ended', () => heard.push('second'));
      emitter.emit('ended');
    } finally {
      globalThis.queueMicrotask = queueMicrotask;
    }
    expect(heard).toEqual(['second']);
    expect(microtasks).toHaveLength(1);
    expect(microtasks[0]).toThrow('a bug of the program');
  });
});
