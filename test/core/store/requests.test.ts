import { describe, expect, it } from '@jest/globals';
import {
  type DoneRequest,
  REQUEST_WINDOW_MS,
  REQUESTS_MAX,
  REQUESTS_PER_SESSION_MAX,
} from '../../../src/core/model/request.js';
import { DoneRequests } from '../../../src/core/store/requests.js';

const done = (sid: number, requestId: string, atMs = 0): DoneRequest => ({
  sid,
  requestId,
  atMs,
  fingerprint: '',
  made: { kind: 'connection', id: 1 },
});

describe('the requests that are remembered', () => {
  it('are found within ten minutes, to the millisecond, also when the clock was set back', () => {
    const requests = new DoneRequests();
    requests.add(done(1, 'a', 5_000));
    expect(REQUEST_WINDOW_MS).toBe(600_000);
    for (const nowMs of [0, 5_000, 605_000]) expect(requests.find(1, 'a', nowMs)?.atMs).toBe(5_000);
    expect(requests.find(1, 'a', 605_001)).toBeUndefined();
    expect(requests.find(2, 'a', 5_000)).toBeUndefined();
    expect(requests.find(1, 'b', 5_000)).toBeUndefined();
  });

  it('are the last 64 of a session', () => {
    const requests = new DoneRequests();
    requests.add(done(2, 'other'));
    for (let n = 0; n < 100; n++) requests.add(done(1, `r${n}`));
    expect(REQUESTS_PER_SESSION_MAX).toBe(64);
    expect(requests.of(1).map(({ requestId }) => requestId)).toEqual(
      Array.from({ length: 64 }, (_, n) => `r${n + 36}`),
    );
    expect(requests.find(1, 'r35', 0)).toBeUndefined();
    expect(requests.find(2, 'other', 0)).toBeDefined();
    expect([...requests.all()]).toHaveLength(65);
  });

  it('are the last 65,536 in all', () => {
    const requests = new DoneRequests();
    expect(REQUESTS_MAX).toBe(65_536);
    for (let n = 0; n < REQUESTS_MAX + 500; n++) requests.add(done(1 + (n % 5_000), `r${n}`));
    expect([...requests.all()]).toHaveLength(REQUESTS_MAX);
    expect(requests.find(1 + (499 % 5_000), 'r499', 0)).toBeUndefined();
    expect(requests.find(1 + (500 % 5_000), 'r500', 0)).toBeDefined();
  });

  it('go with their session, and one that is used again is the newest', () => {
    const requests = new DoneRequests();
    for (const id of ['a', 'b', 'a']) requests.add(done(1, id));
    expect(requests.of(1).map(({ requestId }) => requestId)).toEqual(['b', 'a']);
    requests.add(done(2, 'c'));
    requests.forget(1);
    expect([...requests.all()].map(({ requestId }) => requestId)).toEqual(['c']);
    expect(requests.of(1)).toEqual([]);
  });
});
