import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { DirectConnectionRequest, NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import {
  CreateStreamRequest,
  RelayRequest,
  StreamServiceService as Streams,
} from '../../gen/switchyard/v1/stream_service.js';
import { TimersClock } from '../../harness/manual-clock.js';
import { draining } from '../../src/core/model/draining.js';
import {
  agent,
  asAdmin,
  ask,
  asSession,
  open,
  Reading,
  type Running,
  refusalOf,
  refused,
  run,
} from '../grpc/running.js';
import { agent as device, talk } from '../system/talking.js';

// etcd #2660: keys of clients that were alive expired while there was nobody at whom to renew them.

const COUNT = 200;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-trial-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a session with a TTL of 5 s', () => {
  it('lives on when it renews exactly when the drain told it to, whichever turn it was given', async () => {
    const before = await run({ data: folder });
    const opened = await Promise.all(
      Array.from({ length: COUNT }, (_, n) =>
        ask(before, Sessions.session, { ...agent(n + 1), ttl: { seconds: 5n, nanos: 0 } }),
      ),
    );
    await before.stop();
    // Of 9,000 that hear of a drain, these are spread over all turns.
    const waits = opened.map((_, n) => draining(n * (9_000 / COUNT), 30_000).retryAfterMs!);
    const clock = new TimersClock();
    const after = await run({ data: folder }, { clock });
    let passedMs = 0;
    let expired = 0;
    for (const [n, { sessionToken }] of opened.entries()) {
      passInSteps(clock, waits[n] - passedMs);
      passedMs = waits[n];
      await ask(after, Sessions.keepAlive, {} as never, asSession(sessionToken)).catch(() => expired++);
    }
    await after.stop();
    expect(Math.max(...waits)).toBeGreaterThan(5_000 + 3_000);
    expect(expired).toBe(0);
  });
});

const SHORT = { grace: '600ms', 'session-ttl': '600ms', 'session-ttl-min': '600ms' };

describe('a drain of a server whose sessions live for 600 ms', () => {
  it('keeps none away for more than 300 ms, whatever it was connected by', async () => {
    const at = await run({ ...SHORT, 'system-tcp-listen': '127.0.0.1:0' });
    const { sessionToken } = await ask(at, Sessions.session, agent(1));
    const attachment = open(at, Sessions.attach, {}, asSession(sessionToken));
    await attachment.next();
    const [bare, withSession] = await Promise.all([talk(tcpOf(at)), talk(tcpOf(at))]);
    await withSession.client.ask('Session', device(2));
    // It is on its way when the drain begins.
    const asked = refused(ask(at, Sessions.session, agent(3)));
    const down = at.server.drain();
    const ends = [
      await asked,
      await attachment.ending(),
      ...(await Promise.all([bare, withSession].map(({ client }) => client.closed))),
    ];
    await down;
    at.client.close();
    for (const end of ends) {
      expect(end?.reason).toBe('DRAINING');
      expect(end && ('retryMs' in end ? end.retryMs : end.retryAfterMs)).toBeLessThanOrEqual(300);
    }
  });

  it('says so to what watches, relays and waits for a peer', async () => {
    // What every session lives at least counts: those here live for longer, so that a busy machine does not lose them.
    const at = await run({ grace: SHORT.grace, data: folder });
    const [one, other] = await Promise.all([1, 2].map((number) => attached(at, number)));
    const { stream } = await ask(at, Streams.createStream, streamTo(other.sid), one.headers);
    const watches = {
      nodes: open(at, Network.watchNetworkDelta, { after: undefined, coalesce: false, cvids: [] }),
      closed: open(at, Network.watchEndpointClosed, { cvids: [], after: undefined }),
      streams: open(at, Streams.watchStreams, { after: undefined }, one.headers),
      audit: open(at, Identities.watchAudit, { after: undefined, newest: 1 }, asAdmin()),
      relay: relay(at, stream!.id, one.headers),
    };
    await Promise.all(Object.values(watches).map((watch) => watch.next()));
    const peer = refused(ask(at, Network.directConnection, directTo(other.sid), one.headers));
    await other.orders.until(({ order }) => order?.kind?.$case === 'connection');
    const down = at.server.drain();
    const ends = Object.entries(watches).map(async ([what, watch]) => ({ what, ...(await watch.ending()) }));
    for (const { what, reason, retryMs } of [...(await Promise.all(ends)), { what: 'peer', ...(await peer) }]) {
      expect({ what, reason, isSoon: retryMs! <= 300 }).toEqual({ what, reason: 'DRAINING', isSoon: true });
    }
    await down;
    at.client.close();
  });

  it('says so to administrators whose networks wait to be created', async () => {
    const at = await run({ ...SHORT, data: folder });
    const calls = Array.from({ length: 40 }, (_, n) =>
      ask(at, Identities.createNetwork, { name: `net-${n}`, sessionsMax: 0 }, asAdmin()),
    );
    const outcomes = Promise.allSettled(calls);
    await calls[0];
    await at.server.drain();
    at.client.close();
    const refusals = (await outcomes).flatMap((made) => (made.status === 'rejected' ? [refusalOf(made.reason)] : []));
    expect(refusals.length).toBeGreaterThan(0);
    for (const { reason, retryMs } of refusals) {
      expect(reason).toBe('DRAINING');
      expect(retryMs).toBeLessThanOrEqual(300);
    }
  });
});

/** An instance that is attached to a server, with what it is ordered. */
async function attached(at: Running, number: number) {
  const { instanceSid: sid, sessionToken } = await ask(at, Sessions.session, agent(number));
  const headers = asSession(sessionToken);
  const orders = open(at, Sessions.attach, {}, headers);
  await orders.next();
  return { sid, headers, orders };
}

function streamTo(sid: number): CreateStreamRequest {
  return CreateStreamRequest.fromPartial({ sinkCvids: [sid] });
}

function directTo(cvid: number): DirectConnectionRequest {
  const candidates = [{ host: '192.168.1.2', port: 4000, type: 1, priority: 9 }];
  const roundTrip = { seconds: 0n, nanos: 8_000_000 };
  return DirectConnectionRequest.fromPartial({ cvid, type: 1, candidates, publicKey: Buffer.from('a key'), roundTrip });
}

/** Opens a stream's source, and leaves it open. */
function relay(at: Running, id: number, headers: Metadata) {
  const { path, requestSerialize, responseDeserialize } = Streams.relay;
  const call = at.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, headers);
  call.write(RelayRequest.fromPartial({ open: { id } }));
  return new Reading(call);
}

function tcpOf(at: Running): string {
  return `tcp://${at.server.addresses.tcp}`;
}

/** Moves on in steps that are no pause. */
function passInSteps(clock: TimersClock, ms: number): void {
  for (let left = ms; left > 0; left -= 500) clock.advance(Math.min(left, 500));
}
