import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { makeMesh, meshText, SHIPPED_SEED } from '../../docs/demo/make-mesh.mjs';
import { parseNetworkGraph } from '../../src/netjson/parse.js';

describe('the mesh that is shipped', () => {
  it('is what its script makes, byte for byte', async () => {
    expect(await readFile('docs/demo/mesh.netjson', 'utf8')).toBe(meshText(SHIPPED_SEED));
  });

  it('is another with another seed, and the same with the same', () => {
    expect(meshText(1)).toBe(meshText(1));
    expect(meshText(1)).not.toBe(meshText(2));
  });

  it('has everything in it that a replay must cope with', () => {
    const { nodes, links } = parseNetworkGraph(JSON.stringify(makeMesh(SHIPPED_SEED)));
    expect(nodes.length).toBeGreaterThan(200);
    const offline = new Set(nodes.filter((node) => node.properties.online === false).map((node) => node.id));
    expect(offline.size).toBeGreaterThan(10);
    expect(nodes.filter((node) => node.properties.gateway === true).length).toBeGreaterThan(1);
    expect(new Set(links.map((link) => link.properties.type))).toEqual(new Set(['wifi', 'vpn', 'other']));
    expect(links.some((link) => offline.has(link.source) || offline.has(link.target))).toBe(true);
    const pairs = links.map((link) => [link.source, link.target].sort().join(' '));
    expect(new Set(pairs).size).toBeLessThan(pairs.length);
    const years = new Set(nodes.map((node) => String(node.properties.firstseen).slice(0, 4)));
    expect(years.size).toBeGreaterThan(3);
  });
});
