import { setTimeout as wait } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import { expect } from '@jest/globals';
import {
  NetworkServiceService as Network,
  WatchEndpointClosedRequest,
} from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { times } from './attack.js';
import { MISTAKEN } from './mistakes.js';
import {
  callsBehind,
  closedWatch,
  deltaWatch,
  EMPTY,
  type Opening,
  page,
  streams,
  unary,
  withData,
} from './openings.js';
import * as raw from './raw.js';
import { cutOff, FLOODS, RESETS_COUNTED, resetUntilClosed, STRICT, type Way } from './reset-floods.js';
import { CALLS, expectAnswered, expectClosed, openAll, resetAll, type Scene } from './scene.js';
import { fill, openSession } from './target.js';

const PING = raw.frame(raw.PING, 0, 0, Buffer.alloc(8));
const SETTINGS = raw.settings([[4, 65_535]]);
/** Calls whose requests are large and never complete. */
const LARGE = 60;

/** So many connections say GOAWAY until one has reset its calls in time, and each has more calls than may be reset early ({@link STRICT}). */
const CONNECTIONS = 12;
const GOAWAY_CALLS_MIN = 250;

/** Every way that a connection is expelled, or is gone, while more of what it sent is being read. */
export const WAYS: readonly Way[] = [
  ...FLOODS,
  {
    name: 'resets calls whose answers it does not take',
    sessions: 200,
    args: STRICT,
    counted: RESETS_COUNTED,
    attack: async (scene) => {
      const connection = await scene.dial(0);
      const answered: Opening = (stream) => raw.call(stream, Sessions.listSessions.path, page(20));
      await resetUntilClosed(connection, answered, { tail: callsBehind });
    },
  },
  {
    name: 'opens the windows of watches in the write that resets them',
    sessions: 10,
    args: STRICT,
    counted: RESETS_COUNTED,
    overTls: true,
    attack: async (scene) => {
      const connection = await scene.dial(0);
      const before = (numbers: readonly number[]) =>
        Buffer.concat([
          raw.settings([[4, 1_048_576]]),
          ...numbers.map((stream) => raw.frame(raw.WINDOW_UPDATE, 0, stream, raw.words(65_535))),
        ]);
      await resetUntilClosed(connection, deltaWatch, { tail: callsBehind, before });
    },
  },
  ...['PING', 'SETTINGS'].map(controls),
  {
    name: 'sends metadata that is too large a thousand times, with DATA behind each',
    overTls: true,
    attack: async (scene) => {
      const connection = await scene.dial();
      const block = { a: 'x'.repeat(15_900) };
      const fields = { ...Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`k${at}`, 'v'])), ...block };
      const metadata: Opening = (stream) =>
        withData(raw.open(stream, Sessions.listSessions.path, fields), stream, EMPTY);
      await openAll(connection, closedWatch, streams(100), true);
      for (let first = 201; first < 2_201; first += 50) {
        await connection.write(Buffer.concat(streams(25, first).map(metadata)));
        await wait(0);
      }
      while (connection.isOpen && connection.resets.size < 1_000) await connection.heard();
      expect(new Set(connection.resets.values())).toEqual(new Set([raw.ENHANCE_YOUR_CALM]));
      await connection.write(unary(2_201));
      await expectAnswered(connection, 2_201);
    },
  },
  {
    name: 'brings more bytes of requests than one connection may, with calls behind',
    args: ['--message-bytes', '65536', '--request-bytes-per-connection-max', '131072'],
    attack: async (scene) => {
      const connection = await scene.dial();
      const part = raw.message(Buffer.alloc(16_000), 0, 65_000);
      await openAll(connection, closedWatch, streams(100), true);
      // The window of the connection is 64 KiB, so that it goes beyond the bound by many calls and not by one.
      for (let stream = 2_001; stream < 2_001 + 4 * LARGE; stream += 4) {
        await connection.write(raw.open(stream, Sessions.listSessions.path));
        await connection.send(stream, part);
        await connection.write(unary(stream + 2));
      }
      // Eight of them are 128,000 B, within the bound. Small ones that come while more is held are reset as well.
      const large = () => [...connection.resets.keys()].filter((stream) => stream % 4 === 1).length;
      while (connection.isOpen && large() < LARGE - 8) await connection.heard();
      expect(new Set(connection.resets.values())).toEqual(new Set([raw.ENHANCE_YOUR_CALM]));
      const last = 2_001 + 4 * LARGE;
      await connection.write(unary(last));
      await expectAnswered(connection, last);
    },
  },
  {
    name: 'brings more bytes of requests than all connections may, and is the one that holds most',
    args: ['--message-bytes', '65536', '--request-bytes-max', '262144'],
    counted: cutOff('requests that are not complete'),
    attack: async (scene) => {
      const connection = await scene.dial();
      await openAll(connection, closedWatch, streams(400), true);
      for (let stream = 2_001; connection.isOpen; stream += 4) {
        const behind = Buffer.concat([resetAll(streams(400)), raw.open(stream, Sessions.listSessions.path)]);
        await connection.write(stream === 2_001 ? behind : raw.open(stream, Sessions.listSessions.path));
        await connection.send(stream, raw.message(Buffer.alloc(16_000), 0, 65_000));
        await connection.write(unary(stream + 2));
      }
      await expectClosed(connection);
    },
  },
  {
    name: 'takes none of its answers and asks for more in the same write, beside watches that it resets',
    sessions: 1_000,
    counted: cutOff('answers that it does not take'),
    overTls: true,
    attack: async (scene) => {
      const connection = await scene.dial(0);
      await openAll(connection, closedWatch, streams(400), true);
      const ask = (stream: number) => raw.call(stream, Sessions.listSessions.path, page(1_000));
      await connection.write(
        Buffer.concat([...streams(100, 801).map(ask), resetAll(streams(400)), callsBehind(1_001)]),
      );
      await expectClosed(connection);
    },
  },
  evicted(),
  ...MISTAKEN,
  {
    name: 'says GOAWAY behind its resets, and goes on with calls',
    args: STRICT,
    counted: RESETS_COUNTED,
    overTls: true,
    attack: async (scene) => {
      const goaway = raw.frame(raw.GOAWAY, 0, 0, raw.words(0, 0));
      const tail = (next: number) => Buffer.concat([goaway, callsBehind(next)]);
      // A connection has one round, as a GOAWAY closes it. The resets count when the calls were opened within a second, which on a
      // busy machine may take another connection, and fewer calls.
      for (let dialled = 0; dialled < CONNECTIONS && (await scene.target.closings()).length === 0; dialled++) {
        const calls = Math.max(GOAWAY_CALLS_MIN, CALLS >> dialled);
        await resetUntilClosed(await scene.dial(), closedWatch, { isAnswered: true, tail, calls });
      }
    },
  },
  {
    name: 'says GOAWAY with an error, no bound passed, and goes on with calls in the same write',
    overTls: true,
    attack: async (scene) => {
      const connection = await scene.dial();
      const numbers = streams(300);
      await openAll(connection, closedWatch, numbers, true);
      const goaway = raw.frame(raw.GOAWAY, 0, 0, raw.words(0, raw.INTERNAL_ERROR));
      await connection.write(Buffer.concat([resetAll(numbers), goaway, callsBehind(601)]));
      await expectClosed(connection, [raw.INTERNAL_ERROR, raw.NO_ERROR]);
      // None of the calls behind was answered.
      expect(Math.max(...connection.answered)).toBeLessThan(601);
    },
  },
  {
    name: 'breaks off in the moment in which its watches are reset',
    overTls: true,
    counted: RESETS_COUNTED,
    isCountedByChance: true,
    attack: async (scene) => {
      for (let round = 0; round < 10; round++) {
        const connection = await scene.dial();
        await openAll(connection, closedWatch, streams(CALLS), true);
        await connection.write(resetAll(streams(CALLS)));
        if (round % 2 === 0) connection.breakOff();
        else connection.destroy();
      }
    },
  },
  cut(),
  cancelled(),
];

/** Too many frames that ask for an answer, in the write that resets watches, with calls behind. */
function controls(which: string): Way {
  const bytes = which === 'PING' ? PING : SETTINGS;
  const type = which === 'PING' ? raw.PING : raw.SETTINGS;
  return {
    name: `sends ${which} without end, and resets watches in the write that is too much`,
    args: ['--control-frames-max', '1000', '--control-frames-per-second', '1'],
    counted: cutOff('PING and SETTINGS frames without end'),
    overTls: true,
    attack: async (scene) => {
      const connection = await scene.dial();
      await openAll(connection, closedWatch, streams(400), true);
      // Below the 1,000 unanswered ones that nghttp2 bears.
      const before = connection.count(type);
      await connection.write(times(800, bytes));
      while (connection.isOpen && connection.count(type) < before + 800) await connection.heard();
      await connection.write(
        Buffer.concat([resetAll(streams(400)), times(400, bytes), callsBehind(801), resetAll(streams(50, 801))]),
      );
      await expectClosed(connection);
    },
  };
}

/**
 * Who has reset all of its watches is silent, and gives its place up once there are so many others. They come by and by:
 * the ordinary client is silent between its calls, and would lose its place to a crowd that comes in one turn.
 */
function evicted(): Way {
  return {
    name: 'resets its watches while so many connect that it loses its place',
    args: ['--connections-max', '100'],
    counted: 'switchyard_door_refused_total{door="grpc",cause="silent"}',
    // Who has proved nothing for 10 s may lose a place of the last quarter: so long it takes on a slow machine.
    countedLate: 'switchyard_door_refused_total{door="grpc",cause="unproven"}',
    attack: async (scene) => {
      const connection = await scene.dial();
      await openAll(connection, closedWatch, streams(400), true);
      const leaving = Buffer.concat(streams(400).map((stream) => raw.reset(stream)));
      await connection.write(leaving);
      for (let dialled = 0; dialled < 200 && connection.isOpen; dialled += 10) {
        await Promise.all(Array.from({ length: 10 }, () => scene.dial()));
      }
      await expectClosed(connection);
    },
  };
}

/** A thousand connections whose watches have data break in one moment. */
function cut(): Way {
  return {
    name: 'is one of 1,000 that break in one moment while their watches have data',
    sessions: 100,
    attack: async (scene) => {
      const connections: raw.RawConnection[] = [];
      while (connections.length < 1_000) {
        const more = await Promise.all(Array.from({ length: 50 }, () => scene.dial()));
        await Promise.all(more.map((it) => openAll(it, deltaWatch, streams(4), true)));
        connections.push(...more);
      }
      const client = scene.target.client();
      const opening = Array.from({ length: 50 }, () => openSession(client));
      for (const connection of connections) connection.breakOff();
      await Promise.all(opening);
      client.close();
    },
  };
}

/** What an ordinary client does that gives everything up. */
function cancelled(): Way {
  return {
    name: 'is an ordinary client that cancels all its watches at once',
    overTls: true,
    counted: RESETS_COUNTED,
    isCountedByChance: true,
    attack: async (scene) => {
      const client = scene.target.client();
      const { path, requestSerialize, responseDeserialize } = Network.watchEndpointClosed;
      const request = WatchEndpointClosedRequest.create();
      const watches = streams(CALLS).map(() => {
        const watch = client.makeServerStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          new Metadata(),
        );
        const begun = new Promise<void>((resolve) => watch.once('data', () => resolve()));
        const over = new Promise<void>((resolve) => watch.once('error', () => resolve()));
        return { watch, begun, over };
      });
      await Promise.all(watches.map(({ begun }) => begun));
      for (const { watch } of watches) watch.cancel();
      await Promise.all(watches.map(({ over }) => over));
      client.close();
    },
  };
}

/** Fills the server as a way needs it. */
export async function prepare({ sessions = 0 }: Way, scene: Scene): Promise<void> {
  if (sessions > 0) await fill(scene.target, sessions);
}
