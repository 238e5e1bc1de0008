import { EventEmitter, once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, connect as connectSocket, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { AddressSet } from '../../../src/admission/address-set.js';
import { ConnectionGate } from '../../../src/admission/connection-gate.js';
import { ADMISSION_LIMITS } from '../../../src/admission/limits.js';
import type { Place } from '../../../src/admission/place.js';
import { Fence } from '../../../src/base/fence.js';
import { systemClock } from '../../../src/client/system.js';
import { FairTurns } from '../../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../../src/fair/limits.js';
import { Allowance } from '../../../src/grpc/http2/allowance.js';
import { CUT_OFF_MS } from '../../../src/grpc/http2/closing-bound.js';
import { Peers } from '../../../src/grpc/http2/peers.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { preface } from '../../abuse/tools/raw.js';

const REQUEST_BYTES_MAX = 30_000;
/** How long frames take between two ends of this machine, with room. */
const SETTLED_MS = 200;

describe('the connections of a door', () => {
  const told: string[] = [];
  let server: Http2Server;
  let port: number;
  let peers: Peers;
  let clock: ManualClock;
  let turning: NodeJS.Timeout;
  const sessions: ClientHttp2Session[] = [];
  beforeEach(async () => {
    told.length = 0;
    clock = new ManualClock();
    // Connections are closed in the turn after the one that decides it.
    turning = setInterval(() => clock.turn(), 1);
    const limits = { ...DEFAULT_DOOR_LIMITS, requestBytesMax: REQUEST_BYTES_MAX, messageBytesMax: 1_048_576 };
    server = createServer();
    peers = new Peers(clock, limits, { answers: new Set(), watches: new Set() }, (why) => told.push(why));
    peers.watch(server);
    server.on('sessionError', () => {});
    server.on('stream', (stream: ServerHttp2Stream) => stream.on('error', () => {}));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    for (const session of sessions.splice(0)) session.destroy();
    server.close();
    clearInterval(turning);
  });

  /** A connection with one call that has brought so many bytes of a message that is larger. */
  const holding = async (bytes: number) => {
    const session = connect(`http://127.0.0.1:${port}`);
    sessions.push(session);
    session.on('error', () => {});
    const call = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    call.on('error', () => {});
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(1_000_000, 1);
    const [stream] = (await Promise.all([once(server, 'stream'), call.write(prefix)]))[0] as [ServerHttp2Stream];
    let come = -prefix.length;
    const all = new Promise<void>((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        come += chunk.length;
        if (come >= bytes) resolve();
      });
      stream.once('close', resolve);
    });
    call.write(Buffer.alloc(bytes));
    await all;
    return session;
  };

  it('take the error of a call that was reset before it was served, when it has no session any more', async () => {
    const bare = createServer();
    peers.watch(bare);
    const stream = Object.assign(new PassThrough(), { session: undefined });
    bare.emit('stream', stream, {}, 0, []);
    // Without a listener the error would be the end of the process.
    expect(stream.listenerCount('error')).toBe(1);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy(new Error('reset by its peer'));
    await closed;
  });

  it('close the one that holds most when together they hold too much, and no other', async () => {
    const small = await holding(2_000);
    const large = await holding(20_000);
    expect(told).toEqual([]);
    const gone = new Promise((resolve) => large.once('close', resolve));
    const middle = await holding(9_000);
    await gone;
    expect(told).toContain('requests that are not complete');
    expect([small.closed, middle.closed]).toEqual([false, false]);
  });

  it('have departed only when the session of the one that was closed has told its end', async () => {
    let ended = false;
    server.once('session', (session: ServerHttp2Session) => session.once('close', () => (ended = true)));
    await holding(20_000);
    await peers.departed();
    expect(ended).toBe(false);
    await holding(REQUEST_BYTES_MAX - 20_000 - 10);
    await holding(100);
    expect(told).toContain('requests that are not complete');
    await peers.departed();
    expect(ended).toBe(true);
  });
});

describe('a connection that takes its time to say farewell', () => {
  let server: Http2Server;
  let client: Socket;
  afterEach(() => {
    client.destroy();
    server.close();
  });

  it('is closed as soon as any other when it loses its place meanwhile', async () => {
    const clock = new ManualClock();
    server = createServer();
    const limits = { ...DEFAULT_DOOR_LIMITS, messageBytesMax: 1_048_576 };
    const peers = new Peers(clock, limits, { answers: new Set(), watches: new Set() }, () => {});
    peers.watch(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    client = connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.resume();
    client.write(preface(65_535));
    const [session] = (await once(server, 'session')) as [ServerHttp2Session];
    const peer = peers.find(`127.0.0.1:${client.localPort}`)!;
    // In good order, after which node:http2 waits for the client to close.
    session.close();
    await until(() => {
      clock.turn();
      return session.destroyed;
    });
    peer.close();
    clock.advance(CUT_OFF_MS - 1);
    expect(peer.socket.destroyed).toBe(false);
    clock.advance(1);
    expect(peer.socket.destroyed).toBe(true);
  });
});

describe('a call that waits for the turn of its address', () => {
  let server: Http2Server;
  let client: ClientHttp2Session;
  let peers: Peers;
  let turns: FairTurns;
  const turnClock = new ManualClock();
  const begun: ServerHttp2Stream[] = [];
  beforeEach(async () => {
    begun.length = 0;
    turns = new FairTurns({ clock: turnClock, limits: { ...DEFAULT_TURN_LIMITS, sliceMs: 0.2 } });
    // What is left of the first slice is used up.
    turns.charge('127.0.0.1', 0.2);
    server = createServer();
    const limits = { ...DEFAULT_DOOR_LIMITS, messageBytesMax: 1_048_576 };
    peers = new Peers(
      systemClock,
      limits,
      { answers: new Set(), watches: new Set() },
      () => {},
      () => {},
      turns,
    );
    server.on('stream', (stream: ServerHttp2Stream) => begun.push(stream));
    peers.watch(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(() => {
    client.destroy();
    server.close();
  });

  it('counts what comes of its request meanwhile, until it has begun', async () => {
    const message = Buffer.alloc(5 + 20_000);
    message.writeUInt32BE(20_000, 1);
    const call = client.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    call.on('error', () => {});
    call.write(message);
    await until(() => peers.holdings.totals().requests === message.length);
    expect(begun).toEqual([]);
    turnClock.turn();
    turnClock.turn();
    expect(begun.length).toBe(1);
    begun[0].resume();
    await until(() => peers.holdings.totals().requests === 0);
  });

  it('makes its connection one whose client waits for the server, until it has begun', async () => {
    const limits = { ...ADMISSION_LIMITS, connectionsMax: 8, connectionsPerAddressMax: 8, connectionsKept: 0 };
    const gate = new ConnectionGate({ clock: turnClock, limits, exempt: AddressSet.NONE, refused: () => {} });
    const places: Place[] = [];
    server.prependListener('connection', (socket: Socket) => {
      const place = gate.enter('127.0.0.1', () => socket.destroy())!;
      place.attachTo(socket);
      places.push(place);
    });
    const placed = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await once(placed, 'remoteSettings');
    const place = places.at(-1)!;
    expect(place.isHeld()).toBe(false);
    placed.request({ ':method': 'POST', ':path': '/' }).on('error', () => {});
    await until(() => turns.waiting === 1);
    expect(place.isHeld()).toBe(true);
    turnClock.turn();
    turnClock.turn();
    expect([begun.length, place.isHeld()]).toEqual([1, false]);
    gate.close();
    placed.destroy();
  });

  it('closes its connection and nothing else when refusing it throws', async () => {
    const faults: unknown[] = [];
    const log = { error: (facts: object) => void faults.push(facts) };
    const fence = new Fence({ log, random: { bytes: () => new Uint8Array(4) } });
    const strict = new FairTurns({ clock: turnClock, limits: { ...DEFAULT_TURN_LIMITS, callsPerAddressMax: 0 } });
    strict.charge('127.0.0.1', 100);
    const limits = { ...DEFAULT_DOOR_LIMITS, messageBytesMax: 1_048_576 };
    const paths = { answers: new Set<string>(), watches: new Set<string>() };
    const fenced = new Peers(
      systemClock,
      limits,
      paths,
      () => {},
      () => {},
      strict,
      fence,
    );
    const other = createServer();
    fenced.watch(other);
    other.on('session', (session) => session.on('stream', breakAnswers));
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const broken = connect(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
    broken.on('error', () => {});
    broken.request({ ':method': 'POST', ':path': '/' }).on('error', () => {});
    await new Promise<void>((closed) => broken.once('close', () => closed()));
    expect(faults).toMatchObject([{ door: 'grpc', err: new Error('broken') }]);
    other.close();
  });

  it('is not read when too many of its address wait, over whichever connections, and is served in the end', async () => {
    const calls = 100;
    const { port } = server.address() as AddressInfo;
    const more = [1, 2].map(() => connect(`http://127.0.0.1:${port}`));
    const clients = [client, ...more];
    await Promise.all(clients.map((one) => once(one, 'remoteSettings')));
    for (const one of clients) {
      for (let at = 0; at < calls; at++) one.request({ ':method': 'POST', ':path': '/' }).on('error', () => {});
    }
    await until(() => turns.waiting > calls / 2);
    await wait(SETTLED_MS);
    // What one connection brought in one read, or two that came in the same turn.
    expect(turns.waiting).toBeLessThan(clients.length * calls);
    await until(() => {
      turnClock.turnOnce();
      return begun.length === clients.length * calls;
    });
    for (const one of more) one.destroy();
  });
});

/** Makes every answer to a call fail as it is written. */
function breakAnswers(stream: ServerHttp2Stream): void {
  stream.respond = () => {
    throw new Error('broken');
  };
}

describe('connections that share a name, as behind a proxy with several addresses', () => {
  it('are told of as they come to share it, and are told apart again when one is left', () => {
    const shared: string[] = [];
    const limits = { ...DEFAULT_DOOR_LIMITS, messageBytesMax: 1_048_576 };
    const paths = { answers: new Set<string>(), watches: new Set<string>() };
    const nothing = () => {};
    const peers = new Peers(new ManualClock(), limits, paths, nothing, nothing, undefined, undefined, (name) =>
      shared.push(name),
    );
    const server = new EventEmitter();
    peers.watch(server as unknown as Http2Server);
    const sockets = [4711, 4711, 4712].map((remotePort) =>
      Object.assign(new EventEmitter(), { remoteAddress: '192.0.2.1', remotePort }),
    );
    for (const socket of sockets) server.emit('connection', socket);
    expect(shared).toEqual(['192.0.2.1:4711']);
    expect(['192.0.2.1:4711', '192.0.2.1:4712'].map((name) => peers.isShared(name))).toEqual([true, false]);
    sockets[0]!.emit('close');
    expect(peers.isShared('192.0.2.1:4711')).toBe(false);
  });
});

/** Waits for a second at most. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tried = 0; tried < 1_000 && !isSo(); tried++) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(isSo()).toBe(true);
}

describe('an allowance', () => {
  it('gives its burst at once, and then as much as time brings', () => {
    const allowance = new Allowance({ burst: 3, perSecond: 2 }, 0);
    const takes = (nowMs: number) => [1, 2, 3, 4].map(() => allowance.take(nowMs));
    expect(takes(0)).toEqual([true, true, true, false]);
    expect(takes(400)).toEqual([false, false, false, false]);
    expect(takes(1_000)).toEqual([true, true, false, false]);
    expect(takes(60_000)).toEqual([true, true, true, false]);
  });
});
