import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PathKind } from '../../../gen/switchyard/v1/connection.js';
import { LinkState, type ReportLinkRequest } from '../../../gen/switchyard/v1/network_service.js';
import type { Call, Method } from '../../../src/client/channel/channel.js';
import { askToReturn, reportPath, wordOf } from '../../../src/client/connection/path-report.js';
import { ConnectionState, InstanceType, type PeerStream, Switchyard } from '../../../src/client/index.js';
import { type Running, run } from '../../grpc/running.js';
import { BlindChannel } from '../worlds/blind-channel.js';
import { movedToDirect } from '../worlds/moved.js';

/**
 * A way to the server on which answers to orders may be overtaken by what is sent after them, or what the server says of them by what it
 * sends after that.
 */
class OvertakenChannel extends BlindChannel {
  override isBlind = false;
  held: Promise<void> | undefined;
  heldOnTheWay: 'there' | 'back' = 'there';
  /** Requests for connections that are not sent on. */
  refused: Error | undefined;
  /** What was said of the link. */
  readonly reported: ReportLinkRequest[] = [];

  /** The paths of which it was said that they stand. */
  get standing(): PathKind[] {
    return this.reported.filter(({ state }) => state === LinkState.ESTABLISHED).map(({ path }) => path);
  }

  override async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): Promise<Response> {
    const { held, heldOnTheWay, refused } = this;
    const isAnswer = method.path.endsWith('/Answer');
    if (refused && method.path.endsWith('/DirectConnection')) throw refused;
    if (method.path.endsWith('/ReportLink')) this.reported.push(request as ReportLinkRequest);
    if (isAnswer && heldOnTheWay === 'there') await held;
    const response = await super.unary(method, request, call);
    if (isAnswer && heldOnTheWay === 'back') await held;
    return response;
  }
}

describe('what an end says of a direct path before the server has its answer to the order to relay', () => {
  let at: Running;
  let channel: OvertakenChannel;
  let yards: Switchyard[];
  /** What is below the paths that attempts have found. */
  let sockets: Socket[];

  beforeEach(async () => {
    at = await run();
    channel = new OvertakenChannel(at.address);
    yards = [new Switchyard({ channel }), new Switchyard({ server: at.address })];
    sockets = [];
    const { setKeepAlive } = Socket.prototype;
    jest.spyOn(Socket.prototype, 'setKeepAlive').mockImplementation(function (this: Socket, ...options) {
      sockets.push(this);
      return setKeepAlive.apply(this, options);
    });
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const yard of yards) await yard.close();
    await at.stop();
  });

  /** Both ends of a connection whose direct path both have reported. */
  async function connected() {
    const [caller, peer] = yards.map((yard) => yard.join({ uuid: randomUUID(), type: InstanceType.AGENT }));
    const accepted = new Promise<PeerStream>((resolve) => {
      Object.assign(peer!.handlers, { accept: () => true, accepted: resolve });
    });
    await caller!.attached();
    const near = await caller!.connect((await peer!.attached()).cvid);
    const far = await accepted;
    await movedToDirect(near, far);
    const record = async () => (await caller!.getConnection(near.connectionId)).connection;
    const established = async () => {
      for (let tries = 0; tries < 100; tries++) {
        if ((await record()).state === ConnectionState.ESTABLISHED && near.path === 'direct') return true;
        await wait(50);
      }
      return false;
    };
    expect(await established()).toBe(true);
    return { near, far, record, established };
  }

  /** From now on answers are held; returns what lets them go on. */
  function hold(onTheWay: 'there' | 'back'): () => void {
    let release = () => {};
    channel.held = new Promise((resolve) => {
      release = resolve;
    });
    channel.heldOnTheWay = onTheWay;
    channel.reported.length = 0;
    return () => {
      channel.held = undefined;
      release();
    };
  }

  /** Cuts the path; resolves once both ends have noticed. */
  async function losePath() {
    const ends = sockets.slice(-2);
    const closed = ends.map((end) => once(end, 'close'));
    ends[1]!.resetAndDestroy();
    await Promise.all(closed);
  }

  async function replacePath(...streams: PeerStream[]) {
    const found = sockets.length;
    await losePath();
    for (let tries = 0; sockets.length < found + 2; tries++) {
      if (tries === 1_000) throw new Error('no other path was found');
      await wait(10);
    }
    await movedToDirect(...streams);
  }

  async function expectSaid(from: PeerStream, to: PeerStream) {
    const heard = new Promise((resolve) => to.once('data', resolve));
    from.write('there');
    expect(String(await heard)).toBe('there');
  }

  it.each([
    ['has another path', 1],
    ['has another path and loses that, too', 2],
  ])('counts after it, when it %s', async (_, losses) => {
    const { near, far, record, established } = await connected();
    const release = hold('there');
    await replacePath(near, far);
    // What would overtake the answer is sent before what this asks.
    await record();
    expect(channel.standing).toEqual([PathKind.RELAYED]);
    const before = channel.reported.length;
    if (losses > 1) {
      await losePath();
      await record();
    }
    expect(channel.reported).toHaveLength(before);
    release();
    expect(await established()).toBe(true);
    await expectSaid(near, far);
  });

  it('is not said when the connection has gone back to the relay meanwhile', async () => {
    const { near, far, record } = await connected();
    const release = hold('back');
    await replacePath(near, far);
    channel.refused = new Error('this test wants no other path');
    const back = once(near, 'path');
    await losePath();
    await back;
    expect(near.path).toBe('relayed');
    release();
    await expectSaid(near, far);
    await record();
    expect(channel.standing).toEqual([PathKind.RELAYED, PathKind.RELAYED]);
    expect((await record()).state).toBe(ConnectionState.RELAYED);
  });
});

describe('reports about one connection', () => {
  it('do not overtake each other, also where one fails', async () => {
    const sent: { state: string; settle: (error?: Error) => void }[] = [];
    const deps = {
      session: () => ({}),
      report: (_cvid: number, _link: number, established: boolean, { path }: { path: PathKind }) =>
        new Promise<void>((resolve, reject) => {
          const settle = (error?: Error) => (error ? reject(error) : resolve());
          sent.push({ state: `${established ? 'stands' : 'lost'} ${PathKind[path]}`, settle });
        }),
      problem: jest.fn(),
    } as unknown as Parameters<typeof reportPath>[0];
    const [one, other] = ['c1', 'c2'].map((connectionId) => ({
      connectionId,
      facts: { peerCvid: 7, link: 1 },
      orders: { relayAnswered: Promise.resolve() },
      isStill: () => true,
    })) as unknown as [Parameters<typeof reportPath>[1], Parameters<typeof reportPath>[1]];
    const facts = { roundTripMs: undefined, endToEnd: true };
    reportPath(deps, one, wordOf({ path: 'relayed', ...facts }));
    reportPath(deps, one, wordOf({ path: 'direct', ...facts }));
    await wait(20);
    const asked = askToReturn(deps, one);
    const states = () => sent.map(({ state }) => state);
    await wait(20);
    expect(states()).toEqual(['stands RELAYED']);
    reportPath(deps, other, wordOf({ path: 'direct', ...facts }));
    await wait(20);
    expect(states()).toEqual(['stands RELAYED', 'stands DIRECT']);
    sent[0]!.settle(new Error('away'));
    await wait(20);
    expect(states()).toEqual(['stands RELAYED', 'stands DIRECT', 'stands DIRECT']);
    expect(deps.problem).toHaveBeenCalledTimes(1);
    sent[2]!.settle();
    await wait(20);
    expect(states()[3]).toBe('lost RELAYED');
    sent[3]!.settle();
    await asked;
    await wait(20);
    expect(sent).toHaveLength(4);
  });

  it('that one has a path are not sent once it has another', async () => {
    const sent: PathKind[] = [];
    let settle = () => {};
    const deps = {
      session: () => ({}),
      report: (_cvid: number, _link: number, _established: boolean, { path }: { path: PathKind }) => {
        sent.push(path);
        return new Promise<void>((resolve) => {
          settle = resolve;
        });
      },
      problem: jest.fn(),
    } as unknown as Parameters<typeof reportPath>[0];
    let path = PathKind.RELAYED;
    const connection = {
      connectionId: 'c',
      facts: { peerCvid: 7, link: 1 },
      orders: { relayAnswered: Promise.resolve() },
      isStill: (word: { path: PathKind }) => word.path === path,
    } as unknown as Parameters<typeof reportPath>[1];
    const facts = { roundTripMs: undefined, endToEnd: true };
    reportPath(deps, connection, wordOf({ path: 'relayed', ...facts }));
    reportPath(deps, connection, wordOf({ path: 'direct', ...facts }));
    reportPath(deps, connection, wordOf({ path: 'relayed', ...facts }));
    path = PathKind.RELAYED;
    settle();
    await wait(20);
    expect(sent).toEqual([PathKind.RELAYED, PathKind.RELAYED]);
    expect(deps.problem).not.toHaveBeenCalled();
  });
});
