import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import type { ExchangeRequest, ExchangeResponse } from '../../gen/switchyard/v1/transport_service.js';
import { TransportServiceService as Transport } from '../../gen/switchyard/v1/transport_service.js';
import { systemClock } from '../../src/client/system.js';
import { draining } from '../../src/core/model/draining.js';
import type { StoredRecord } from '../../src/journal/journal.js';
import { MemoryDisk, MemoryJournal } from '../../src/journal/storage/memory.js';
import { Attachments } from '../../src/replica/attachments.js';
import { BaseClient } from '../../src/system/client/client.js';
import { SystemClient } from '../../src/system/client/index.js';
import { ask, asSession, agent as grpcAgent, type Running, run } from '../grpc/running.js';
import { agent } from './talking.js';

const [cert, key] = ['cert', 'key'].map((name) => fileURLToPath(new URL(`../client/tls/${name}.pem`, import.meta.url)));
const ENCRYPTED = { 'tls-cert': cert, 'tls-key': key };
const TRUST = { ca: readFileSync(cert), serverName: 'switchyard.test' };

/** A client of system events inside of an Exchange call. */
class ExchangeClient extends BaseClient {
  static async connect({ client }: Running): Promise<ExchangeClient> {
    const made = new ExchangeClient({});
    const { path, requestSerialize, responseDeserialize } = Transport.exchange;
    await made.open(async (listener) => {
      const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      call.on('data', ({ packet }: ExchangeResponse) => listener.packet(packet));
      call.on('error', (error) => listener.closed(error));
      call.on('end', () => listener.closed());
      return {
        send: (packet) => void call.write({ packet: Buffer.from(packet) } satisfies ExchangeRequest),
        pause: () => call.pause(),
        resume: () => call.resume(),
        close: () => call.end(),
      };
    });
    return made;
  }
}

/** A journal whose disk takes its time, from {@link hold} to {@link goOn}. */
class SlowJournal extends MemoryJournal {
  #held: Promise<void> | undefined;
  #isAsked: (() => void) | undefined;
  goOn = () => {};

  /** Resolves when something is to be stored, which waits from now on. */
  hold(): Promise<void> {
    this.#held = new Promise((resolve) => {
      this.goOn = resolve;
    });
    return new Promise((resolve) => {
      this.#isAsked = resolve;
    });
  }

  override async append(records: readonly StoredRecord[]): Promise<void> {
    this.#isAsked?.();
    await this.#held;
    await super.append(records);
  }
}

/** A server with a port for system events over `scheme`, and how a client comes to it. */
async function serverOver(scheme: string, journal: SlowJournal, flags: Record<string, string> = {}) {
  const port = scheme === 'exchange' ? {} : { [`system-${scheme}-listen`]: '127.0.0.1:0' };
  const isEncrypted = scheme === 'tls' || scheme === 'wss';
  const at = await run({ ...port, ...(isEncrypted && ENCRYPTED), ...flags }, { journal });
  const connect = (): Promise<BaseClient> =>
    scheme === 'exchange'
      ? ExchangeClient.connect(at)
      : SystemClient.connect(`${scheme}://${at.server.addresses[scheme]}`, {}, isEncrypted ? TRUST : undefined);
  return { at, connect };
}

const DRAINING = { reason: 'DRAINING', retryAfterMs: expect.any(Number) };

describe.each(['tcp', 'ws', 'tls', 'wss', 'exchange'])('a drain with requests under way over %s', (scheme) => {
  it('answers them once they are durable, refuses what is asked meanwhile, and says DRAINING last', async () => {
    const disk = new MemoryDisk();
    const journal = new SlowJournal(disk);
    const { at, connect } = await serverOver(scheme, journal);
    const [owner, sink, late] = [await connect(), await connect(), await connect()];
    const { sessionToken } = await owner.ask('Session', agent(1));
    const { instanceSid } = await sink.ask('Session', agent(2));
    const isAsked = journal.hold();
    const created = owner.ask('CreateStream', { sinkCvids: [instanceSid] });
    const opened = late.ask('Session', agent(3));
    // What was asked behind a session that is being opened waits for it, and has not begun.
    const behind = late.ask('CreateStream', { sinkCvids: [instanceSid] });
    await isAsked;
    const settled = Promise.allSettled([created, opened, behind]);
    await wait(100);
    const down = at.server.drain();
    await expect(sink.closed).resolves.toMatchObject(DRAINING);
    await expect(owner.ask('StopStream', { id: 7 })).rejects.toMatchObject(DRAINING);
    journal.goOn();
    expect(await settled).toMatchObject([
      { value: { stream: { sinks: [{ cvid: instanceSid }] } } },
      { value: { sessionToken: expect.any(String) } },
      { reason: DRAINING },
    ]);
    expect([await owner.closed, await late.closed]).toMatchObject([DRAINING, DRAINING]);
    await down;
    at.client.close();
    const [{ stream }, { sessionToken: ofLate }] = [await created, await opened];
    const after = await run({}, { journal: new MemoryJournal(disk) });
    const found = await ask(after, Streams.getStream, { id: stream.id }, asSession(sessionToken));
    expect(found.stream?.ownerCvid).toBe(stream.ownerCvid);
    await ask(after, Sessions.getSession, { cvid: 0 }, asSession(ofLate));
    await after.stop();
  });

  it('ends at its deadline when they are not done by then', async () => {
    const journal = new SlowJournal();
    const { at, connect } = await serverOver(scheme, journal, { 'drain-deadline': '300ms' });
    const owner = await connect();
    await owner.ask('Session', agent(1));
    const isAsked = journal.hold();
    const ended = owner.ask('TerminateSession', {}).catch((error: unknown) => error);
    await isAsked;
    let isClosed = false;
    void owner.closed.then(() => {
      isClosed = true;
    });
    const down = at.server.drain();
    await wait(100);
    expect(isClosed).toBe(false);
    await ended;
    expect(await owner.closed).toMatchObject(DRAINING);
    journal.goOn();
    await down;
    at.client.close();
  });
});

describe('the older connection of a session that has another one', () => {
  it('is closed at once, and what it has asked is answered to the newer one that asks again', async () => {
    const journal = new SlowJournal();
    const { at, connect } = await serverOver('tcp', journal);
    const [older, newer] = [await connect(), await connect()];
    const { sessionToken } = await older.ask('Session', agent(1));
    const { instanceSid } = await ask(at, Sessions.session, grpcAgent(2));
    const isAsked = journal.hold();
    const created = older.ask('CreateStream', { sinkCvids: [instanceSid] }).catch((error: unknown) => error);
    await isAsked;
    await newer.ask('KeepAlive', { sessionToken });
    // It would be a second end of each of the session's streams.
    expect(await older.closed).toMatchObject({ reason: 'ATTACHMENT_REPLACED' });
    expect(await created).toMatchObject({ reason: 'ATTACHMENT_REPLACED' });
    journal.goOn();
    await newer.ask('KeepAlive', {});
    newer.close();
    await newer.closed;
    await at.stop();
  });
});

describe('the connection of a session that is to go to another server', () => {
  /** One with a stream, on which a request is being stored, at a server whose clock is moved on. */
  async function leaving() {
    const journal = new SlowJournal();
    // A server that has run for an hour.
    const clock = { skewMs: 3_600_000 };
    const nowMs = () => systemClock.nowMs() + clock.skewMs;
    const opened = jest.spyOn(Attachments.prototype, 'open');
    const parts = { journal, clock: { ...systemClock, nowMs } };
    const at = await run({ 'system-tcp-listen': '127.0.0.1:0' }, parts);
    const owner = await SystemClient.connect(`tcp://${at.server.addresses.tcp}`);
    const { instanceSid: sid } = await owner.ask('Session', agent(1));
    const sink = await ask(at, Sessions.session, grpcAgent(2));
    const sinkCvids = [sink.instanceSid];
    const { stream } = await owner.ask('CreateStream', { sinkCvids });
    await owner.sendBlock(stream.id, Buffer.from('early'), { confirm: true });
    const isAsked = journal.hold();
    const created = owner.ask('CreateStream', { sinkCvids });
    created.catch(() => {});
    await isAsked;
    const [attachments] = opened.mock.contexts as Attachments[];
    attachments?.release(sid, draining(0, 60_000));
    // Its connection hears of that in the next turn of the event loop.
    await new Promise(setImmediate);
    const block = owner.sendBlock(stream.id, Buffer.from('late'), { confirm: true });
    return { at, owner, block, created, journal, clock };
  }
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('gets the answers to what it has asked, and takes no data any more', async () => {
    const { at, owner, block, created, journal } = await leaving();
    // The session may send at the other server already.
    await expect(block).rejects.toMatchObject(DRAINING);
    journal.goOn();
    expect((await created).stream.id).toBeGreaterThan(0);
    expect(await owner.closed).toMatchObject(DRAINING);
    await at.stop();
  });

  it('is closed without them 2 s later: until it comes back it gets no orders', async () => {
    const { at, owner, block, created, journal, clock } = await leaving();
    await expect(block).rejects.toMatchObject(DRAINING);
    clock.skewMs += 2_000;
    await expect(created).rejects.toMatchObject(DRAINING);
    await owner.closed;
    journal.goOn();
    await at.stop();
  });
});
