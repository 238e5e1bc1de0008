import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  BindKeyRequest,
  IdentityServiceService as Identities,
  IdentityKind,
  IssueTicketRequest,
} from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { auditFolder, auditLines } from '../../src/audit/folder.js';
import { JournalError, type StoredRecord } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { ByteWriter } from '../../src/system/codec/bytes.js';
import { writeEvent } from '../../src/system/codec/send.js';
import { agent, asAdmin, ask, asSession, type Method, open, type Running, run } from '../grpc/running.js';
import { agent as device } from '../system/talking.js';
import { keyOf } from '../trust/proving.js';

// containerd #4667: callers that had given up left leases of a day each behind.

const SOME_KEY = { identityUuid: agent(999).instanceUuid, publicKey: keyOf(999).publicKey };
const EVERYTHING = { pageSize: 1_000, pageToken: '', instanceType: 0, instanceUuid: '' };

/** A journal that takes its time, or is full, when the test says so. */
class Disk extends MemoryJournal {
  isFull = false;
  slownessMs = 0;
  /** Those that were begun. */
  appends = 0;
  #held: Promise<void> | undefined;

  /** Lets no append end until what this returns is called. */
  hold(): () => void {
    let release = () => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return () => release();
  }

  override async append(records: readonly StoredRecord[]): Promise<void> {
    this.appends++;
    await this.#held;
    if (this.slownessMs > 0) await new Promise((resolve) => setTimeout(resolve, this.slownessMs));
    if (this.isFull) throw new JournalError('full', 'no space left on the device');
    await super.append(records);
  }
}

let at: Running;
let disk: Disk;
let http: ClientHttp2Session | undefined;

beforeEach(async () => {
  disk = new Disk();
  at = await run({ 'system-tcp-listen': '127.0.0.1:0', 'metrics-listen': '127.0.0.1:0' }, { journal: disk });
});
afterEach(async () => {
  http?.destroy();
  http = undefined;
  await at.stop();
});

/** A client of HTTP/2 that takes no answer: its window is shut, so that an answer can be made and not be sent. */
function callOverShutWindow<Q>(
  method: Method<Q, unknown>,
  request: Q,
  token?: string,
  metadata: Record<string, string> = {},
): ClientHttp2Stream {
  http ??= connect(`http://${at.address}`, { settings: { initialWindowSize: 0 } });
  http.on('error', () => {});
  const call = http.request({
    ':method': 'POST',
    ':path': method.path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(token === undefined ? {} : { 'switchyard-session': token }),
    ...metadata,
  });
  call.on('error', () => {});
  const message = Buffer.from(method.requestSerialize(request));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  call.end(Buffer.concat([head, message]));
  return call;
}

const sids = async () => (await ask(at, Sessions.listSessions, EVERYTHING)).sessions.map(({ cvid }) => cvid);
const streams = async () =>
  (await ask(at, Streams.listStreams, { ...EVERYTHING, cvid: 0 }, asAdmin())).streams.filter(
    ({ sinks }) => sinks.length > 0,
  );
const streamIds = async () => (await streams()).map(({ id }) => id);

async function soon<T>(read: () => Promise<T> | T, wanted: T): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const now = await read();
    if (JSON.stringify(now) === JSON.stringify(wanted)) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await read()).toEqual(wanted);
}

async function connections(): Promise<number> {
  const text = await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text();
  return Number(/^switchyard_grpc_connections (\d+)$/m.exec(text)?.[1]);
}

/** Makes a call on a connection of its own, and answers once the server has closed that one and has stored what came of it. */
async function askAndGo<Q, A>(method: Method<Q, A>, request: Q, metadata?: Parameters<typeof ask>[3]): Promise<A> {
  // That of the test itself is there from its first call on.
  await sids();
  const before = await connections();
  // Of its own: two clients of one address share theirs.
  const client = new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const answer = await ask({ client }, method, request, metadata);
  expect(await connections()).toBe(before + 1);
  client.close();
  await soon(connections, before);
  await storedByNow();
  return answer;
}

/** Commands are stored in their order: one that is asked for now is stored after what the server has been asked for before. */
async function storedByNow(): Promise<void> {
  const { appends } = disk;
  await ask(at, Identities.bindKey, BindKeyRequest.fromPartial(SOME_KEY), asAdmin());
  expect(disk.appends).toBeGreaterThan(appends);
}

describe('a caller of Session that has given up', () => {
  it('leaves no session: 50 calls past their deadline, 200 that are cancelled', async () => {
    const { path, requestSerialize, responseDeserialize } = Sessions.session;
    let refused = 0;
    const call = (number: number, deadline: number) =>
      at.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { ...agent(number), ttl: { seconds: 86_400n, nanos: 0 } },
        { deadline },
        (error) => {
          if (error !== null) refused++;
        },
      );
    // The connection stands, so that the server has the calls at once; and nothing is answered while they wait.
    expect(await sids()).toEqual([]);
    const before = disk.last;
    const release = disk.hold();
    for (let n = 0; n < 50; n++) call(n + 1, Date.now() + 1_500 + n);
    const cancelled = Array.from({ length: 200 }, (_, n) => call(n + 101, Number.POSITIVE_INFINITY));
    // What is asked for by the same connection is read after these calls, and after their ends.
    await sids();
    for (const made of cancelled) made.cancel();
    await soon(() => refused, 250);
    await sids();
    release();
    await storedByNow();
    await soon(sids, []);
    // One record opens a session, and one ends it; the last is of the command that waited for them.
    expect(disk.last - before).toBe(2 * 250 + 1);
  });

  it('leaves no session when its call is reset before the answer was taken', async () => {
    const call = callOverShutWindow(Sessions.session, agent(1));
    await soon(async () => (await sids()).length, 1);
    call.close(constants.NGHTTP2_CANCEL);
    await soon(sids, []);
  });

  it('leaves no session when its connection closes before the answer was taken', async () => {
    callOverShutWindow(Sessions.session, agent(1));
    await soon(async () => (await sids()).length, 1);
    http!.destroy();
    await soon(sids, []);
  });

  it('leaves no session on a disk that is full just then, once it is not', async () => {
    const call = callOverShutWindow(Sessions.session, agent(1));
    await soon(async () => (await sids()).length, 1);
    disk.isFull = true;
    call.close(constants.NGHTTP2_CANCEL);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await sids()).toHaveLength(1);
    disk.isFull = false;
    await soon(sids, []);
  });

  it('leaves no session when the server ends before its command is stored', async () => {
    const { last: before, appends } = disk;
    disk.slownessMs = 300;
    const { path, requestSerialize, responseDeserialize } = Sessions.session;
    const answered = new Promise<unknown>((resolve) => {
      at.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, agent(1), (error) => resolve(error));
    });
    await soon(() => disk.appends, appends + 1);
    await at.server.close();
    expect(await answered).not.toBeNull();
    // One record opens it, and one ends it.
    expect(disk.last).toBe(before + 2);
  });

  it('had its answer when it goes right after that, and its session lives for its TTL', async () => {
    const { instanceSid } = await askAndGo(Sessions.session, agent(1));
    expect(await sids()).toEqual([instanceSid]);
  });

  it('leaves no session by system events when its connection breaks before the Answer was sent', async () => {
    const before = disk.last;
    disk.slownessMs = 150;
    const [, port] = at.server.addresses.tcp!.split(':');
    const socket = connectTcp({ host: '127.0.0.1', port: Number(port) });
    const writer = new ByteWriter();
    writeEvent(writer, { type: 'Session', body: device(3) }, {});
    socket.on('error', () => {});
    socket.write(writer.finish());
    await new Promise((resolve) => setTimeout(resolve, 40));
    socket.resetAndDestroy();
    // One record opens it, and one ends it.
    await soon(() => disk.last, before + 2);
    await soon(sids, []);
  });
});

describe('a caller with a session that has given up', () => {
  it('leaves no stream when the call of CreateStream is reset before the answer was taken', async () => {
    const [owner, sink] = [await ask(at, Sessions.session, agent(1)), await ask(at, Sessions.session, agent(2))];
    const request = { params: undefined, sinkCvids: [sink.instanceSid], requestId: 'r1' };
    const call = callOverShutWindow(Streams.createStream, request, owner.sessionToken);
    await soon(async () => (await streams()).length, 1);
    const [{ id }] = await streams();
    call.close(constants.NGHTTP2_CANCEL);
    await soon(streamIds, []);
    // It was undone, so it is done when it is asked for again.
    const again = await ask(at, Streams.createStream, request, asSession(owner.sessionToken));
    expect(again.stream!.id).not.toBe(id);
    expect((await streams()).map((one) => one.id)).toEqual([again.stream!.id]);
  });

  it('keeps the stream that its repeated call was answered with, when the first call is reset only then', async () => {
    const [owner, sink] = [await ask(at, Sessions.session, agent(1)), await ask(at, Sessions.session, agent(2))];
    const request = { params: undefined, sinkCvids: [sink.instanceSid], requestId: 'r1' };
    const call = callOverShutWindow(Streams.createStream, request, owner.sessionToken);
    await soon(async () => (await streams()).length, 1);
    const { stream } = await ask(at, Streams.createStream, request, asSession(owner.sessionToken));
    call.close(constants.NGHTTP2_CANCEL);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await streams()).map(({ id }) => id)).toEqual([stream!.id]);
  });

  it('leaves no connection when the call of DirectConnection is reset before the answer was taken', async () => {
    const [caller, peer] = [await ask(at, Sessions.session, agent(1)), await ask(at, Sessions.session, agent(2))];
    const orders = open(at, Sessions.attach, {}, asSession(peer.sessionToken));
    const request = {
      ...{ cvid: peer.instanceSid, type: 1, port: 4_711, candidates: [], publicKey: Buffer.alloc(44) },
      ...{ roundTrip: undefined, relayVersion: 0, connectionId: '', requestId: 'r1', fallback: 0 },
    };
    const call = callOverShutWindow(Network.directConnection, request, caller.sessionToken);
    const messages = await orders.until(({ order }) => order?.kind?.$case === 'connection');
    const { orderId } = messages.at(-1)!.order!;
    const answer = { orderId, code: 0, description: '', data: Buffer.of() };
    await ask(at, Sessions.answer, answer, asSession(peer.sessionToken));
    const states = async () =>
      (await ask(at, Network.listConnections, { pageSize: 0, pageToken: '' }, asAdmin())).connections.map(
        ({ state }) => state,
      );
    const [PUNCHING, CANCELLED] = [4, 8];
    await soon(states, [PUNCHING]);
    call.close(constants.NGHTTP2_CANCEL);
    await soon(states, [CANCELLED]);
    orders.call.cancel();
  });
});

// A ticket lets instances in for a day, and its secret is in the one answer.
describe('an administrator that has given up', () => {
  const tickets = async () =>
    (await ask(at, Identities.listTickets, { pageSize: 1_000, pageToken: '' }, asAdmin())).tickets;
  const good = async () => (await tickets()).filter(({ revoked }) => !revoked).map(({ ticketId }) => ticketId);
  const request = IssueTicketRequest.fromPartial({ roles: ['agent'], uses: 1, kind: IdentityKind.INSTANCE });

  it('leaves no ticket that is good when the call of IssueTicket is reset before the answer was taken', async () => {
    const call = callOverShutWindow(Identities.issueTicket, request, undefined, adminHeaders());
    await soon(async () => (await good()).length, 1);
    call.close(constants.NGHTTP2_CANCEL);
    await soon(good, []);
    expect(await tickets()).toHaveLength(1);
  });

  it('is told from the server in the audit log, which revokes what it issued', async () => {
    const data = mkdtempSync(join(tmpdir(), 'given-up-'));
    await at.stop();
    at = await run({ data });
    const call = callOverShutWindow(Identities.issueTicket, request, undefined, adminHeaders());
    await soon(async () => (await good()).length, 1);
    const [ticketId] = await good();
    call.close(constants.NGHTTP2_CANCEL);
    await soon(good, []);
    await at.stop();
    const lines = [...auditLines(auditFolder(data))].map(({ line }) => line!);
    rmSync(data, { recursive: true });
    const on = `ticket ${ticketId}`;
    expect(lines.slice(-2)).toMatchObject([
      { who: 'administrator', from: '127.0.0.1', what: 'IssueTicket', on, outcome: 'ok' },
      { who: 'server', from: '', what: 'RevokeTicket', on, outcome: 'ok' },
    ]);
    at = await run({}, { journal: disk });
  });

  it('had its answer when it goes right after that, and its ticket stays good', async () => {
    const { ticket } = await askAndGo(Identities.issueTicket, request, asAdmin());
    expect(await good()).toEqual([ticket!.ticketId]);
  });
});

function adminHeaders(): Record<string, string> {
  return Object.fromEntries(Object.entries(asAdmin().getMap()).map(([name, value]) => [name, String(value)]));
}
