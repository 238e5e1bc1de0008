import { LinkState, NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { type Case, Cases, DURATIONS, each, long, SIDS, type World } from './case.js';

/** Everything that can be wrong in a request to NetworkService. */
export function networkCases(): readonly Case[] {
  const cases = new Cases();
  const wrong: Cases['wrong'] = (...args) => cases.wrong(...args);
  const refuse: Cases['refuse'] = (...args) => cases.refuse(...args);
  const rest = { connectionId: '', path: 0, roundTrip: undefined };
  const report = ({ two }: World) => ({ peerCvid: two.sid, link: 2, state: LinkState.ESTABLISHED, ...rest });
  const link = (what: string, spoil: object | ((world: World) => object), ...fields: string[]) =>
    wrong(Network.reportLink, 'one', report, what, spoil as never, ...fields);
  each(SIDS, (what, peerCvid) => link(`a peer that is ${what}`, { peerCvid }, 'peer_cvid'));
  link('oneself', ({ one }) => ({ peerCvid: one.sid }), 'peer_cvid');
  link('the server', ({ serverSid }) => ({ peerCvid: serverSid }), 'peer_cvid');
  for (const type of [3, -1]) link(`link type ${type}`, { link: type as never }, 'link');
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

  const connection = () => ({ cvid: 1, type: 0, port: 0, candidates: [], publicKey: Buffer.alloc(0) });
  refuse(Network.directConnection, 'one', 'UNIMPLEMENTED', 'for now', connection);
  refuse(Network.getConnection, 'one', 'UNIMPLEMENTED', 'for now', () => ({ connectionId: 'c1' }));
  refuse(Network.listConnections, 'one', 'UNIMPLEMENTED', 'for now', () => ({ pageSize: 0, pageToken: '' }));
  return cases.all;
}

/** What can be wrong with every watch that names nodes. */
function watched(add: (what: string, spoil: { cvids?: number[]; after?: never }, ...fields: string[]) => void): void {
  add('nodes that cannot be', { cvids: [1, 0, -7] }, 'cvids[1]', 'cvids[2]');
  add('too many nodes', { cvids: Array(1_025).fill(1) }, 'cvids');
  add('an epoch without end', { after: { epoch: long(33), revision: 1n } as never }, 'after.epoch');
}
