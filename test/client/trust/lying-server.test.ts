import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Connection } from '../../../gen/switchyard/v1/connection.js';
import { NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import type { Order } from '../../../gen/switchyard/v1/session.js';
import type { Call, Method } from '../../../src/client/channel/channel.js';
import {
  type ConnectionOffer,
  type ConnectOptions,
  type Instance,
  InstanceType,
  type PeerStream,
  Switchyard,
  UnendorsedPeerError,
} from '../../../src/client/index.js';
import { agent, type Running, run } from '../../grpc/running.js';
import { keyOf } from '../../trust/proving.js';
import { BlindChannel } from '../worlds/blind-channel.js';

/** What a lying server changes in what it says of a connection. */
type Lie = (connection: Connection) => Connection;

/** The way to a server that leads one of its instances to another node than it asks for, and says that it is that one. */
class LyingChannel extends BlindChannel {
  lie: Lie | undefined;

  constructor(
    server: string,
    private readonly asked: () => number,
    private readonly given: () => number,
  ) {
    super(server);
    this.isBlind = false;
    this.change = (order) => this.#orderAsIfAsked(order);
  }

  override async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): Promise<Response> {
    const { lie } = this;
    if (lie === undefined || method.path !== NetworkServiceService.directConnection.path) {
      return super.unary(method, request, call);
    }
    const answer = await super.unary(method, { ...request, cvid: this.given() }, call);
    const { request: told } = answer as { request: Connection };
    return { ...answer, request: lie({ ...told, peerCvid: this.asked() }) };
  }

  #orderAsIfAsked(order: Order): Order {
    const { kind } = order;
    if (this.lie === undefined || kind?.$case !== 'connection') return order;
    return { ...order, kind: { $case: 'connection', value: this.lie({ ...kind.value, peerCvid: this.asked() }) } };
  }
}

/** All that the peer says. What iterates a stream would destroy it at its end, before the own side has ended. */
async function text(stream: PeerStream): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks).toString();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const uuidOf = (number: number) => agent(number).instanceUuid;
const keyIdOf = (number: number) => keyOf(number).keyId.toString('hex');

describe('a server that puts another peer in the place of the one that was asked for', () => {
  let at: Running;
  let yard: Switchyard;
  let harbour: number;
  let stranger: number;
  let wanted: Connection | undefined;
  let deceived: Switchyard | undefined;
  /** What the stranger has read. */
  const heard: string[] = [];
  const heardByHarbour: string[] = [];

  const reads = (into: string[]) => ({
    accept: () => true,
    accepted: (stream: PeerStream) => {
      text(stream).then(
        (all) => {
          into.push(all);
          stream.end('hello');
        },
        () => {},
      );
    },
  });

  beforeAll(async () => {
    at = await run();
    yard = new Switchyard({ server: at.address });
    const join = (number: number, into: string[]) =>
      yard.join({ uuid: uuidOf(number), type: InstanceType.AGENT, key: keyOf(number), handlers: reads(into) });
    harbour = (await join(1, heardByHarbour).attached()).cvid;
    stranger = (await join(2, heard).attached()).cvid;
  });
  afterEach(async () => {
    await deceived?.close();
    heard.length = 0;
    heardByHarbour.length = 0;
  });
  afterAll(async () => {
    await yard.close();
    await at.stop();
  });

  /** An instance that asks for the harbour at a server that lies like this; undefined: it is honest. */
  function caller(lie: Lie | undefined, listenPort?: number): Instance {
    const channel = new LyingChannel(
      at.address,
      () => harbour,
      () => stranger,
    );
    channel.lie = lie;
    deceived = new Switchyard({ channel });
    return deceived.join({ uuid: uuidOf(3), type: InstanceType.CLIENT, key: keyOf(3), listenPort });
  }

  async function say(stream: PeerStream, words: string): Promise<string> {
    stream.end(words);
    return text(stream);
  }

  const TIMES: readonly Required<Pick<ConnectOptions, 'fallback'>>['fallback'][] = ['immediate', 'late'];
  /** The endorsement that the harbour has brought, as an honest order had it. */
  async function harboursOwn(): Promise<Connection> {
    if (wanted !== undefined) return wanted;
    const channel = new BlindChannel(at.address);
    channel.isBlind = false;
    channel.change = (order) => {
      if (order.kind?.$case === 'connection' && order.kind.value.peerPublicKey.length > 0) wanted = order.kind.value;
      return order;
    };
    const honest = new Switchyard({ channel });
    const instance = honest.join({ uuid: uuidOf(4), type: InstanceType.CLIENT, key: keyOf(4) });
    const stream = await instance.connect(harbour, { fallback: 'late' });
    await say(stream, '');
    await honest.close();
    return wanted!;
  }

  it.each(TIMES)('is believed by a caller without pins, whose data the other one reads (%s)', async (fallback) => {
    const stream = await caller((connection) => connection).connect(harbour, { fallback });
    expect(await say(stream, 'a secret')).toBe('hello');
    expect(stream.peerCvid).toBe(harbour);
    expect(heard).toEqual(['a secret']);
    expect(heardByHarbour).toEqual([]);
  });

  it.each(TIMES)('is no hindrance where it is honest and the key is the pinned one (%s)', async (fallback) => {
    const stream = await caller(undefined).connect(harbour, { fallback, pins: [keyIdOf(1).toUpperCase()] });
    expect(await say(stream, 'a secret')).toBe('hello');
    expect(heardByHarbour).toEqual(['a secret']);
  });

  const lies = {
    'with the endorsement of that peer': async () => (connection: Connection) => connection,
    'with the endorsement of the one that was asked for': async () => {
      const { peerEndorsement } = await harboursOwn();
      return (connection: Connection) => ({ ...connection, peerEndorsement });
    },
    'without an endorsement': async () => (connection: Connection) => ({ ...connection, peerEndorsement: undefined }),
  };
  const problems = {
    'with the endorsement of that peer': `its key is endorsed by ${keyIdOf(2)}, which is not pinned`,
    'with the endorsement of the one that was asked for':
      'its endorsement is for another key or network, or was changed',
    'without an endorsement': 'it brought no endorsement of its key',
  };

  describe.each(Object.keys(lies) as (keyof typeof lies)[])('%s', (how) => {
    const isCaught = async (instance: Instance, options: ConnectOptions) => {
      const error = await instance.connect(harbour, { ...options, pins: [keyIdOf(1)] }).catch((reason) => reason);
      expect(error).toBeInstanceOf(UnendorsedPeerError);
      expect(error.message).toBe(`${harbour} is not known to be the peer that was asked for: ${problems[how]}`);
      // Both ends have let go of it by then: the stranger reads the end of nothing, or never had it.
      expect(heard.join('')).toBe('');
    };

    it.each(TIMES)('is found out by a caller that pins the key (%s)', async (fallback) => {
      await isCaught(caller(await lies[how]()), { fallback });
    });

    it('is found out by a caller that pins the key and listens', async () => {
      await isCaught(caller(await lies[how](), await freePort()), { fallback: 'late' });
    });
  });
});

describe('a connection that a stranger has asked for', () => {
  it('is not joined by a request of this end that pins the key of somebody else', async () => {
    const at = await run();
    const yard = new Switchyard({ server: at.address });
    const harbour = await yard.join({ uuid: uuidOf(1), type: InstanceType.AGENT, key: keyOf(1) }).attached();
    const stranger = yard.join({ uuid: uuidOf(2), type: InstanceType.AGENT, key: keyOf(2) });
    const { cvid } = await stranger.attached();
    const channel = new LyingChannel(
      at.address,
      () => harbour.cvid,
      () => cvid,
    );
    channel.lie = (connection) => connection;
    const deceived = new Switchyard({ channel });
    let offered = () => {};
    const isOffered = new Promise<void>((resolve) => {
      offered = resolve;
    });
    const accept = () => {
      offered();
      return true;
    };
    const instance = deceived.join({ uuid: uuidOf(3), type: InstanceType.CLIENT, handlers: { accept } });
    const own = (await instance.attached()).cvid;
    // Its orders lose the candidates at the other end, so that it is in the making for long enough.
    channel.isBlind = true;
    const theirs = stranger.connect(own, { fallback: 'late' }).catch((reason) => reason);
    await isOffered;
    const error = await instance.connect(harbour.cvid, { pins: [keyIdOf(1)] }).catch((reason) => reason);
    expect(error).toBeInstanceOf(UnendorsedPeerError);
    expect(error.message).toContain(`its key is endorsed by ${keyIdOf(2)}, which is not pinned`);
    expect(await theirs).toMatchObject({ reason: 'PEER_REFUSED' });
    await deceived.close();
    await yard.close();
    await at.stop();
  });
});

describe('a peer that takes connections only from the holder of a key', () => {
  let at: Running;
  let yard: Switchyard;
  const offers: ConnectionOffer[] = [];

  beforeAll(async () => {
    at = await run();
    yard = new Switchyard({ server: at.address });
  });
  afterAll(async () => {
    await yard.close();
    await at.stop();
  });

  async function harbourOf(change: (order: Order) => Order): Promise<{ cvid: number; close(): Promise<void> }> {
    const channel = new BlindChannel(at.address);
    channel.isBlind = false;
    channel.change = change;
    const deceived = new Switchyard({ channel });
    const handlers = {
      accept: (offer: ConnectionOffer) => {
        offers.push(offer);
        return offer.endorsement?.keyId === keyIdOf(3) && ('endorsed' as const);
      },
      accepted: (stream: PeerStream) => {
        stream.resume().end('hello');
      },
    };
    const instance = deceived.join({ uuid: uuidOf(1), type: InstanceType.AGENT, handlers });
    return { cvid: (await instance.attached()).cvid, close: () => deceived.close() };
  }

  function callerOf(number: number): Instance {
    return yard.join({ uuid: uuidOf(number), type: InstanceType.CLIENT, key: keyOf(number) });
  }

  it('takes that one, and is told which key stands behind it', async () => {
    const harbour = await harbourOf((order) => order);
    const instance = callerOf(3);
    const stream = await instance.connect(harbour.cvid);
    stream.end();
    expect(await text(stream)).toBe('hello');
    expect(offers.at(-1)!.endorsement).toMatchObject({ keyId: keyIdOf(3), identityUuid: uuidOf(3) });
    await instance.leave();
    await harbour.close();
  });

  it('refuses another one, and is told why there is no endorsement of one without a key', async () => {
    const harbour = await harbourOf((order) => order);
    const instance = callerOf(5);
    await expect(instance.connect(harbour.cvid)).rejects.toMatchObject({ reason: 'PEER_REFUSED' });
    expect(offers.at(-1)!.endorsement).toMatchObject({ keyId: keyIdOf(5) });
    const keyless = yard.join({ uuid: uuidOf(6), type: InstanceType.CLIENT });
    await expect(keyless.connect(harbour.cvid)).rejects.toMatchObject({ reason: 'PEER_REFUSED' });
    expect(offers.at(-1)!.endorsementProblem).toBe('it brought no endorsement of its key');
    await instance.leave();
    await keyless.leave();
    await harbour.close();
  });

  it('refuses an order that has another key than the one that was endorsed', async () => {
    const strangersKey = keyOf(2).publicKey;
    const harbour = await harbourOf((order) => {
      const { kind } = order;
      if (kind?.$case !== 'connection' || kind.value.relayStreamId === 0) return order;
      return { ...order, kind: { $case: 'connection', value: { ...kind.value, peerPublicKey: strangersKey } } };
    });
    const instance = callerOf(3);
    await expect(instance.connect(harbour.cvid)).rejects.toThrow();
    const listed = instance.listConnections()[Symbol.asyncIterator]();
    expect((await listed.next()).value).toMatchObject({
      description: expect.stringContaining('not endorsed as this end asks'),
    });
    await instance.leave();
    await harbour.close();
  });
});
