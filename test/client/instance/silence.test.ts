import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { Scope } from '../../../src/client/instance/scope.js';
import { unlessSilent } from '../../../src/client/instance/silence.js';

const SILENCE_MS = 30_000;

/** A server that says what the test says, and a reader that waits for it. */
function listen() {
  const clock = new ManualClock();
  const scope = new Scope(new AbortController().signal);
  const server = new PassThrough({ objectMode: true });
  const messages = unlessSilent<string>(server, SILENCE_MS, clock, scope);
  return { clock, scope, server, messages };
}

describe('a server that says nothing', () => {
  it('is given up after its time, and not before', async () => {
    const { clock, scope, messages } = listen();
    void messages.next();
    clock.advance(SILENCE_MS - 1);
    expect(scope.signal.aborted).toBe(false);
    clock.advance(1);
    expect(scope.signal.reason).toMatchObject({ message: 'the server said nothing for 30 s' });
  });

  it('has all of its time again after each message, and none passes while the reader is busy', async () => {
    const { clock, scope, server, messages } = listen();
    for (const text of ['one', 'two', 'three']) {
      const next = messages.next();
      clock.advance(SILENCE_MS - 1);
      server.write(text);
      expect((await next).value).toBe(text);
      clock.advance(10 * SILENCE_MS);
    }
    expect(scope.signal.aborted).toBe(false);
  });

  it('is not taken for dead when it was this process that stood still: what has come meanwhile is read first', async () => {
    const { clock, scope, server, messages } = listen();
    const next = messages.next();
    clock.advance(SILENCE_MS / 2);
    clock.freeze(10 * SILENCE_MS);
    // The timers that were due go off before anything is read.
    clock.advance(0);
    expect(scope.signal.aborted).toBe(false);
    server.write('a sign of life');
    expect((await next).value).toBe('a sign of life');
    void messages.next();
    clock.freeze(10 * SILENCE_MS);
    clock.advance(SILENCE_MS);
    expect(scope.signal.aborted).toBe(true);
  });
});
