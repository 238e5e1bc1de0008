import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LinkType } from '../../../gen/switchyard/v1/link.js';
import { type NetworkDelta, WatchKind } from '../../../gen/switchyard/v1/network.js';
import {
  LinkState,
  NetworkServiceService as Network,
  type WatchNetworkDeltaResponse,
} from '../../../gen/switchyard/v1/network_service.js';
import type { Position } from '../../../gen/switchyard/v1/position.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { agent, ask, asSession, open, type Reading, type Running, refused, run } from '../running.js';

describe('NetworkService', () => {
  let at: Running;
  let serverSid: number;
  beforeAll(async () => {
    at = await run();
    serverSid = (await ask(at, Sessions.session, agent(0))).serverSid;
  });
  afterAll(() => at.stop());

  const session = (number: number) => ask(at, Sessions.session, agent(number));
  const watch = (request: { after?: Position; cvids?: number[] } = {}) =>
    open(at, Network.watchNetworkDelta, { after: undefined, coalesce: false, cvids: [], ...request });
  const report = (token: string, peerCvid: number, link: LinkType, state = LinkState.ESTABLISHED) => {
    const rest = { connectionId: '', path: 0, roundTrip: undefined, failed: false };
    return ask(at, Network.reportLink, { peerCvid, link, state, ...rest }, asSession(token));
  };
  const snapshotOf = async (reading: Reading<WatchNetworkDeltaResponse>) => {
    const messages = await reading.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    return { position: messages.at(-1)!.position!, deltas: messages.flatMap(({ deltas }) => deltas), messages };
  };

  it('begins a watch with the whole graph at one position, and then tells every change', async () => {
    const one = await session(1);
    const reading = watch();
    const { messages, deltas, position } = await snapshotOf(reading);
    for (const message of messages) expect(message.position).toEqual(position);
    expect(deltas.flatMap(({ nodeAdded }) => nodeAdded).map(({ cvid }) => cvid)).toEqual(
      expect.arrayContaining([serverSid, one.instanceSid]),
    );
    const two = await session(2);
    const change = await reading.next();
    expect(change.kind).toBe(WatchKind.DELTA);
    expect(change.position?.revision).toBe(position.revision + 1n);
    expect(change.deltas).toEqual([
      {
        nodeAdded: [
          { cvid: two.instanceSid, parent: serverSid, instanceUuid: agent(2).instanceUuid, name: '', labels: {} },
        ],
        nodeRemoved: [],
        linkAdded: [{ cvid1: serverSid, cvid2: two.instanceSid, link: LinkType.CONTROL_TCP }],
        linkRemoved: [],
      } satisfies NetworkDelta,
    ]);
    reading.call.cancel();
  });

  it('resumes after a position without a gap', async () => {
    const { position } = await session(3);
    const four = await session(4);
    const reading = watch({ after: position });
    const { deltas, position: reached } = await reading.next();
    expect(reached!.revision).toBe(position!.revision + BigInt(deltas.length));
    expect(deltas[0].nodeAdded[0].cvid).toBe(four.instanceSid);
    reading.call.cancel();
  });

  it('answers a position of another epoch, or of the future, with RESET and a snapshot', async () => {
    const { position } = await session(5);
    for (const after of [
      { epoch: 'another', revision: 1n },
      { epoch: position!.epoch, revision: position!.revision + 1000n },
    ]) {
      const reading = watch({ after });
      expect((await reading.next()).kind).toBe(WatchKind.RESET);
      await snapshotOf(reading);
      reading.call.cancel();
    }
  });

  it('keeps only what touches the nodes that a watch names', async () => {
    const one = await session(6);
    const reading = watch({ cvids: [one.instanceSid] });
    // The snapshot may be a little older than the request; then the log leads on from it.
    const begun = await reading.until(({ deltas }) => deltas.some(({ linkAdded }) => linkAdded.length > 0));
    const deltas = begun.flatMap((message) => message.deltas);
    expect(deltas.flatMap(({ nodeAdded }) => nodeAdded).map(({ cvid }) => cvid)).toEqual([one.instanceSid]);
    expect(deltas.flatMap(({ linkAdded }) => linkAdded)).toEqual([
      { cvid1: serverSid, cvid2: one.instanceSid, link: LinkType.CONTROL_TCP },
    ]);
    await session(7);
    const again = await session(6);
    const [change] = (await reading.until(({ kind }) => kind === WatchKind.DELTA)).slice(-1);
    expect(change.position).toEqual(again.position);
    expect(change.deltas).toEqual([
      {
        nodeAdded: [],
        nodeRemoved: [{ cvid: one.instanceSid }],
        linkAdded: [],
        linkRemoved: [{ cvid1: serverSid, cvid2: one.instanceSid, link: 0 }],
      },
    ]);
    reading.call.cancel();
  });

  it('puts a link into the graph when both ends have reported it, and takes it out when one has lost it', async () => {
    const [one, two] = [await session(10), await session(11)];
    const { TRANSPORT_UDP, CONTROL_TCP } = LinkType;
    expect((await report(one.sessionToken, two.instanceSid, TRANSPORT_UDP)).inGraph).toBe(false);
    expect((await report(two.sessionToken, one.instanceSid, TRANSPORT_UDP)).inGraph).toBe(true);
    const { node } = await ask(at, Network.getNode, { cvid: one.instanceSid });
    expect(node?.links).toEqual([
      { peerCvid: serverSid, link: CONTROL_TCP },
      { peerCvid: two.instanceSid, link: TRANSPORT_UDP },
    ]);
    const links = [TRANSPORT_UDP];
    const ends = { fromCvid: one.instanceSid, toCvid: two.instanceSid };
    expect((await ask(at, Network.findPath, { ...ends, links })).cvids).toEqual([one.instanceSid, two.instanceSid]);
    expect((await report(one.sessionToken, two.instanceSid, TRANSPORT_UDP, LinkState.LOST)).inGraph).toBe(false);
    expect(await refused(ask(at, Network.findPath, { ...ends, links }))).toMatchObject({
      code: status.NOT_FOUND,
      reason: 'PATH_NOT_FOUND',
    });
  });

  it('finds a path over the server', async () => {
    const [one, two] = [await session(12), await session(13)];
    const request = { fromCvid: one.instanceSid, toCvid: two.instanceSid, links: [] };
    expect((await ask(at, Network.findPath, request)).cvids).toEqual([one.instanceSid, serverSid, two.instanceSid]);
  });

  it('begins to watch closed endpoints with a bookmark, and resumes from there', async () => {
    const first = open(at, Network.watchEndpointClosed, { cvids: [], after: undefined });
    const bookmark = await first.next();
    expect(bookmark.kind).toBe(WatchKind.BOOKMARK);
    first.call.cancel();
    const before = await session(14);
    await session(15);
    await session(15);
    await session(14);
    const second = open(at, Network.watchEndpointClosed, { cvids: [before.instanceSid], after: bookmark.position });
    expect((await second.next()).endpointClosed?.cvid).toBe(before.instanceSid);
    second.call.cancel();
    const all = open(at, Network.watchEndpointClosed, { cvids: [], after: bookmark.position });
    const revisions = [await all.next(), await all.next()].map(({ position }) => position!.revision);
    expect(revisions[0]).toBeLessThan(revisions[1]);
    all.call.cancel();
  });
});
