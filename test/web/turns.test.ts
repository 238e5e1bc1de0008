import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ADMISSION_LIMITS } from '../../src/admission/limits.js';
import { Place } from '../../src/admission/place.js';
import { systemClock } from '../../src/client/system.js';
import type { WebReceiver } from '../../src/web/calls-port.js';
import { WebDoor } from '../../src/web/door.js';
import { WEB_LIMITS } from '../../src/web/limits.js';
import { openAdmission } from '../admission/open.js';

const WATCH = '/switchyard.v1.NetworkService/WatchEndpointClosed';
const WATCH_HEAD = 'host: 127.0.0.1\r\ncontent-type: application/connect+json\r\ncontent-length: 7';
const WATCHING = `POST ${WATCH} HTTP/1.1\r\n${WATCH_HEAD}\r\n\r\n\0\0\0\0\x02{}`;
const UNARY_HEAD = 'host: 127.0.0.1\r\ncontent-type: application/proto\r\ncontent-length: 0';
const UNARY = `POST /switchyard.v1.ServerService/GetServer HTTP/1.1\r\n${UNARY_HEAD}\r\n\r\n`;
const SUCCESS = { code: 0, message: '', details: new Uint8Array() };
/** How long a silent connection is kept where a test waits for it. */
const IDLE_MS = 1_000;
/** The same for a handshake. */
const HANDSHAKE_MS = 1_000;
/** Three slices at least. */
const THREE_SLICES = `OPTIONS /${'x'.repeat(1_000)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`.repeat(3);

/** A door whose requests begin when the test says so, or at once; and whose bytes are parsed at once, or as the test wakes them. */
async function start(
  atOnce = false,
  isBehind = false,
  limits = WEB_LIMITS,
  handshakeMs = ADMISSION_LIMITS.handshakeMs,
) {
  const wakes = new Set<() => void>();
  const begins: (() => void)[] = [];
  const receivers: WebReceiver[] = [];
  const calls = {
    open: (_call: unknown, receiver: WebReceiver) => {
      receivers.push(receiver);
      return () => {};
    },
    left: () => {},
    enter: (_peer: string, begin: () => void) => {
      const isTaken = begins.push(begin) <= 2 || atOnce;
      if (atOnce) begin();
      return isTaken;
    },
    mayGoOn: (_peer: string, wake: () => void) => {
      if (isBehind) wakes.add(wake);
      return !isBehind;
    },
    forget: (_peer: string, wake: () => void) => void wakes.delete(wake),
    spent: () => {},
  };
  const door = new WebDoor({
    calls,
    admission: openAdmission(systemClock, { limits: { ...ADMISSION_LIMITS, handshakeMs, sweepMs: handshakeMs / 10 } }),
    clock: systemClock,
    origins: [],
    metadataNames: [],
    limits,
  });
  const { port } = await door.listen({ host: '127.0.0.1', port: 0 });
  return { door, port, calls, begins, receivers, wakes };
}

describe('requests of the web door', () => {
  const sockets: Socket[] = [];
  let at: Awaited<ReturnType<typeof start>>;
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    at.door.drain();
    await at.door.close(0);
  });

  async function ask(text: string) {
    const socket = connect(at.port, '127.0.0.1');
    sockets.push(socket);
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk));
    await once(socket, 'connect');
    socket.write(text);
    return {
      get heard() {
        return heard;
      },
      socket,
    };
  }
  const until = async (holds: () => boolean) => {
    for (let tries = 0; tries < 500 && !holds(); tries++) await new Promise((go) => setTimeout(go, 10));
    expect(holds()).toBe(true);
  };

  it.each(['OPTIONS', 'GET'])('are answered in the turn of their address, %s too', async (method) => {
    at = await start();
    const asked = await ask(`${method} /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
    await until(() => at.begins.length === 1);
    expect(asked.heard).toBe('');
    at.begins[0]!();
    await until(() => asked.heard.startsWith('HTTP/1.1 '));
  });

  it('are refused with 503 when too many of them wait', async () => {
    at = await start();
    const path = 'GET /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';
    await ask(path);
    await ask(path);
    await until(() => at.begins.length === 2);
    const third = await ask(path);
    await until(() => third.heard.startsWith('HTTP/1.1 503 '));
  });

  it('are 16 at most of one connection in one turn of the event loop: one that sends more ahead is closed', async () => {
    at = await start(true);
    const preflight = 'OPTIONS / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';
    const kept = await ask(preflight.repeat(16));
    const answers = () => kept.heard.split('HTTP/1.1 204 ').length - 1;
    await until(() => answers() === 16);
    kept.socket.write(preflight.repeat(16));
    await until(() => answers() === 32);
    const cut = await ask(preflight.repeat(400));
    await until(() => cut.socket.closed);
    expect(at.begins).toHaveLength(48);
  });

  it('are parsed 1 KiB at a time, in the turns of their address, and no more is read meanwhile', async () => {
    at = await start(true, true);
    const requests = 64;
    const body = 'x'.repeat(960);
    const each = `POST /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const asked = await ask(each.repeat(requests));
    await until(() => at.wakes.size === 1);
    expect(at.begins).toHaveLength(0);
    while (!asked.heard.includes('HTTP/1.1 404 ')) {
      const [wake] = at.wakes;
      at.wakes.clear();
      const before = at.begins.length;
      wake?.();
      expect(at.begins.length - before).toBeLessThanOrEqual(2);
      await new Promise((go) => setTimeout(go, 1));
    }
    // The first answer closes the connection, as nothing is there: what is behind it was not parsed.
    expect(at.begins.length).toBeLessThan(requests / 2);
    asked.socket.destroy();
    await until(() => at.wakes.size === 0);
  });

  it('wait while the answers before them wait for a watch, and are answered when that ends', async () => {
    at = await start(true);
    const asked = await ask(WATCHING + UNARY);
    await until(() => at.receivers.length === 2);
    // More than node:http holds for answers whose turn has not come: it pauses the socket at the next request.
    at.receivers[1]!.message(new Uint8Array(200_000), () => {});
    at.receivers[1]!.end(SUCCESS);
    asked.socket.write(THREE_SLICES);
    await until(() => at.begins.length === 3);
    await new Promise((go) => setTimeout(go, 50));
    expect(at.begins).toHaveLength(3);
    at.receivers[0]!.end(SUCCESS);
    await until(() => asked.heard.split('HTTP/1.1 204 ').length === 4);
  });

  it('wait while the answers before them are not taken, and go on when they are', async () => {
    at = await start();
    const asked = await ask(UNARY);
    await until(() => at.begins.length === 1);
    at.begins[0]!();
    await until(() => at.receivers.length === 1);
    asked.socket.pause();
    at.receivers[0]!.message(new Uint8Array(12_000_000), () => {});
    at.receivers[0]!.end(SUCCESS);
    asked.socket.write(THREE_SLICES);
    await until(() => at.begins.length === 2);
    await new Promise((go) => setTimeout(go, 50));
    expect(at.begins).toHaveLength(2);
    asked.socket.resume();
    await until(() => at.begins.length === 4);
  });

  it('are read no further than one read of 64 KiB while they wait for their turn', async () => {
    at = await start(true, true);
    const accepted: Socket[] = [];
    const see = (seen: unknown) => void accepted.push((seen as { socket: Socket }).socket);
    subscribe('net.server.socket', see);
    await ask(`POST /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 900000\r\n\r\n${'x'.repeat(900_000)}`);
    await until(() => at.wakes.size === 1);
    await new Promise((go) => setTimeout(go, 50));
    unsubscribe('net.server.socket', see);
    expect(accepted).toHaveLength(1);
    expect(accepted[0]!.bytesRead).toBeLessThanOrEqual(65_536);
  });

  it('are answered when their turn comes later than a silent connection is closed, and it is closed after that', async () => {
    at = await start(false, false, { ...WEB_LIMITS, idleMs: IDLE_MS });
    const asked = await ask('OPTIONS / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    await until(() => at.begins.length === 1);
    await new Promise((go) => setTimeout(go, 2 * IDLE_MS));
    expect(asked.socket.closed).toBe(false);
    at.begins[0]!();
    await until(() => asked.heard.startsWith('HTTP/1.1 204 '));
    await until(() => asked.socket.closed);
  });

  it('are parsed when their turn comes later than a silent connection is closed', async () => {
    at = await start(true, true, { ...WEB_LIMITS, idleMs: IDLE_MS });
    const asked = await ask('OPTIONS / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    await until(() => at.wakes.size === 1);
    await new Promise((go) => setTimeout(go, 2 * IDLE_MS));
    expect(asked.socket.closed).toBe(false);
    for (const wake of at.wakes) wake();
    await until(() => asked.heard.startsWith('HTTP/1.1 204 '));
  });

  it('are parsed when their turn comes later than a handshake may take, and only what has not come is late', async () => {
    at = await start(true, true, WEB_LIMITS, HANDSHAKE_MS);
    const [asked, silent] = [await ask('OPTIONS / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'), await ask('')];
    await until(() => at.wakes.size === 1);
    await until(() => silent.socket.closed);
    await new Promise((go) => setTimeout(go, HANDSHAKE_MS));
    expect(asked.socket.closed).toBe(false);
    for (const wake of at.wakes) wake();
    await until(() => asked.heard.startsWith('HTTP/1.1 204 '));
  });

  it('keep the place of their connection while they wait for their turn', async () => {
    at = await start();
    const places: Place[] = [];
    const { of } = Place;
    Place.of = (socket) => {
      const place = of(socket);
      if (place !== undefined) places.push(place);
      return place;
    };
    await ask('OPTIONS / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    await until(() => at.begins.length === 1);
    Place.of = of;
    expect(places[0]!.isHeld()).toBe(true);
    at.begins[0]!();
    expect(places[0]!.isHeld()).toBe(false);
  });

  it('are all answered when the client has closed its half of the connection behind them', async () => {
    at = await start(true, true);
    const asked = await ask('');
    asked.socket.end(`OPTIONS /${'x'.repeat(3_300)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`.repeat(12));
    await until(() => at.wakes.size === 1);
    await new Promise((go) => setTimeout(go, 50));
    while (!asked.socket.closed) {
      const [wake] = at.wakes;
      at.wakes.clear();
      wake?.();
      await new Promise((go) => setTimeout(go, 1));
    }
    expect(asked.heard.split('HTTP/1.1 204 ')).toHaveLength(13);
  });

  it('close their connection and harm no others when parsing them throws, in whichever turn it does', async () => {
    at = await start(true, true);
    const asked = await ask(THREE_SLICES);
    await until(() => at.wakes.size === 1);
    at.calls.mayGoOn = () => {
      throw new Error('broken');
    };
    for (const wake of at.wakes) wake();
    await until(() => asked.socket.closed);
  });

  it('come whole, however their bytes are cut', async () => {
    at = await start(true);
    const asked = await ask('');
    const request = `OPTIONS /${'x'.repeat(2_500)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`;
    for (let from = 0; from < request.length; from += 700) {
      asked.socket.write(request.slice(from, from + 700));
      await new Promise((go) => setTimeout(go, 5));
    }
    await until(() => asked.heard.startsWith('HTTP/1.1 204 '));
    asked.socket.write(request.repeat(10));
    await until(() => asked.heard.split('HTTP/1.1 204 ').length === 12);
  });

  it('vouch for their place as soon as their credentials are found valid, a watch while it goes on', async () => {
    at = await start();
    const places: Place[] = [];
    const { of } = Place;
    Place.of = (socket) => {
      const place = of(socket);
      if (place !== undefined) places.push(place);
      return place;
    };
    const head = 'host: 127.0.0.1\r\ncontent-type: application/connect+json\r\ncontent-length: 7';
    await ask(`POST ${WATCH} HTTP/1.1\r\n${head}\r\n\r\n\0\0\0\0\x02{}`);
    await until(() => at.begins.length === 1);
    at.begins[0]!();
    await until(() => at.receivers.length === 1);
    expect(places[0]!.isVouched).toBe(false);
    at.receivers[0]!.vouched();
    Place.of = of;
    expect(places[0]!.isVouched).toBe(true);
  });
});
