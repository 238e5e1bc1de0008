import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { ListSessionsRequest, SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { DEFAULT_DOOR_LIMITS } from '../../src/grpc/limits.js';
import { ATTACK_MS, attack, expectCalmed, floodUntilClosed } from './tools/attack.js';
import * as raw from './tools/raw.js';
import { fill, Target } from './tools/target.js';

const SESSIONS = 1_000;
const WATCHES = 100;

describe('a client that does not read', () => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start();
    await fill(target, SESSIONS);
  });
  afterAll(() => target.stop());

  it('and watches holds one message for each watch, however much happens', async () => {
    const { connection } = await attack(
      target,
      'watches with a window of zero',
      async (it) => {
        for (let at = 0; at < WATCHES; at++)
          await it.call(2 * at + 1, Network.watchNetworkDelta.path, raw.message(Buffer.alloc(0)));
        await wait(ATTACK_MS);
      },
      { window: 0, heldBytesMax: WATCHES * 262_144 },
    );
    expect(connection.count(raw.DATA)).toBe(0);
  });

  it('and opens all the watches that it may holds one bound for all of them', async () => {
    const { watchesPerConnectionMax, watchBytesPerConnectionMax } = DEFAULT_DOOR_LIMITS;
    const { connection } = await attack(
      target,
      'as many watches as there may be, with a window of zero',
      async (it) => {
        for (let at = 0; at < watchesPerConnectionMax; at++)
          await it.call(2 * at + 1, Network.watchNetworkDelta.path, raw.message(Buffer.alloc(0)));
        await wait(ATTACK_MS);
      },
      // 12 KiB is what HTTP/2 has of a stream.
      { window: 0, heldBytesMax: watchBytesPerConnectionMax + watchesPerConnectionMax * 12_288 },
    );
    expect(connection.count(raw.DATA)).toBe(0);
  });

  it('and takes one byte a second gets it, and delays nobody', async () => {
    const { connection } = await attack(
      target,
      'one byte a second',
      async (it) => {
        await it.call(1, Network.watchNetworkDelta.path, raw.message(Buffer.alloc(0)));
        for (const endMs = performance.now() + ATTACK_MS; performance.now() < endMs; ) {
          await it.write(raw.frame(raw.WINDOW_UPDATE, 0, 1, raw.words(1)));
          await wait(1_000);
        }
        while (it.count(raw.DATA) === 0) await it.heard();
      },
      { window: 0, heldBytesMax: 262_144 },
    );
    expect(connection.isOpen).toBe(true);
  });

  it('and asks for page after page is closed at the bound, with ENHANCE_YOUR_CALM', async () => {
    const whole = ListSessionsRequest.encode({ ...ListSessionsRequest.create(), pageSize: SESSIONS }).finish();
    let stream = -1;
    const { connection } = await attack(
      target,
      'pages that nobody takes',
      (it) => floodUntilClosed(it, () => it.call((stream += 2), Sessions.listSessions.path, raw.message(whole))),
      // The pages of the calls that had come by then lie about until they are collected.
      { window: 0, heldBytesMax: 4 * DEFAULT_DOOR_LIMITS.answerBytesPerConnectionMax },
    );
    expectCalmed(connection);
  });
});
