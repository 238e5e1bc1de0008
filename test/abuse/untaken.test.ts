import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network, WatchNetworkDeltaRequest } from '../../gen/switchyard/v1/network_service.js';
import { ListSessionsRequest, SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { ExchangeRequest, TransportServiceService as Transport } from '../../gen/switchyard/v1/transport_service.js';
import { InstanceType, Switchyard } from '../../src/client/index.js';
import { ByteWriter } from '../../src/system/codec/bytes.js';
import { writeEvent } from '../../src/system/codec/send.js';
import { packetsOf } from '../../src/transport/pipe.js';
import { expectCalmed, tell } from './tools/attack.js';
import { RESIDENT_BYTES_MAX } from './tools/cap.js';
import { heldOf } from './tools/held.js';
import { streams } from './tools/openings.js';
import * as raw from './tools/raw.js';
import { Scene } from './tools/scene.js';
import { ask, fill, Target } from './tools/target.js';

const MIB = 1_048_576;
/** Peers that take nothing: together they would hold three times the bound and more. */
const PEERS = 12;
/** Watches of each of them, and the sessions that are in their snapshots: some 70 KiB in one message. */
const WATCHES = 4;
const SESSIONS = 1_000;
/** What lets the answer to Session through, and nothing of a block. */
const ANSWER_WINDOW = 1_024;
/** How long a peer that has to go may stay, on a machine that is busy. */
const SETTLED_MS = 10_000;
const LOOK_MS = 100;

/** A kind of held bytes, the option that bounds it, and its value here: small, so that little traffic passes it. */
interface Bound {
  readonly kind: string;
  readonly option: string;
  readonly bytesMax: number;
}

const instanceUuid = (nth: number) => `00000000-0000-4000-8000-${String(nth + 1).padStart(12, '0')}`;

/** The request that opens the data of all branches of a peer, as a frame of a pipe. */
function openFrame(): Uint8Array {
  const writer = new ByteWriter();
  writeEvent(writer, { type: 'Open', body: {} }, { packetId: 2 });
  return writer.finish();
}

/** The request that opens the session of a peer, as a frame of a pipe. */
function sessionFrame(nth: number): Uint8Array {
  const writer = new ByteWriter();
  const body = { instanceUuid: instanceUuid(nth), instanceType: InstanceType.AGENT, ttlMs: 3_600_000 };
  writeEvent(writer, { type: 'Session', body }, { packetId: 1 });
  return writer.finish();
}

/** The same as the beginning of an Exchange call. */
function exchangeCall(stream: number, nth: number): Buffer {
  const requests = [...packetsOf(sessionFrame(nth)), ...packetsOf(openFrame())].map((packet) => {
    const message = raw.message(ExchangeRequest.encode({ packet: Buffer.from(packet) }).finish());
    return raw.frame(raw.DATA, 0, stream, message);
  });
  return Buffer.concat([raw.open(stream, Transport.exchange.path), ...requests]);
}

describe('peers that take nothing hold no more than one bound for all of them, and harm no others, when it is', () => {
  let scene: Scene;
  let yard: Switchyard | undefined;
  let sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    scene.leave();
    // Its server is gone before it could say that it leaves.
    void yard?.close().catch(() => {});
    yard = undefined;
    await scene.target.stop();
  });

  const start = async ({ option, bytesMax }: Bound, ...args: string[]) => {
    const all = ['--log-level', 'warn', '--metrics-listen', '127.0.0.1:0', option, String(bytesMax), ...args];
    scene = new Scene(await Target.start(...all));
  };

  /** The CVIDs of all sessions, by the UUIDs of their instances. */
  const sessionsOf = async () => {
    const client = scene.target.client();
    const page = { ...ListSessionsRequest.create(), pageSize: SESSIONS };
    const { sessions } = await ask(client, Sessions.listSessions, page);
    client.close();
    return new Map(sessions.map((session) => [session.instanceUuid, session.cvid]));
  };

  /** Begins an attack beside an ordinary client, and goes on with it until a peer had to leave. */
  const attack = async ({ kind, bytesMax }: Bound, begin: () => Promise<void>, isOver: () => Promise<boolean>) => {
    const { target } = scene;
    let most = 0;
    const look = async () => {
      most = Math.max(most, (await heldOf(target, kind)).bytes);
    };
    const seen = await target.beside(async () => {
      await begin();
      const endMs = performance.now() + SETTLED_MS;
      while (!(await isOver()) && performance.now() < endMs) {
        await look();
        await wait(LOOK_MS);
      }
      await look();
    });
    tell(`${kind}: held ${(most / MIB).toFixed(1)} of ${bytesMax / MIB} MiB`, seen);
    expect(most).toBeGreaterThan(bytesMax / 2);
    expect(most).toBeLessThanOrEqual(bytesMax);
    expect(await isOver()).toBe(true);
    expect(target.cap.peakBytes).toBeLessThan(RESIDENT_BYTES_MAX);
  };

  /** The same by calls over gRPC: some connections are closed for it, the log says why, and others stay. */
  const attackByCalls = async (
    bound: Bound,
    begin: (connections: raw.RawConnection[]) => Promise<void>,
    why: string,
  ) => {
    const connections: raw.RawConnection[] = [];
    const closed = () => connections.filter(({ isOpen }) => !isOpen);
    await attack(
      bound,
      () => begin(connections),
      async () => closed().length > 0,
    );
    expect(scene.target.log).toContain(why);
    expect(closed().length).toBeLessThan(PEERS);
    for (const connection of closed()) expectCalmed(connection);
  };

  /** Sends blocks of 1 MiB, the largest, to the sessions of all peers, for as long as the slowest of them lets it. */
  const sendBlocks = async () => {
    yard = new Switchyard({ server: scene.target.address });
    const source = yard.join({ uuid: instanceUuid(1_000_000), type: InstanceType.AGENT });
    await source.attached();
    const uuids = Array.from({ length: PEERS }, (_, nth) => instanceUuid(nth));
    let sessions = await sessionsOf();
    const endMs = performance.now() + SETTLED_MS;
    while (!uuids.every((uuid) => sessions.has(uuid))) {
      if (performance.now() > endMs) throw new Error(`of ${PEERS} peers only ${[...sessions.keys()]} have sessions`);
      await wait(LOOK_MS);
      sessions = await sessionsOf();
    }
    const { stream } = await source.createStream(
      uuids.map((uuid) => sessions.get(uuid)!),
      { maxBlockBytes: MIB },
    );
    const end = await source.openSource(stream.id);
    const send = async () => {
      for (;;) await end.write(Buffer.alloc(MIB));
    };
    // It ends with the server.
    void send().catch(() => {});
  };

  it('snapshots of watches of which no two are the same', async () => {
    const bound = { kind: 'watches', option: '--watch-bytes-max', bytesMax: MIB };
    await start(bound);
    await fill(scene.target, SESSIONS);
    const cvids = [...(await sessionsOf()).values()];
    const request = WatchNetworkDeltaRequest.encode({ ...WatchNetworkDeltaRequest.create(), cvids }).finish();
    const watch = (stream: number) => raw.call(stream, Network.watchNetworkDelta.path, raw.message(request));
    const begin = async (connections: raw.RawConnection[]) => {
      while (connections.length < PEERS) {
        const connection = await scene.dial(0);
        connections.push(connection);
        await connection.write(Buffer.concat(streams(WATCHES).map(watch)));
      }
    };
    await attackByCalls(bound, begin, 'messages of watches that are not taken');
  });

  it('packets of Exchange calls', async () => {
    const bound = { kind: 'streams', option: '--stream-bytes-max', bytesMax: 4 * MIB };
    await start(bound);
    const begin = async (connections: raw.RawConnection[]) => {
      while (connections.length < PEERS) {
        const connection = await scene.dial(ANSWER_WINDOW);
        await connection.write(exchangeCall(1, connections.push(connection) - 1));
      }
      await sendBlocks();
    };
    await attackByCalls(bound, begin, 'messages of streams that are not taken');
  });

  it('system events over tcp', async () => {
    const bound = { kind: 'system_out', option: '--system-out-bytes-max', bytesMax: 4 * MIB };
    await start(bound, '--system-tcp-listen', '127.0.0.1:0');
    const [host, port] = scene.target.listening('tcp').split(':');
    const begin = async () => {
      while (sockets.length < PEERS) {
        const socket = connect(Number(port), host);
        socket.on('error', () => {});
        await once(socket, 'connect');
        socket.write(sessionFrame(sockets.push(socket) - 1));
        await once(socket, 'data');
        socket.write(openFrame());
        // It reads the answers and nothing more: the kernel takes some MiB, and the server holds the rest.
        await once(socket, 'data');
        socket.pause();
      }
      await sendBlocks();
    };
    const untaken = async () => (await heldOf(scene.target, bound.kind)).untaken;
    await attack(bound, begin, async () => (await untaken()) > 0);
    expect(await untaken()).toBeLessThan(PEERS);
  });
});
