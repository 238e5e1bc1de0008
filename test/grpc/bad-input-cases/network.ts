import { LinkState, NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { type Case, Cases, DURATIONS, each, long, pages, SIDS, type World } from './case.js';

/** Everything that can be wrong in a request to NetworkService. */
export function networkCases(): readonly Case[] {
  const cases = new Cases();
  const wrong: Cases['wrong'] = (...args) => cases.wrong(...args);
  const refuse: Cases['refuse'] = (...args) => cases.refuse(...args);
  const rest = { connectionId: '', path: 0, roundTrip: undefined, failed: false };
  const report = ({ two }: World) => ({ peerCvid: two.sid, link: 2, state: LinkState.ESTABLISHED, ...rest });
  const link = (what: string, spoil: object | ((world: World) => object), ...fields: string[]) =>
    wrong(Network.reportLink, 'one', report, what, spoil as never, ...fields);
  each(SIDS, (what, peerCvid) => link(`a peer that is ${what}`, { peerCvid }, 'peer_cvid'));
  link('oneself', ({ one }) => ({ peerCvid: one.sid }), 'peer_cvid');
  link('the server', ({ serverSid }) => ({ peerCvid: serverSid }), 'peer_cvid');
  for (const type of [0, 3, -1]) link(`link type ${type}`, { link: type as never }, 'link');
  for (const state of [0, 3, -1]) link(`state ${state}`, { state }, 'state');
  for (const path of [3, -1]) link(`path kind ${path}`, { path }, 'path');
  each(DURATIONS, (what, roundTrip) => link(`a round trip ${what}`, { roundTrip }, 'round_trip'));
  link('all of it', { peerCvid: -1, link: 7, state: 0, path: 9 }, 'peer_cvid', 'link', 'state', 'path');
  refuse(Network.reportLink, 'one', 'NODE_NOT_FOUND', 'a peer that is not there', (world) => ({
    ...report(world),
    peerCvid: world.nobody,
  }));

  each(SIDS, (what, cvid) =>
    wrong(Network.getNode, 'nobody', () => ({ cvid: 1 }), `a SID that is ${what}`, { cvid }, 'cvid'),
  );
  refuse(Network.getNode, 'nobody', 'NODE_NOT_FOUND', 'an unknown one', ({ nobody }) => ({ cvid: nobody }));

  const path = ({ one, two }: World) => ({ fromCvid: one.sid, toCvid: two.sid, links: [] });
  each(SIDS, (what, sid) => {
    wrong(Network.findPath, 'nobody', path, `from a SID that is ${what}`, { fromCvid: sid }, 'from_cvid');
    wrong(Network.findPath, 'nobody', path, `to a SID that is ${what}`, { toCvid: sid }, 'to_cvid');
  });
  wrong(Network.findPath, 'nobody', path, 'unknown links', { links: [0, 3, 1, -1] as never }, 'links[1]', 'links[3]');
  wrong(Network.findPath, 'nobody', path, 'links without end', { links: Array(100_000).fill(1) }, 'links');
  refuse(Network.findPath, 'nobody', 'NODE_NOT_FOUND', 'from nobody', (world) => ({
    ...path(world),
    fromCvid: world.nobody,
  }));
  refuse(Network.findPath, 'nobody', 'NODE_NOT_FOUND', 'to nobody', (world) => ({
    ...path(world),
    toCvid: world.nobody,
  }));
  refuse(Network.findPath, 'nobody', 'PATH_NOT_FOUND', 'over links that are not there', (world) => ({
    ...path(world),
    links: [1],
  }));

  const delta = () => ({ after: undefined, coalesce: false, cvids: [] });
  watched((what, spoil, ...fields) => wrong(Network.watchNetworkDelta, 'nobody', delta, what, spoil, ...fields));
  const closed = () => ({ after: undefined, cvids: [] });
  watched((what, spoil, ...fields) => wrong(Network.watchEndpointClosed, 'nobody', closed, what, spoil, ...fields));

  connections(cases);
  return cases.all;
}

/** What can be wrong with every watch that names nodes. */
function watched(add: (what: string, spoil: { cvids?: number[]; after?: never }, ...fields: string[]) => void): void {
  add('nodes that cannot be', { cvids: [1, 0, -7] }, 'cvids[1]', 'cvids[2]');
  add('too many nodes', { cvids: Array(1_025).fill(1) }, 'cvids');
  add('an epoch without end', { after: { epoch: long(33), revision: 1n } as never }, 'after.epoch');
}

/** What can be wrong with asking for a connection, and with reading one. */
function connections(cases: Cases): void {
  const candidate = { host: '192.168.1.2', port: 4000, type: 1, priority: 1 };
  const good = ({ two }: World) => {
    const more = {
      publicKey: Buffer.alloc(44),
      roundTrip: undefined,
      relayVersion: 0,
      connectionId: '',
      requestId: '',
      fallback: 0,
    };
    return { cvid: two.sid, type: 1, port: 0, candidates: [candidate], ...more };
  };
  const ask = (what: string, spoil: object | ((world: World) => object), ...fields: string[]) =>
    cases.wrong(Network.directConnection, 'one', good, what, spoil as never, ...fields);
  const spoiled = (what: string, spoil: object, field: string) =>
    ask(`a candidate ${what}`, { candidates: [candidate, { ...candidate, ...spoil }] }, `candidates[1].${field}`);
  each(SIDS, (what, cvid) => ask(`a SID that is ${what}`, { cvid }, 'cvid'));
  each(DURATIONS, (what, roundTrip) => ask(`a round trip ${what}`, { roundTrip }, 'round_trip'));
  for (const type of [0, 3, -1]) ask(`link type ${type}`, { type }, 'type');
  for (const port of [-1, 65_536]) ask(`port ${port}`, { port, candidates: [] }, 'port');
  for (const fallback of [-1, 4]) ask(`fallback ${fallback}`, { fallback }, 'fallback');
  ask('a key without end', { publicKey: Buffer.alloc(513) }, 'public_key');
  ask('an endorsement without end', { endorsement: Buffer.alloc(257) }, 'endorsement');
  ask('candidates without end', { candidates: Array(17).fill(candidate) }, 'candidates');
  for (const host of ['', 'example.org', '[fd00::1]', 'fe80::1%eth0', '1.2.3']) spoiled(`at ${host}`, { host }, 'host');
  for (const port of [0, -1, 65_536]) spoiled(`on port ${port}`, { port }, 'port');
  for (const type of [0, 3, 4]) spoiled(`of type ${type}`, { type }, 'type');
  spoiled("in somebody else's network", { host: '203.0.113.7' }, 'host');
  spoiled("in somebody else's network of IPv6", { host: '2001:db8::7' }, 'host');
  spoiled('on the loopback of the peer', { host: '::1' }, 'host');
  spoiled('that is reflexive and was never observed', { host: '192.168.1.2', type: 2 }, 'host');

  cases.refuse(Network.directConnection, 'one', 'NODE_NOT_FOUND', 'nobody', (world) => ({
    ...good(world),
    cvid: world.nobody,
    port: 1,
  }));
  ask('a listening caller with a connection', { port: 1, candidates: [], connectionId: 'c1' }, 'connection_id');
  for (const connectionId of ['c0', 'o1', long(100)]) {
    const what = `to try ${connectionId.slice(0, 5)} again`;
    const named = (world: World) => ({ ...good(world), connectionId });
    cases.refuse(Network.directConnection, 'one', 'CONNECTION_NOT_FOUND', what, named);
  }
  cases.refuse(Network.directConnection, 'one', 'NOT_ATTACHED', 'a peer without an attachment', good);
  cases.refuse(Network.getConnection, 'one', 'CONNECTION_NOT_FOUND', 'an unknown one', () => ({ connectionId: 'c1' }));
  for (const connectionId of ['', 'c0', 'c-1', 'o1', long(100)]) {
    const what = `the name ${connectionId.slice(0, 5)}`;
    cases.refuse(Network.getConnection, 'one', 'CONNECTION_NOT_FOUND', what, () => ({ connectionId }));
  }
  pages((what, page, field) => {
    const first = () => ({ pageSize: 0, pageToken: '' });
    cases.wrong(Network.listConnections, 'one', first, what, page, field);
  });
}
