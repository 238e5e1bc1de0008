import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import {
  HealthService as Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health.js';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { MemoryDisk, MemoryJournal } from '../../src/journal/storage/memory.js';
import { agent, asAdmin, ask, asSession, open, refused, run } from './running.js';

const NETWORK = { after: undefined, coalesce: false, cvids: [] };

describe('a drain', () => {
  it('says NOT_SERVING, gives every watch a bookmark, and ends it with UNAVAILABLE and when to come back', async () => {
    const at = await run();
    const { sessionToken } = await ask(at, Sessions.session, agent(1));
    const health = open(at, Health.watch, { service: 'switchyard.v1.SessionService' });
    expect((await health.next()).status).toBe(Serving.SERVING);
    const watches = [
      open(at, Network.watchNetworkDelta, NETWORK),
      open(at, Network.watchEndpointClosed, { cvids: [], after: undefined }),
      open(at, Streams.watchStreams, { after: undefined }, asSession(sessionToken)),
    ];
    const attachment = open(at, Sessions.attach, {}, asSession(sessionToken));
    await Promise.all([attachment.next(), ...watches.map((watch) => watch.next())]);
    const down = at.server.drain();
    expect((await health.next()).status).toBe(Serving.NOT_SERVING);
    for (const watch of watches) {
      const kinds: WatchKind[] = [];
      const ending = await watch.until(({ kind }) => kinds.push(kind) < 0).catch((error) => error);
      expect(kinds.at(-1)).toBe(WatchKind.BOOKMARK);
      expect(ending.code).toBe(status.UNAVAILABLE);
    }
    const ending = await attachment.ending();
    expect(ending).toMatchObject({ code: status.UNAVAILABLE, reason: 'DRAINING' });
    expect(ending.retryMs).toBeGreaterThan(0);
    await down;
    at.client.close();
  });

  it('waits for whoever still reads until its deadline, and cuts them off then', async () => {
    const at = await run({ 'drain-deadline': '200ms' });
    const watch = open(at, Network.watchNetworkDelta, NETWORK);
    await watch.next();
    // Reads no more: HTTP/2's flow control holds the rest of what it is sent.
    watch.call.pause();
    for (let number = 1; number <= 40; number++) {
      const labels = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`k${at}`, 'v'.repeat(255)]));
      await ask(at, Sessions.session, { ...agent(number), labels });
    }
    await at.server.drain();
    watch.call.resume();
    expect([status.CANCELLED, status.UNAVAILABLE]).toContain((await watch.ending()).code);
    at.client.close();
  });

  it('lets a call that waits for something else go', async () => {
    const at = await run();
    const { instanceSid, sessionToken } = await ask(at, Sessions.session, agent(1));
    // It is asked to end, and does not answer.
    const attachment = open(at, Sessions.attach, {}, asSession(sessionToken));
    await attachment.next();
    const waiting = refused(ask(at, Sessions.terminateSession, { cvid: instanceSid, reason: '' }, asAdmin()));
    const watch = open(at, Network.watchEndpointClosed, { cvids: [], after: undefined });
    await watch.next();
    await at.server.drain();
    expect(await waiting).toMatchObject({ code: status.UNAVAILABLE, reason: 'DRAINING' });
    at.client.close();
  });

  it('is once, however often it is asked for', async () => {
    const at = await run();
    expect(at.server.drain()).toBe(at.server.drain());
    expect(at.server.close()).toBe(at.server.drain());
    await at.server.close();
    at.client.close();
  });
});

describe('a restart', () => {
  it('brings back the server, the sessions with their tokens, and the watches from where they stood', async () => {
    const disk = new MemoryDisk();
    const before = await run({}, { journal: new MemoryJournal(disk) });
    const one = await ask(before, Sessions.session, agent(1));
    const two = await ask(before, Sessions.session, agent(2));
    await before.stop();
    const after = await run({}, { journal: new MemoryJournal(disk) });
    const { session } = await ask(after, Sessions.getSession, { cvid: 0 }, asSession(one.sessionToken));
    expect(session?.cvid).toBe(one.instanceSid);
    const watch = open(after, Network.watchNetworkDelta, { ...NETWORK, after: one.position });
    const missed = await watch.next();
    expect(missed.kind).toBe(WatchKind.DELTA);
    expect(missed.deltas[0].nodeAdded[0].cvid).toBe(two.instanceSid);
    const three = await ask(after, Sessions.session, agent(3));
    expect(three).toMatchObject({ serverSid: one.serverSid, serverUuid: one.serverUuid });
    expect((await watch.next()).position).toEqual(three.position);
    await after.stop();
  });
});
