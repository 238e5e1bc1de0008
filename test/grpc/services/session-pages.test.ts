import { describe, expect, it } from '@jest/globals';
import { ListSessionsResponse } from '../../../gen/switchyard/v1/session_service.js';
import { CloseReason, type Session } from '../../../src/core/model/session.js';
import type { Backing } from '../../../src/grpc/backing.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { pageOfSessions } from '../../../src/grpc/services/session-pages.js';
import { Network } from '../../core/network.js';

const COUNT = 100;
/** Some 3 KiB in each session. */
const LABELS = Object.fromEntries(Array.from({ length: 16 }, (_, nth) => [`label${nth}`, 'x'.repeat(200)]));

/** A server with large sessions, and how many of them have been read. */
function made() {
  const network = new Network();
  const sids = Array.from({ length: COUNT }, (_, nth) => network.open(nth + 1, { labels: LABELS }));
  let read = 0;
  const counted = (session: Session | undefined) => {
    if (session !== undefined) read++;
    return session;
  };
  const { sessions } = network.state;
  const { get, hold } = sessions;
  sessions.get = (sid) => counted(get.call(sessions, sid));
  sessions.hold = (sid) => {
    const held = hold.call(sessions, sid);
    return held && { ...held, read: () => counted(held.read()) as Session };
  };
  const replica = { state: network.state, attachments: { isKnownAttached: () => false } };
  const backing = { replica, limits: DEFAULT_DOOR_LIMITS } as unknown as Backing;
  return { network, sids, backing, read: () => read };
}

describe('a page of sessions', () => {
  it('reads a few large sessions in each step, and shows all as they were in the first', () => {
    const { network, sids, backing, read } = made();
    const step = pageOfSessions(backing, { pageSize: 1_000, pageToken: '', instanceType: 0, instanceUuid: '' });
    if (typeof step !== 'function') throw new Error('refused');
    let isFirst = true;
    for (let from = read(); ; from = read()) {
      const outcome = step();
      expect(read() - from).toBeLessThanOrEqual(20);
      if (isFirst) {
        // What is over now was there when the page was settled.
        for (const sid of sids.slice(20)) network.close(sid, CloseReason.EXPIRED);
        for (let nth = 0; nth < COUNT; nth++) network.open(1_000 + nth, { labels: LABELS });
      }
      isFirst = false;
      if (outcome === 'more') continue;
      const page = ListSessionsResponse.decode(outcome as unknown as Uint8Array);
      expect(page.sessions.map(({ cvid }) => cvid)).toEqual(sids);
      expect(page.sessions.every(({ labels }) => Object.keys(labels).length === 16)).toBe(true);
      return;
    }
  });
});
