import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TimersClock } from '../../../harness/manual-clock.js';
import { REASONS } from '../../../src/core/model/fault.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';
import { type Running, run } from '../../grpc/running.js';
import { agent, cutOffCount, RawTalk, type Talk, talk } from '../talking.js';

const { handshakeMs, packetMs, idleMs, closingMs } = DEFAULT_SYSTEM_LIMITS;

describe('a hostile client', () => {
  let at: Running;
  let clock: TimersClock;
  let witness: Talk;
  let talks: RawTalk[];
  beforeEach(async () => {
    clock = new TimersClock();
    const flags = {
      'system-tcp-listen': '127.0.0.1:0',
      'system-connections-per-address': '8',
      'metrics-listen': '127.0.0.1:0',
      grace: '1h',
      'session-ttl': '1h',
    };
    at = await run(flags, { clock });
    talks = [];
    witness = await talk(`tcp://${at.server.addresses.tcp}`);
    await witness.client.ask('Session', agent(1));
  });
  afterEach(async () => {
    witness.client.close();
    for (const { socket } of talks) socket.destroy();
    await Promise.all([witness.client.closed, ...talks.map(({ closed }) => closed)]);
    await at.stop();
  });

  const hostile = async () => {
    const one = await RawTalk.connect(at.server.addresses.tcp);
    talks.push(one);
    return one;
  };
  /** How many connections were cut off for this cause. */
  const cutOff = (cause: string) => cutOffCount(at, cause);
  /** The others are served as before. */
  const othersGoOn = async () => {
    const { position } = await witness.client.ask('KeepAlive', {});
    expect(position.revision).toBeGreaterThan(0);
  };
  /** Some turns of the event loop, so that what is on its way over the loopback arrives. */
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  };

  it('that says nothing is let go of when it has no session in time', async () => {
    const one = await hostile();
    await settle();
    await clock.pass(handshakeMs + 1_000);
    expect((await one.answer()).code).toBe(REASONS.OUT_OF_ORDER);
    await one.closed;
    expect(await cutOff('handshake')).toBe(1);
    await othersGoOn();
  });

  it('that says nothing has its time for a session though the server was stopped for longer', async () => {
    const one = await hostile();
    await settle();
    clock.freeze(60_000);
    await clock.pass(handshakeMs - 4_000);
    expect(await cutOff('handshake')).toBe(0);
    await one.session(2);
  });

  it('that is in the midst of a packet, or silent, is let go of for no time in which the server was stopped', async () => {
    const [slow, silent] = [await hostile(), await hostile()];
    await slow.session(2);
    await silent.session(3);
    slow.socket.write(Buffer.from([0, 0, 0, 200, 0, 0]));
    await settle();
    clock.freeze(2 * idleMs);
    await clock.pass(2_000);
    expect([await cutOff('slow'), await cutOff('idle')]).toEqual([0, 0]);
    await othersGoOn();
  });

  it('that falls silent with a session is let go of, and its session has its grace', async () => {
    const one = await hostile();
    const { instanceSid } = await one.session(2);
    await clock.pass(idleMs - 2_000);
    await othersGoOn();
    await clock.pass(3_000);
    expect((await one.answer()).code).toBe(REASONS.OUT_OF_ORDER);
    await one.closed;
    expect(await cutOff('idle')).toBe(1);
    expect(instanceSid).toBeGreaterThan(0);
    await othersGoOn();
  });

  it('that sends a packet byte by byte is cut off', async () => {
    const one = await hostile();
    await one.session(2);
    one.socket.write(Buffer.from([0, 0, 0, 200, 0, 0]));
    await settle();
    await clock.pass(packetMs / 2);
    one.socket.write(Buffer.from([0, 0, 0, 1]));
    await settle();
    await clock.pass(packetMs / 2 + 1_000);
    await one.closed;
    expect(await cutOff('slow')).toBe(1);
    await othersGoOn();
  });

  it('that announces a packet of 4 GiB is told so and cut off, before anything is set aside', async () => {
    const one = await hostile();
    const before = process.memoryUsage().rss;
    one.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0]));
    expect((await one.answer()).code).toBe(REASONS.TOO_LARGE);
    await one.closed;
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1_048_576);
    expect(await cutOff('frame')).toBe(1);
    await othersGoOn();
  });

  it('that floods with tiny packets is told so and cut off', async () => {
    const one = await hostile();
    const noise = Buffer.from([0, 0, 0, 5, 0, 0, 0, 0, 8]);
    one.socket.write(Buffer.concat(Array.from({ length: 2_000 }, () => noise)));
    expect((await one.answer()).code).toBe(REASONS.RATE_LIMITED);
    await one.closed;
    expect(await cutOff('rate')).toBe(1);
    await othersGoOn();
  });

  it('that opens too many connections from one address is refused further ones', async () => {
    const many = await Promise.all(Array.from({ length: 7 }, hostile));
    const one = await hostile();
    await one.closed;
    expect(await cutOff('address')).toBe(1);
    many[0].socket.destroy();
    await many[0].closed;
    await settle();
    const next = await hostile();
    await next.session(3);
    await othersGoOn();
  });

  it('that asks and does not read is not read from, and costs a bounded amount', async () => {
    const one = await hostile();
    await one.session(2);
    one.socket.pause();
    const before = await connections();
    let sent = 0;
    // Each answer is a kilobyte of labels back for a small request.
    for (; sent < 900; sent++) one.sendEvent({ type: 'EnumerateTransport', body: {} }, sent + 10);
    await settle();
    await othersGoOn();
    expect(await connections()).toBe(before);
    one.socket.resume();
    for (let answered = 0; answered < sent; answered++) expect((await one.answer()).code).toBe(0);
  });

  const connections = async () => {
    const text = await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text();
    return Number(/switchyard_system_connections (\d+)/.exec(text)?.[1]);
  };

  it('that does not read the end of its session is cut off in the end', async () => {
    const one = await hostile();
    await one.session(2);
    one.sendEvent({ type: 'TerminateSession', body: {} }, 9);
    expect((await one.answer()).code).toBe(0);
    await one.closed;
    const other = await hostile();
    other.socket.pause();
    other.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await settle();
    expect(await cutOff('closing')).toBe(0);
    await clock.pass(closingMs + 1_000);
    await settle();
    expect(await cutOff('closing')).toBe(1);
    await othersGoOn();
  });

  it('that sends what cannot be read is answered with reason and offset, and goes on', async () => {
    const one = await hostile();
    const said = async (hex: string) => {
      one.sendPacket(Buffer.from(hex, 'hex'));
      const { code, offset, packetId } = await one.answer();
      return [code, offset, packetId];
    };
    expect(await said('00000000030000000700')).toEqual([REASONS.EVENT_TYPE_UNKNOWN, 0, 7]);
    expect(await said('00000000030000000820')).toEqual([REASONS.EVENT_CATEGORY_WRONG, 0, 8]);
    expect(await said('0000000003000000091101')).toEqual([REASONS.EVENT_TRUNCATED, 1, 9]);
    expect(await said('00000000f0')).toEqual([REASONS.PACKET_FLAGS_INVALID, 4, undefined]);
    expect(await said('0000')).toEqual([REASONS.EVENT_TRUNCATED, 0, undefined]);
    await one.session(2);
  });

  it('whose block would inflate without end is refused, and the stream goes on', async () => {
    const one = await hostile();
    await one.session(2);
    const sinkCvids = [(await (await hostile()).session(3)).instanceSid];
    const stream = await one.streamOf(2, { sinkCvids, params: { compression: 1, maxBlockBytes: 1000 } });
    one.sendBlock(stream, deflateSync(Buffer.alloc(50_000_000)), { compressed: true, packetId: 3 });
    expect(await one.answer()).toMatchObject({ code: REASONS.TOO_LARGE, packetId: 3 });
    one.sendBlock(stream, Buffer.from('no zlib'), { compressed: true, packetId: 4 });
    expect(await one.answer()).toMatchObject({ code: REASONS.FIELD_INVALID, packetId: 4 });
    one.sendBlock(stream, Buffer.alloc(1001), { packetId: 5 });
    expect(await one.answer()).toMatchObject({ code: REASONS.TOO_LARGE, packetId: 5 });
  });
});
