import { describe, expect, it } from '@jest/globals';
import type { ReportLink } from '../../../src/core/model/command.js';
import { LinkType } from '../../../src/core/model/link.js';
import { kinds, Network } from '../network.js';

const { CONTROL_TCP, TRANSPORT_TCP, TRANSPORT_UDP } = LinkType;

function reporting(sid: number, peer: number, link: LinkType = TRANSPORT_TCP, established = true): ReportLink {
  return { kind: 'ReportLink', sid, peer, link, established };
}

function two() {
  const network = new Network();
  return { network, one: network.open(1), other: network.open(2) };
}

describe('a link', () => {
  it('comes with the word of its second end, whichever that is', () => {
    const { network, one, other } = two();
    expect(kinds(network.report(other, one, TRANSPORT_UDP).changes)).toEqual(['LinkReported']);
    expect(network.state.graph.linksBetween(one, other)).toEqual([]);
    expect(network.report(one, other, TRANSPORT_UDP).changes).toEqual([
      { kind: 'LinkReportSettled', report: { sid: other, peer: one, link: TRANSPORT_UDP } },
      { kind: 'LinkAdded', link: { a: one, b: other, link: TRANSPORT_UDP } },
    ]);
    expect(network.state.reports.count).toBe(0);
  });

  it('does not come when one end says so twice, or both speak of different types', () => {
    const { network, one, other } = two();
    network.report(one, other, TRANSPORT_UDP);
    expect(network.report(one, other, TRANSPORT_UDP).changes).toEqual([]);
    network.report(other, one, TRANSPORT_TCP);
    expect(network.state.graph.linksBetween(one, other)).toEqual([]);
  });

  it('stands once, however often it is reported', () => {
    const { network, one, other } = two();
    network.connect(one, other, TRANSPORT_UDP);
    expect(network.report(one, other, TRANSPORT_UDP).changes).toEqual([]);
    expect(network.report(other, one, TRANSPORT_UDP).changes).toEqual([]);
    expect([network.state.graph.linksBetween(one, other).length, network.state.reports.count]).toEqual([1, 0]);
  });

  it('stands beside those of other types', () => {
    const { network, one, other } = two();
    for (const type of [CONTROL_TCP, TRANSPORT_TCP, TRANSPORT_UDP]) network.connect(one, other, type);
    expect(network.state.graph.linksBetween(one, other).map(({ link }) => link)).toEqual([0, 1, 2]);
  });

  it('goes with the first word that it is lost, and comes again only with both', () => {
    const { network, one, other } = two();
    network.connect(one, other, TRANSPORT_TCP);
    const { changes } = network.report(other, one, TRANSPORT_TCP, false);
    expect(changes).toEqual([{ kind: 'LinkRemoved', link: { a: one, b: other, link: TRANSPORT_TCP } }]);
    expect(network.report(one, other, TRANSPORT_TCP, false).changes).toEqual([]);
    expect(kinds(network.report(one, other, TRANSPORT_TCP).changes)).toEqual(['LinkReported']);
    network.report(other, one, TRANSPORT_TCP);
    expect(network.state.graph.hasLink({ a: one, b: other, link: TRANSPORT_TCP })).toBe(true);
  });

  it('that nobody spoke of cannot be lost', () => {
    const { network, one, other } = two();
    expect(network.report(one, other, TRANSPORT_TCP, false).changes).toEqual([]);
  });
});

describe('a word that a link is lost', () => {
  it("takes back the speaker's own word, not the other end's", () => {
    const { network, one, other } = two();
    network.report(one, other, TRANSPORT_TCP);
    expect(network.report(other, one, TRANSPORT_TCP, false).changes).toEqual([]);
    expect(network.state.reports.count).toBe(1);
    const { changes } = network.report(one, other, TRANSPORT_TCP, false);
    expect(kinds(changes)).toEqual(['LinkReportSettled']);
    expect(network.state.reports.count).toBe(0);
  });
});

describe('a report is refused', () => {
  it('of a link to oneself or to the server, under its field', () => {
    const { network, one } = two();
    for (const [peer, established] of [
      [one, true],
      [one, false],
      [network.state.serverSid, true],
      [network.state.serverSid, false],
    ] as const) {
      const fault = network.refused(reporting(one, peer, CONTROL_TCP, established));
      expect(fault).toMatchObject({ reason: 'FIELD_INVALID', violations: [{ field: 'peer_cvid' }] });
    }
  });

  it('by who is no session: one that ended, the server, nobody', () => {
    const { network, one, other } = two();
    network.close(one);
    for (const sid of [one, network.state.serverSid, 0]) {
      expect(network.refused(reporting(sid, other)).reason).toBe('SESSION_NOT_FOUND');
    }
  });

  it('about a node that is not there', () => {
    const { network, one, other } = two();
    network.close(other);
    expect(network.refused(reporting(one, other)).reason).toBe('NODE_NOT_FOUND');
    expect(network.refused(reporting(one, other, TRANSPORT_TCP, false)).reason).toBe('NODE_NOT_FOUND');
  });

  it('when the speaker waits for as many others as it may', () => {
    const network = new Network({ reportsPerNodeMax: 1 });
    const [one, other, third] = [network.open(1), network.open(2), network.open(3)];
    network.report(one, other, TRANSPORT_TCP);
    expect(network.refused(reporting(one, third)).reason).toBe('LINK_LIMIT');
    network.report(third, one, TRANSPORT_TCP);
    network.report(one, third, TRANSPORT_TCP);
    expect(network.state.graph.degree(one)).toBe(2);
  });

  it('when as many wait in all as may', () => {
    const network = new Network({ reportsMax: 2 });
    const sids = [1, 2, 3].map((instance) => network.open(instance));
    network.report(sids[0], sids[1], TRANSPORT_TCP);
    network.report(sids[1], sids[2], TRANSPORT_TCP);
    const fault = network.refused(reporting(sids[2], sids[0]));
    expect(fault).toMatchObject({ reason: 'LINK_LIMIT', retryAfterMs: 5_000 });
    network.report(sids[1], sids[0], TRANSPORT_TCP);
    network.report(sids[2], sids[0], TRANSPORT_TCP);
  });

  it('when either end has as many links as it may; the word that waits goes on waiting', () => {
    // One link of each is the one to the server.
    const network = new Network({ linksPerNodeMax: 2 });
    const [one, other, third] = [network.open(1), network.open(2), network.open(3)];
    network.connect(one, other, TRANSPORT_TCP);
    network.report(one, third, TRANSPORT_TCP);
    const fault = network.refused(reporting(third, one));
    expect(fault).toMatchObject({ reason: 'LINK_LIMIT', message: expect.stringContaining(String(one)) });
    expect(network.state.reports.count).toBe(1);
    network.report(other, one, TRANSPORT_TCP, false);
    network.report(third, one, TRANSPORT_TCP);
    expect(network.state.graph.degree(one)).toBe(2);
  });

  it('when there are as many links in all as may be', () => {
    const network = new Network({ linksMax: 3 });
    const [one, other] = [network.open(1), network.open(2)];
    network.connect(one, other, TRANSPORT_TCP);
    network.report(one, other, TRANSPORT_UDP);
    expect(network.refused(reporting(other, one, TRANSPORT_UDP)).reason).toBe('LINK_LIMIT');
  });
});
