import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Call, Method } from '../../../src/client/channel/channel.js';
import { ConnectionState, InstanceType, type PeerStream, Switchyard } from '../../../src/client/index.js';
import { type Running, run } from '../../grpc/running.js';
import { BlindChannel } from '../worlds/blind-channel.js';
import { movedToDirect } from '../worlds/moved.js';

/** A way to the server on which answers to orders may be overtaken by what is sent after them. */
class OvertakenChannel extends BlindChannel {
  override isBlind = false;
  held: Promise<void> | undefined;

  override async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): Promise<Response> {
    if (method.path.endsWith('/Answer')) await this.held;
    return super.unary(method, request, call);
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

  it.each([
    ['has another path', 1],
    ['has another path and loses that, too', 2],
  ])('counts after it, when it %s', async (_, losses) => {
    const [caller, peer] = yards.map((yard) => yard.join({ uuid: randomUUID(), type: InstanceType.AGENT }));
    const accepted = new Promise<PeerStream>((resolve) => {
      Object.assign(peer!.handlers, { accept: () => true, accepted: resolve });
    });
    await caller!.attached();
    const near = await caller!.connect((await peer!.attached()).cvid);
    const far = await accepted;
    await movedToDirect(near, far);
    const established = async (path: number) => {
      for (let tries = 0; tries < 100; tries++) {
        const { connection } = await caller!.getConnection(near.connectionId);
        if (connection.state === ConnectionState.ESTABLISHED && near.path === 'direct') return path;
        await wait(50);
      }
      return 'no path that both ends have reported';
    };
    expect(await established(1)).toBe(1);
    let release = () => {};
    channel.held = new Promise((resolve) => {
      release = resolve;
    });
    for (let loss = 0; loss < losses; loss++) {
      const found = sockets.length;
      sockets.at(-1)!.resetAndDestroy();
      if (loss > 0) break;
      while (sockets.length < found + 2) await wait(10);
      await movedToDirect(near, far);
    }
    await wait(300);
    channel.held = undefined;
    release();
    expect(await established(2)).toBe(2);
    const heard = new Promise((resolve) => far.once('data', resolve));
    near.write('there');
    expect(String(await heard)).toBe('there');
  });
});
