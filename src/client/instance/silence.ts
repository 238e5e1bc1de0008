import type { Clock } from '../../base/clock.js';
import { every } from '../../base/timing.js';
import { SwitchyardError } from '../error.js';
import { StatusCode } from '../status.js';
import type { Scope } from './scope.js';

/** A silence is counted in so many parts, and noticed at most one of them late. */
const PARTS = 4;

/**
 * Passes messages on, and aborts the call's scope when none has come for `silenceMs` while one was waited for.
 *
 * A connection that is half open looks like a quiet one; only the server's promise of a sign of life tells them apart.
 * Time that the reader takes for itself does not count, nor does a pause of this process: the silence is counted in ticks, so that a
 * process that was stopped, or a machine that slept, reads what has come meanwhile before it judges.
 */
export async function* unlessSilent<Message>(
  messages: AsyncIterable<Message>,
  silenceMs: number,
  clock: Clock,
  scope: Scope,
): AsyncGenerator<Message, void, undefined> {
  const iterator = messages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const silence = new SwitchyardError(StatusCode.UNAVAILABLE, `the server said nothing for ${silenceMs / 1000} s`);
      let left = PARTS;
      const timer = every(clock, silenceMs / PARTS, () => {
        left -= 1;
        if (left === 0) scope.abort(silence);
      });
      const result = await iterator.next().finally(() => timer.cancel());
      if (result.done) return;
      yield result.value;
    }
  } finally {
    await iterator.return?.();
  }
}
