import { describe, expect, it } from '@jest/globals';
import { LinkType } from '../../src/client/index.js';
import type { NetworkGraph, Properties } from '../../src/netjson/graph.js';
import { PlanError, planReplay } from '../../src/replay/plan.js';
import { uuidOfName } from '../../src/replay/uuid.js';

function graphOf(
  nodes: Record<string, Properties>,
  links: [source: string, target: string, type?: string][] = [],
): NetworkGraph {
  return {
    protocol: null,
    version: null,
    metric: null,
    nodes: Object.entries(nodes).map(([id, properties]) => ({ id, properties })),
    links: links.map(([source, target, type]) => ({
      source,
      target,
      cost: 1,
      properties: (type ? { type } : {}) as Properties,
    })),
  };
}

/** The planned links in the file's words. */
function linksOf(graph: NetworkGraph): string[] {
  const { nodes, links } = planReplay(graph);
  return links.map(({ a, b, link }) => `${nodes[a].id} ${nodes[b].id} ${LinkType[link]}`);
}

describe('who joins', () => {
  it('is everybody who is online, in the order of firstseen', () => {
    const { nodes, left } = planReplay(
      graphOf({
        late: { online: true, firstseen: '2020-01-01T00:00:00+0100' },
        gone: { online: false, firstseen: '2017-01-01T00:00:00+0100' },
        early: { online: true, firstseen: '2019-12-31T22:30:00+0000' },
        unknown: {},
        first: { online: true, firstseen: '2018-06-01T00:00:00Z' },
      }),
    );
    expect(nodes.map((node) => node.id)).toEqual(['first', 'early', 'late', 'unknown']);
    expect(left.offlineNodes).toBe(1);
  });

  it('keeps the order of the file among those of one moment', () => {
    const at = { firstseen: '2020-01-01T00:00:00Z' };
    expect(planReplay(graphOf({ c: at, a: at, b: at })).nodes.map((node) => node.id)).toEqual(['c', 'a', 'b']);
    expect(planReplay(graphOf({ c: {}, a: {}, b: {} })).nodes.map((node) => node.id)).toEqual(['c', 'a', 'b']);
  });

  it('is the same instance each time, and a gateway has a label', () => {
    const [router, gateway] = planReplay(graphOf({ aa: {}, bb: { gateway: true } })).nodes;
    expect(router.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(planReplay(graphOf({ aa: { firstseen: null } })).nodes[0].uuid).toBe(router.uuid);
    expect(router.labels).toEqual({ 'netjson-id': 'aa' });
    expect(gateway.labels).toEqual({ 'netjson-id': 'bb', gateway: 'true' });
  });

  it('has a name that a session can have', () => {
    const graph = { ...graphOf({}), nodes: [{ id: 'x', label: `roof\n${'日'.repeat(60)}`, properties: {} }] };
    const [{ name }] = planReplay(graph).nodes;
    expect(name).toBe(`roof${'日'.repeat(41)}`);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(128);
  });

  it('is refused when a property is not what it should be', () => {
    expect(() => planReplay(graphOf({ a: { online: 'yes' } }))).toThrow(PlanError);
    expect(() => planReplay(graphOf({ a: { firstseen: 'long ago' } }))).toThrow(
      /node "a": properties.firstseen must be a time/,
    );
  });
});

describe('which links stand', () => {
  it('are mapped by type: vpn is TCP, everything else UDP', () => {
    const links: [string, string, string?][] = [
      ['a', 'b', 'wifi'],
      ['b', 'c', 'vpn'],
      ['c', 'd', 'other'],
      ['a', 'd'],
    ];
    expect(linksOf(graphOf({ a: {}, b: {}, c: {}, d: {} }, links))).toEqual([
      'a b TRANSPORT_UDP',
      'b c TRANSPORT_TCP',
      'c d TRANSPORT_UDP',
      'a d TRANSPORT_UDP',
    ]);
  });

  it('count once for each pair and type, whatever their direction', () => {
    const graph = graphOf({ a: {}, b: {} }, [
      ['a', 'b', 'wifi'],
      ['b', 'a', 'wifi'],
      ['a', 'b', 'other'],
      ['b', 'a', 'vpn'],
    ]);
    expect(linksOf(graph)).toEqual(['a b TRANSPORT_UDP', 'a b TRANSPORT_TCP']);
    expect(planReplay(graph).left).toMatchObject({ repeatedLinks: 1, otherDirections: 1 });
  });

  it('tells a link the other way from one that is listed twice that way', () => {
    const graph = graphOf({ a: {}, b: {} }, [
      ['a', 'b', 'wifi'],
      ['b', 'a', 'wifi'],
      ['b', 'a', 'wifi'],
    ]);
    expect(planReplay(graph).left).toMatchObject({ repeatedLinks: 1, otherDirections: 1 });
  });

  it('leave out those with an end that is offline', () => {
    const graph = graphOf({ a: {}, b: { online: false }, c: {} }, [
      ['a', 'b', 'wifi'],
      ['a', 'c', 'wifi'],
    ]);
    expect(linksOf(graph)).toEqual(['a c TRANSPORT_UDP']);
    expect(planReplay(graph).left.offlineLinks).toBe(1);
  });

  it('leave out what an export wrote of the server itself', () => {
    const graph = graphOf({ s: { server: true }, a: {}, b: {} }, [
      ['s', 'a', 'control_tcp'],
      ['a', 'b', 'transport_tcp'],
    ]);
    expect(planReplay(graph).nodes).toHaveLength(2);
    expect(linksOf(graph)).toEqual(['a b TRANSPORT_TCP']);
    expect(planReplay(graph).left).toMatchObject({ servers: 1, controlLinks: 1, offlineNodes: 0 });
  });
});

describe('a UUID of a name', () => {
  it("is RFC 9562's own example", () => {
    // Appendix A.4: the DNS namespace and www.example.com.
    expect(uuidOfName('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
      '2ed6657d-e927-568b-95e1-2665a8aea6a2',
    );
  });

  it('says what of the file a network has no place for, and how often', () => {
    const graph = graphOf({ a: { altitude: 3, online: true }, b: { altitude: 4, firstseen: null } }, [
      ['a', 'b', 'wifi'],
    ]);
    const [link] = graph.links;
    const costly = { ...link, cost: 1.3, properties: { ...link.properties, channel: 6, altitude: 1 } };
    const { left } = planReplay({ ...graph, links: [costly] });
    expect(left.costs).toBe(1);
    expect([...left.properties]).toEqual([
      ['altitude', 3],
      ['channel', 1],
    ]);
    expect(planReplay(graph).left.costs).toBe(0);
  });
});
