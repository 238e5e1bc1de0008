import { describe, expect, it } from '@jest/globals';
import type { Backing } from '../../../src/grpc/backing.js';
import { sessionEnd } from '../../../src/grpc/services/ending.js';

/** A server with one session that does not end, and how many wait for its end. */
function waiting() {
  const waits = { count: 0 };
  const subscribe = () => {
    waits.count++;
    return { next: () => undefined, onReady: () => {}, close: () => void waits.count-- };
  };
  const replica = { state: { sessions: { has: () => true } } };
  return { backing: { replica, feeds: { closed: { subscribe } } } as unknown as Backing, waits };
}

describe('waiting for the end of a session', () => {
  it('is over when the caller gives up', async () => {
    const { backing, waits } = waiting();
    const given = new AbortController();
    const ended = sessionEnd(backing, 1, given.signal);
    expect(waits.count).toBe(1);
    given.abort();
    expect(await ended).toMatchObject({ reason: 'ORDER_DEADLINE' });
    expect(waits.count).toBe(0);
  });

  it('does not begin for a caller that has given up while the order was being stored', async () => {
    const { backing, waits } = waiting();
    expect(await sessionEnd(backing, 1, AbortSignal.abort())).toMatchObject({ reason: 'ORDER_DEADLINE' });
    expect(waits.count).toBe(0);
  });
});
