import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { NetworkServiceService } from '../../gen/switchyard/v1/network_service.js';
import type { Call, Method } from '../../src/client/channel/channel.js';
import { type Instance, InstanceType, type PeerStream, Switchyard } from '../../src/client/index.js';
import { BlindChannel } from '../client/worlds/blind-channel.js';
import { movedToDirect } from '../client/worlds/moved.js';
import { type Running, run } from '../grpc/running.js';

// libp2p #1603, NetBird #2110: dials of one peer that are under way at once took each other's answers.

let at: Running;
let channel: LateChannel;
let yard: Switchyard;
let problems: Error[] = [];

beforeAll(async () => {
  at = await run();
});
afterEach(async () => {
  await yard.close();
});
afterAll(() => at.stop());

/** A way to the server on which the answer to each request for a connection comes later than the order that it overtakes. */
class LateChannel extends BlindChannel {
  override isBlind = false;
  /** How late the next answers come. */
  lateMs: number[] = [];

  override async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): Promise<Response> {
    const isAsked = (method.path as string) === NetworkServiceService.directConnection.path;
    const lateMs = isAsked ? (this.lateMs.shift() ?? 0) : 0;
    const response = await super.unary(method, request, call);
    await new Promise((resolve) => setTimeout(resolve, lateMs));
    return response;
  }
}

/** Two instances, each of which says everything back. */
async function pair(): Promise<[Instance, Instance]> {
  channel = new LateChannel(at.address);
  yard = new Switchyard({ channel });
  problems = [];
  const join = () => {
    // A test ends while the other end may still take its leave. What its caller hears is judged by the streams.
    const accepted = (stream: PeerStream) => void stream.on('error', () => {}).pipe(stream);
    const handlers = { accept: () => true, accepted };
    const instance = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
    instance.on('problem', (error) => problems.push(error));
    return instance;
  };
  const ends: [Instance, Instance] = [join(), join()];
  await Promise.all(ends.map((end) => end.attached()));
  return ends;
}

/** Shows that a stream is one of its own: what is said on it comes back on it. */
async function isWhole(stream: PeerStream): Promise<void> {
  stream.end(stream.connectionId);
  let said = '';
  stream.on('data', (bytes: Buffer) => {
    said += bytes;
  });
  await once(stream, 'end');
  expect(said).toBe(stream.connectionId);
}

describe('connections made at once to one peer', () => {
  it.each([
    ['tcp', 2, 10],
    ['tcp', 6, 5],
    ['udp', 4, 4],
  ] as const)('all stand, and become direct (%s, %i at once, %i times)', async (transport, count, rounds) => {
    const [caller, peer] = await pair();
    for (let round = 0; round < rounds; round++) {
      const asked = Array.from({ length: count }, () => caller.connect(peer.session!.cvid, { transport }));
      const streams = await Promise.all(asked);
      expect(new Set(streams.map(({ connectionId }) => connectionId)).size).toBe(count);
      await movedToDirect(...streams);
      await Promise.all(streams.map(isWhole));
    }
    expect(problems).toEqual([]);
  });

  it('all stand when their orders overtake the answers, whichever of these comes first', async () => {
    const [caller, peer] = await pair();
    channel.lateMs = [50, 300, 150, 0];
    const streams = await Promise.all([1, 2, 3, 4].map(() => caller.connect(peer.session!.cvid)));
    await movedToDirect(...streams);
    expect(problems).toEqual([]);
    const { connection } = await caller.getConnection(streams[1]!.connectionId);
    expect(connection.attempts.map(({ description }) => description)).toEqual(['']);
    await Promise.all(streams.map(isWhole));
  });

  it('all stand when the peer makes as many the other way at the same time', async () => {
    const [one, other] = await pair();
    for (let round = 0; round < 4; round++) {
      const both = [
        [one, other],
        [other, one],
      ] as const;
      const asked = both.flatMap(([from, to]) => [1, 2, 3, 4].map(() => from.connect(to.session!.cvid)));
      const streams = await Promise.all(asked);
      await movedToDirect(...streams);
      for (const stream of streams) stream.destroy();
    }
  });
});
