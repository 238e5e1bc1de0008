import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Change } from '../../src/core/model/change.js';
import type { Command } from '../../src/core/model/command.js';
import { capture } from '../../src/core/store/snapshot.js';
import { graphBytes, graphDelta, graphTouches, netEffect, snapshotDeltas } from '../../src/feed/graph-delta.js';
import type { Touch } from '../../src/feed/touches.js';
import { Network } from '../core/network.js';

const OTHER = '00000000-0000-5000-8000-000000000002';

let network: Network;
let founder: number;
let other: number;
let sid: number;

beforeEach(() => {
  network = new Network();
  founder = network.state.serverSid;
  network.apply({ kind: 'AddServer', uuid: OTHER, name: 'two' });
  other = network.state.servers.ofUuid(OTHER)!.sid;
  sid = network.open(1);
});

const deltaOf = (command: Command) => graphDelta(network.apply(command).changes, network.state.serverSid);
const move = (server: number): Command => ({ kind: 'MoveSession', sid, server });

describe('the delta of a revision', () => {
  it('that adds a server has its node, under no parent', () => {
    const delta = deltaOf({ kind: 'AddServer', uuid: OTHER.replace('2', '3'), name: 'three' });
    expect(delta.nodesAdded).toEqual([expect.objectContaining({ parent: 0, name: 'three' })]);
  });

  it('that moves a session has its node under the new parent, and both links', () => {
    expect(deltaOf(move(other))).toEqual({
      linksRemoved: [{ a: sid, b: founder, link: 0 }].map(({ a, b, link }) => ({
        a: Math.min(a, b),
        b: Math.max(a, b),
        link,
      })),
      nodesRemoved: [],
      nodesAdded: [expect.objectContaining({ sid, parent: other })],
      linksAdded: [{ a: Math.min(sid, other), b: Math.max(sid, other), link: 0 }],
    });
  });

  it('with which the last session leaves a lost server has that one removed', () => {
    network.apply(move(other));
    network.apply({ kind: 'LoseServer', sid: other });
    expect(deltaOf(move(founder)).nodesRemoved).toEqual([other]);
  });

  it('is no larger than was foreseen', () => {
    const { changes } = network.apply(move(other));
    expect(graphBytes(changes, 1_000_000)).toBeGreaterThan(3 * 24);
  });
});

describe('the net effect of what a reader missed', () => {
  const missing = (changes: readonly Change[], list: Touch[] = []) => [...list, ...graphTouches(changes)];

  it('shows a moved session under its new parent and does not remove it, so that its other links stay', () => {
    const peer = network.open(2);
    network.connect(sid, peer, 1);
    const net = netEffect(network.state, missing(network.apply(move(other)).changes), 1_000_000)!;
    expect(net.nodesRemoved).toEqual([]);
    expect(net.nodesAdded).toEqual([expect.objectContaining({ sid, parent: other })]);
    expect(net.linksAdded).toEqual([expect.objectContaining({ link: 0 })]);
  });

  it('shows a server that is lost and came back as it is, with its links', () => {
    const lost = missing(network.apply({ kind: 'LoseServer', sid: other }).changes);
    const again = network.apply({ kind: 'AddServer', uuid: OTHER, name: 'two' }).changes;
    const net = netEffect(network.state, missing(again, lost), 1_000_000)!;
    expect(net.nodesRemoved).toContain(other);
    expect(net.nodesAdded).toEqual([expect.objectContaining({ uuid: OTHER })]);
  });
});

describe('a snapshot of the graph', () => {
  it('has every server, and every session under its own', () => {
    network.apply(move(other));
    const nodes = [...snapshotDeltas(capture(network.state), 65_536, 3_072)].flatMap(({ nodesAdded }) => nodesAdded);
    expect(nodes.map((node) => [node.sid, node.parent])).toEqual([
      [founder, 0],
      [other, 0],
      [sid, other],
    ]);
  });
});
