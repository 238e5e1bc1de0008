import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import {
  NetworkServiceService as Networks,
  type WatchConnectionsResponse,
  type WatchEndpointClosedResponse,
  type WatchNetworkDeltaResponse,
} from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams, type WatchStreamsResponse } from '../../gen/switchyard/v1/stream_service.js';
import { ADMIN_TOKEN, agent, asAdmin, ask, open, type Reading, type Running, run } from '../grpc/running.js';
import { agent as systemAgent, talk } from '../system/talking.js';

// grpc-java #8434, tonic #2302: a stream without a message yet had no headers either, and its caller waited.

type Response =
  | WatchNetworkDeltaResponse
  | WatchEndpointClosedResponse
  | WatchStreamsResponse
  | WatchConnectionsResponse;

/** Far more than a round trip on loopback, and far less than the 20 s after which a bookmark is due anyway. */
const AT_ONCE_MS = 5_000;

describe('a watch that has nothing to tell', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'admin-token': ADMIN_TOKEN, 'system-tcp-listen': '127.0.0.1:0' });
  });
  afterAll(() => at.stop());

  it.each<[string, (after: WatchNetworkDeltaResponse['position']) => Reading<Response>]>([
    ['WatchNetworkDelta', (after) => open(at, Networks.watchNetworkDelta, { after, coalesce: false, cvids: [] })],
    [
      'WatchNetworkDelta of a node',
      (after) => open(at, Networks.watchNetworkDelta, { after, coalesce: false, cvids: [9] }),
    ],
    [
      'WatchNetworkDelta, coalesced',
      (after) => open(at, Networks.watchNetworkDelta, { after, coalesce: true, cvids: [] }),
    ],
    ['WatchEndpointClosed', (after) => open(at, Networks.watchEndpointClosed, { after, cvids: [] })],
    ['WatchEndpointClosed from now', () => open(at, Networks.watchEndpointClosed, { after: undefined, cvids: [] })],
    ['WatchStreams', (after) => open(at, Streams.watchStreams, { after }, asAdmin())],
    ['WatchConnections', (after) => open(at, Networks.watchConnections, { after }, asAdmin())],
  ])('answers with headers and a BOOKMARK of its position within a round trip: %s', async (_name, begin) => {
    const { position } = await ask(at, Sessions.session, agent(1));
    const fromMs = Date.now();
    const watch = begin(position);
    const headers = new Promise<Metadata>((resolve) => void watch.call.once('metadata', resolve));
    const first = await watch.next();
    await headers;
    expect(Date.now() - fromMs).toBeLessThan(AT_ONCE_MS);
    expect(first).toMatchObject({ kind: WatchKind.BOOKMARK, position });
    expect(Math.abs(first.committedAt!.getTime() - Date.now())).toBeLessThan(60_000);
    watch.call.cancel();
  });

  it('answers with a BOOKMARK over system events, too', async () => {
    const one = await talk(`tcp://${at.server.addresses.tcp}`);
    const { position } = await one.client.ask('Session', systemAgent(7));
    const fromMs = Date.now();
    await one.client.ask('KeepAlive', { watch: { deltas: true, after: position } });
    expect(await one.deltas.next()).toMatchObject({ kind: WatchKind.BOOKMARK, position });
    expect(Date.now() - fromMs).toBeLessThan(AT_ONCE_MS);
    one.client.close();
    await one.client.closed;
  });

  it('tells of an endpoint that closed which instance it was, at both doors', async () => {
    const one = await talk(`tcp://${at.server.addresses.tcp}`);
    await one.client.ask('Session', { ...systemAgent(8), watch: { endpointsClosed: true } });
    const watch = open(at, Networks.watchEndpointClosed, { after: undefined, cvids: [] });
    await watch.next();
    const request = { ...agent(9), name: 'sensor' };
    const { instanceSid } = await ask(at, Sessions.session, request);
    const named = { cvid: instanceSid, instanceUuid: request.instanceUuid, name: 'sensor' };
    await ask(at, Sessions.session, request);
    const [closed] = (await watch.until(({ endpointClosed }) => endpointClosed?.cvid === instanceSid)).slice(-1);
    expect(closed.endpointClosed).toMatchObject(named);
    expect(await one.ends.until(({ cvid }) => cvid === instanceSid)).toMatchObject(named);
    watch.call.cancel();
    one.client.close();
    await one.client.closed;
  });
});
