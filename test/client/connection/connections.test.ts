import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Call, Method } from '../../../src/client/channel/channel.js';
import { Brokered } from '../../../src/client/connection/brokered.js';
import {
  ConnectionState,
  type Instance,
  LinkType,
  type OrderHandlers,
  type PeerStream,
  Refusal,
  type Switchyard,
} from '../../../src/client/index.js';
import { systemRandom } from '../../../src/client/system.js';
import { type Running, run } from '../../grpc/running.js';
import { BlindChannel } from '../worlds/blind-channel.js';
import { movedToDirect } from '../worlds/moved.js';
import { makeYard } from '../worlds/proving-yard.js';

let at: Running;
let yard: Switchyard;
let instances: Instance[] = [];

beforeAll(async () => {
  at = await run();
  yard = makeYard(at.address);
});
afterEach(async () => {
  await Promise.all(instances.map((instance) => instance.leave()));
  instances = [];
});
afterAll(async () => {
  await yard.close();
  await at.stop();
});

async function join(handlers: OrderHandlers = {}): Promise<Instance & { cvid: number }> {
  const hex = randomBytes(6).toString('hex');
  const instance = yard.join({ uuid: `00000000-0000-4000-8000-${hex}`, type: 2, handlers });
  instances.push(instance);
  const { cvid } = await instance.attached();
  return Object.assign(instance, { cvid });
}

/** A server that has not heard that the first connection is decided, and answers with it again. */
class LateChannel extends BlindChannel {
  override isBlind = false;
  isLate = true;
  again = 0;
  #first: unknown;

  override async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): Promise<Response> {
    if (!method.path.endsWith('/DirectConnection')) return super.unary(method, request, call);
    if (this.#first !== undefined && this.isLate) {
      this.again += 1;
      await new Promise(setImmediate);
      return this.#first as Response;
    }
    const answer = await super.unary(method, request, call);
    this.#first ??= answer;
    return answer;
  }
}

/** An instance that takes every connection, and its streams in turn. */
async function taking() {
  const taken: PeerStream[] = [];
  let wake = () => {};
  const instance = await join({
    accept: () => true,
    accepted: (stream) => {
      taken.push(stream);
      wake();
    },
  });
  const next = async () => {
    while (taken.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return taken.shift()!;
  };
  return { instance, next };
}

/** Everything up to the end of one way; a loop over the stream would destroy the other one too. */
async function textOf(stream: PeerStream): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks).toString();
}

/** Asks again and again until it is so; the test's own time limit is what ends it otherwise. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Resolves when the link is in the graph, or is not any more. */
async function linked(one: number, other: number, link: LinkType, wanted: boolean): Promise<void> {
  const network = yard.watchNetwork();
  try {
    await network.synced();
    await until(() => network.graph.hasLink(one, other, link) === wanted);
  } finally {
    network.close();
  }
}

describe('a connection between two instances', () => {
  it.each(['tcp', 'udp'] as const)(
    'over %s goes through the server at once, becomes direct, carries both ways, and is a link while it stands',
    async (transport) => {
      const caller = await join();
      const { instance, next } = await taking();
      const link = transport === 'tcp' ? LinkType.TRANSPORT_TCP : LinkType.TRANSPORT_UDP;
      const stream = await caller.connect(instance.session!.cvid, { transport });
      const taken = await next();
      expect(stream).toMatchObject({ path: 'relayed', incoming: false, peerCvid: instance.session!.cvid });
      expect(taken).toMatchObject({ path: 'relayed', incoming: true, peerCvid: caller.cvid });
      expect([stream.endToEnd, taken.endToEnd]).toEqual([true, true]);
      expect(taken.connectionId).toBe(stream.connectionId);
      await linked(caller.cvid, instance.session!.cvid, link, true);
      const heard = textOf(taken);
      stream.write('first');
      await movedToDirect(taken, stream);
      await linked(caller.cvid, instance.session!.cvid, link, true);
      stream.end(' there');
      expect(await heard).toBe('first there');
      taken.end('and back');
      expect(await textOf(stream)).toBe('and back');
      await linked(caller.cvid, instance.session!.cvid, link, false);
      const { connection } = await caller.getConnection(stream.connectionId);
      expect(connection).toMatchObject({
        state: ConnectionState.CANCELLED,
        attempts: [{ number: 1, description: '' }],
      });
    },
  );

  it('is direct from the start with fallback late', async () => {
    const caller = await join();
    const { instance, next } = await taking();
    const stream = await caller.connect(instance.session!.cvid, { fallback: 'late' });
    expect([stream.path, (await next()).path]).toEqual(['direct', 'direct']);
    stream.destroy();
  });

  it('is refused by an instance that takes none, and by one that does not want it', async () => {
    const caller = await join();
    const closed = await join();
    const choosy = await join({
      accept: () => {
        throw new Refusal('PEER_REFUSED', 'only from home');
      },
    });
    await expect(caller.connect(closed.cvid)).rejects.toMatchObject({
      reason: 'PEER_REFUSED',
      message: 'this instance takes no direct connections',
    });
    await expect(caller.connect(choosy.cvid)).rejects.toMatchObject({ message: 'only from home' });
  });

  it('is one when both ask for each other at the same moment', async () => {
    const [one, other] = [await join(), await join()];
    const streams = await Promise.all([one.connect(other.cvid), other.connect(one.cvid)]);
    expect(streams[0]!.connectionId).toBe(streams[1]!.connectionId);
    streams[0]!.write('x');
    expect(String((await once(streams[1]!, 'data'))[0])).toBe('x');
    for (const stream of streams) stream.destroy();
  });

  it.each([
    ['is asked whether it wants it', (ask: () => void) => ask()],
    ['is making it', (ask: () => void) => setImmediate(ask)],
  ])('is one, and handed out once, when the peer asks for the same while it %s', async (_, when) => {
    const one = await join();
    let asked: () => void = () => {};
    const theirs = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const handedOut: PeerStream[] = [];
    const other = await join({
      accept: () => {
        when(asked);
        return true;
      },
      accepted: (stream) => {
        handedOut.push(stream);
      },
    });
    const [stream, same] = await Promise.all([one.connect(other.cvid), theirs.then(() => other.connect(one.cvid))]);
    expect(same.connectionId).toBe(stream.connectionId);
    same.end('x');
    expect(await textOf(stream)).toBe('x');
    expect(handedOut).toEqual([]);
    stream.destroy();
  });

  it('is not joined to one of the peer that may go through the server when it is asked for with fallback none', async () => {
    const one = await join();
    let strict: Promise<PeerStream> | undefined;
    const other = await join({
      accept: () => {
        setImmediate(() => {
          strict = other.connect(one.cvid, { fallback: 'none' });
        });
        return true;
      },
    });
    one.handlers.accept = () => true;
    const stream = await one.connect(other.cvid, { upgradeAfterMs: Number.POSITIVE_INFINITY });
    await until(() => strict !== undefined);
    const direct = await strict!;
    expect(direct.path).toBe('direct');
    for (const each of [stream, direct]) each.destroy();
  });

  it('is asked for again after a wait, not at once, while the server answers with one that is decided at this end', async () => {
    const { instance } = await taking();
    const channel = new LateChannel(at.address);
    const late = makeYard(at.address, { channel, random: { ...systemRandom, fraction: () => 1 } });
    const caller = late.join({ uuid: `00000000-0000-4000-8000-${randomBytes(6).toString('hex')}`, type: 2 });
    instances.push(caller);
    await caller.attached();
    const first = await caller.connect(instance.session!.cvid);
    const connecting = caller.connect(instance.session!.cvid);
    await new Promise((resolve) => setTimeout(resolve, 500));
    // At once, after 0.2 s, and after 0.4 s more.
    expect(channel.again).toBeGreaterThan(0);
    expect(channel.again).toBeLessThan(4);
    channel.isLate = false;
    const second = await connecting;
    expect(second.connectionId).not.toBe(first.connectionId);
    for (const stream of [first, second]) stream.destroy();
    await caller.leave();
    await late.close();
  });

  it('rejects at once when the caller gives up while another one to the same peer is being made', async () => {
    const { instance } = await taking();
    const channel = new LateChannel(at.address);
    const late = makeYard(at.address, { channel });
    const caller = late.join({ uuid: `00000000-0000-4000-8000-${randomBytes(6).toString('hex')}`, type: 2 });
    await caller.attached();
    // The first one is ordered to relay, and takes its time.
    const relay = jest.spyOn(Brokered.prototype, 'relay').mockImplementation(() => new Promise(() => {}));
    const first = caller.connect(instance.session!.cvid);
    first.catch(() => {});
    await until(() => relay.mock.calls.length === 2);
    const stop = new AbortController();
    const second = caller.connect(instance.session!.cvid, { signal: stop.signal });
    await until(() => channel.again > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort(new Error('enough'));
    const late2s = new Promise((resolve) => setTimeout(() => resolve('nothing within 2 s'), 2_000));
    const outcome = await Promise.race([second.catch(({ message }: Error) => message), late2s]);
    relay.mockRestore();
    await caller.leave();
    await late.close();
    expect(outcome).toBe('enough');
  });

  it('rejects at once when the caller gives up, and is cancelled at the peer', async () => {
    const caller = await join();
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    const slow = await join({
      accept: async () => {
        resolve();
        await new Promise(() => {});
        return true;
      },
    });
    const stop = new AbortController();
    const asked = caller.connect(slow.cvid, { signal: stop.signal });
    await promise;
    stop.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    await until(async () => {
      const { value: last } = await caller.listConnections().next();
      return last?.state === ConnectionState.CANCELLED && last.description === `closed by session ${caller.cvid}`;
    });
  });
});
