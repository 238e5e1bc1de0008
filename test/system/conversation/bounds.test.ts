import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import type { Clock } from '../../../src/base/clock.js';
import { systemClock } from '../../../src/client/system.js';
import { FairTurns } from '../../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../../src/fair/limits.js';
import { Inbox, type InboxReader } from '../../../src/system/conversation/inbox.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';
import { type Running, run } from '../../grpc/running.js';
import { cutOffCount, RawTalk } from '../talking.js';

const { partialBytesMax, packetBytesMax, inBytesMax } = DEFAULT_SYSTEM_LIMITS;

describe('the bounds of all connections together', () => {
  let at: Running;
  let talks: RawTalk[] = [];
  afterEach(async () => {
    for (const { socket } of talks) socket.destroy();
    await Promise.all(talks.map(({ closed }) => closed));
    talks = [];
    await at.stop();
  });

  const start = async (flags: Record<string, string>, clock: Clock = systemClock) => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0', 'metrics-listen': '127.0.0.1:0', ...flags }, { clock });
  };
  const connected = async () => {
    const one = await RawTalk.connect(at.server.addresses.tcp);
    talks.push(one);
    return one;
  };
  const cutOff = (cause: string) => cutOffCount(at, cause);

  it('refuse a connection that is one too many, until one is gone', async () => {
    await start({ 'system-connections': '2' });
    const [first, second] = [await connected(), await connected()];
    expect((await first.session(1)).instanceSid).toBeGreaterThan(0);
    expect((await second.session(2)).instanceSid).toBeGreaterThan(0);
    await (await connected()).closed;
    expect(await cutOff('connections')).toBe(1);
    first.socket.destroy();
    // The server hears of it a little later than this end does.
    for (let next = await connected(); ; next = await connected()) {
      const answered = next.session(3).then(({ instanceSid }) => instanceSid);
      const sid = await Promise.race([answered, next.closed.then(() => undefined)]);
      if (sid !== undefined) break;
    }
    second.sendEvent({ type: 'KeepAlive', body: {} }, 7);
    expect(await second.answer()).toMatchObject({ code: 0, packetId: 7 });
  });

  it('cut off who makes unfinished packets more than the server sets aside for all of them', async () => {
    // On a busy machine they would be cut off before that, for having no session in time.
    await start({}, { ...systemClock, nowMs: () => 0 });
    const patient = await connected();
    await patient.session(1);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(packetBytesMax);
    const unfinished = Buffer.concat([head, Buffer.alloc(packetBytesMax - 1)]);
    const count = Math.ceil(partialBytesMax / (packetBytesMax - 1)) + 1;
    const many = await Promise.all(Array.from({ length: count }, connected));
    for (const { socket } of many) socket.write(unfinished);
    await Promise.race(many.map(({ closed }) => closed));
    expect(await cutOff('partial')).toBeGreaterThanOrEqual(1);
    expect(many.filter(({ socket }) => socket.destroyed || socket.readableEnded).length).toBeLessThan(count / 2);
    patient.sendEvent({ type: 'KeepAlive', body: {} }, 7);
    expect(await patient.answer()).toMatchObject({ code: 0, packetId: 7 });
  });
});

describe('an inbox that cannot hand on', () => {
  it('keeps what was read already up to its bound, and cuts off a transport that brings more', () => {
    const cut: string[] = [];
    const turns = new FairTurns({ clock: new ManualClock(), limits: DEFAULT_TURN_LIMITS });
    const inbox = new Inbox({
      backing: { limits: DEFAULT_SYSTEM_LIMITS, turns },
      conversation: { state: 'open', flows: undefined },
      hasRoom: () => false,
      pipe: { remote: '192.0.2.1', pause: () => {} },
      cut: (cause: string) => cut.push(cause),
      guard: (part: () => void) => part,
    } as unknown as InboxReader);
    const packet = new Uint8Array(65_536);
    const fit = Math.floor((inBytesMax + packetBytesMax) / packet.length);
    for (let count = 0; count < fit; count++) inbox.packet(packet);
    expect(cut).toEqual([]);
    inbox.packet(packet);
    expect(cut).toEqual(['unread']);
  });
});
