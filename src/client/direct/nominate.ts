import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { within } from '../../base/timing.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import { PathError } from './outcome.js';

/**
 * The first bytes on a proved path, by which both ends agree on one path out of several:
 *
 *     | kind 1: nominated, 2: confirmed (1 B) | nonce (16 B) |
 *
 * The controlling end nominates one path at a time, the other end confirms the first nomination that it reads. The
 * nonce tells the connection apart from another one between the same keys.
 */
const NOMINATED = 1;
const CONFIRMED = 2;
const FRAME_BYTES = 17;

/** Nominates a path, as the controlling end. Answers with the round trip; throws when the peer does not confirm. */
export async function nominate(stream: Duplex, nonce: Uint8Array, clock: Clock, signal: AbortSignal): Promise<number> {
  const beforeMs = clock.nowMs();
  stream.write(frame(NOMINATED, nonce));
  const confirmed = (inTime: AbortSignal) => expectFrame(stream, CONFIRMED, nonce, inTime);
  await within(clock, CONNECTION_TIMES.nominateMs, confirmed, signal);
  return clock.nowMs() - beforeMs;
}

/** Waits until the controlling end nominates this path. Throws when the path ends or `signal` fires before. */
export function nominated(stream: Duplex, nonce: Uint8Array, signal: AbortSignal): Promise<void> {
  return expectFrame(stream, NOMINATED, nonce, signal);
}

/** Confirms a nomination, as the end that does not control. Nothing but data follows. */
export function confirmPath(stream: Duplex, nonce: Uint8Array): void {
  stream.write(frame(CONFIRMED, nonce));
}

function frame(kind: number, nonce: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([kind]), nonce]);
}

/** Reads exactly one frame and leaves what follows it in the stream. */
function expectFrame(stream: Duplex, kind: number, nonce: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error) => {
      stream.off('readable', read).off('close', closed).off('error', finish);
      signal.removeEventListener('abort', aborted);
      if (error) reject(error);
      else resolve();
    };
    const read = () => {
      const bytes: Buffer | null = stream.read(FRAME_BYTES);
      if (bytes === null) return;
      finish(bytes.equals(frame(kind, nonce)) ? undefined : new PathError('the peer speaks of another connection'));
    };
    const closed = () => finish(new PathError('closed before it was nominated'));
    const aborted = () => finish(new PathError('not nominated'));
    stream.on('readable', read).on('close', closed).on('error', finish);
    signal.addEventListener('abort', aborted);
    if (signal.aborted) aborted();
    else read();
  });
}
