import { describe, expect, it } from '@jest/globals';
import { LinkType } from '../../../src/core/model/link.js';
import { LinkReports } from '../../../src/core/store/reports.js';

const { CONTROL_TCP, TRANSPORT_TCP, TRANSPORT_UDP } = LinkType;
/** The highest SID there is: with a type it makes a number beyond 32 bits. */
const [A, B, HIGHEST] = [0x102, 0x202, 0x7fffffff];

describe('reports that wait', () => {
  it('are told apart by who said it, about whom, and of which type', () => {
    const reports = new LinkReports();
    reports.add({ sid: A, peer: HIGHEST, link: TRANSPORT_UDP });
    expect(reports.has({ sid: A, peer: HIGHEST, link: TRANSPORT_UDP })).toBe(true);
    expect(reports.has({ sid: A, peer: HIGHEST, link: TRANSPORT_TCP })).toBe(false);
    expect(reports.has({ sid: HIGHEST, peer: A, link: TRANSPORT_UDP })).toBe(false);
    expect([...reports.all()]).toEqual([{ sid: A, peer: HIGHEST, link: TRANSPORT_UDP }]);
  });

  it('are counted by who said them, and in all', () => {
    const reports = new LinkReports();
    reports.add({ sid: A, peer: B, link: CONTROL_TCP });
    reports.add({ sid: A, peer: B, link: TRANSPORT_TCP });
    reports.add({ sid: B, peer: HIGHEST, link: TRANSPORT_TCP });
    expect([reports.countBy(A), reports.countBy(B), reports.countBy(HIGHEST), reports.count]).toEqual([2, 1, 0, 3]);
    reports.delete({ sid: A, peer: B, link: CONTROL_TCP });
    expect([reports.countBy(A), reports.count]).toEqual([1, 2]);
  });

  it('are told in one order, whichever came first', () => {
    const said = [B, HIGHEST].map((peer) => ({ sid: A, peer, link: TRANSPORT_TCP }));
    const heard = [B, HIGHEST].map((sid) => ({ sid, peer: A, link: TRANSPORT_UDP }));
    const [forwards, backwards] = [new LinkReports(), new LinkReports()];
    for (const report of [...said, ...heard]) forwards.add(report);
    for (const report of [...said, ...heard].reverse()) backwards.add(report);
    expect(forwards.of(A)).toEqual([...said, ...heard]);
    expect(backwards.of(A)).toEqual([...said, ...heard]);
  });

  it('go with a session that said them or that they are about', () => {
    const reports = new LinkReports();
    reports.add({ sid: A, peer: B, link: CONTROL_TCP });
    reports.add({ sid: B, peer: A, link: TRANSPORT_UDP });
    reports.add({ sid: HIGHEST, peer: A, link: TRANSPORT_UDP });
    reports.add({ sid: HIGHEST, peer: B, link: TRANSPORT_UDP });
    expect(reports.of(A)).toEqual([
      { sid: A, peer: B, link: CONTROL_TCP },
      { sid: B, peer: A, link: TRANSPORT_UDP },
      { sid: HIGHEST, peer: A, link: TRANSPORT_UDP },
    ]);
    reports.forget(A);
    expect([...reports.all()]).toEqual([{ sid: HIGHEST, peer: B, link: TRANSPORT_UDP }]);
    expect([reports.countBy(A), reports.countBy(B), reports.countBy(HIGHEST), reports.count]).toEqual([0, 0, 1, 1]);
    reports.forget(A);
    expect(reports.count).toBe(1);
  });
});
