import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { CALL_BUCKETS, CallTimes } from '../../src/grpc/call-times.js';

describe('the times of calls', () => {
  it('are counted by method and status, in the bucket whose bound they do not pass', () => {
    const times = new CallTimes();
    times.add('/switchyard.v1.SessionService/Session', true);
    for (const ms of [0.5, 0.6, 30_000, 30_001]) times.record('/switchyard.v1.SessionService/Session', status.OK, ms);
    times.record('/switchyard.v1.SessionService/Session', status.NOT_FOUND, 3);
    const [ok, notFound, ...others] = [...times.counts()].map(({ buckets, ...rest }) => ({
      ...rest,
      filled: [...buckets.entries()].filter(([, count]) => count > 0),
    }));
    expect(ok).toMatchObject({ service: 'SessionService', method: 'Session', code: 'OK', isUnary: true, count: 4 });
    expect(ok!.seconds).toBeCloseTo(60.0021);
    // The last bucket is for what takes longer than all bounds.
    const last = CALL_BUCKETS.length;
    expect(ok!.filled).toEqual([
      [0, 1],
      [1, 1],
      [last - 1, 1],
      [last, 1],
    ]);
    expect(notFound).toMatchObject({ code: 'NOT_FOUND', count: 1, seconds: 0.003 });
    expect(others).toEqual([]);
  });

  it('begin at zero for OK, so that a rate knows the first call, and are not kept for methods that were not added', () => {
    const times = new CallTimes();
    times.add('/switchyard.v1.SessionService/Attach', false);
    times.record('/somebody.Elses/Method', status.OK, 1);
    times.record('/switchyard.v1.SessionService/Attach', 99, 1);
    expect([...times.counts()]).toMatchObject([{ method: 'Attach', code: 'OK', count: 0, isUnary: false }]);
  });
});
