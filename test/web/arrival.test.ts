import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { settle, TimersClock } from '../../harness/manual-clock.js';
import type { WebReceiver } from '../../src/web/calls-port.js';
import { WebDoor } from '../../src/web/door.js';
import { WEB_LIMITS } from '../../src/web/limits.js';
import { dial, secured } from '../abuse/tools/clients-from.js';
import { openAdmission } from '../admission/open.js';

const CLIENT = { address: '127.0.0.2' };
const WATCH = '/switchyard.v1.NetworkService/WatchEndpointClosed';
const UNARY = '/switchyard.v1.ServerService/GetServer';
const BODY_BYTES = 30_000;
/** More than node:http holds for answers whose turn has not come: it reads no further then. */
const ANSWER = new Uint8Array(200_000);
const SUCCESS = { code: 0, message: '', details: new Uint8Array() };
/** As often as it is looked whether a body arrives. */
const STEP_MS = WEB_LIMITS.arrivalMs / 10;
const [cert, key] = ['cert', 'key'].map((name) => readFileSync(new URL(`../client/tls/${name}.pem`, import.meta.url)));

function post(path: string, type: string, body: string): string {
  const head = `host: 127.0.0.1\r\ncontent-type: application/${type}\r\ncontent-length: ${body.length}`;
  return `POST ${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`;
}

const WATCHING = post(WATCH, 'connect+json', '\0\0\0\0\x02{}');
const LONG = post(UNARY, 'proto', ' '.repeat(BODY_BYTES));

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !holds(); tries++) await new Promise((go) => setTimeout(go, 10));
  expect(holds()).toBe(true);
}

describe.each([
  ['plain', undefined],
  ['TLS', { cert: cert!, key: key! }],
] as const)('the body of a request to the web door (%s)', (_, tls) => {
  let clock: TimersClock;
  let door: WebDoor;
  let socket: Socket;
  let heard: string;
  let receivers: WebReceiver[];
  let wakes: (() => void)[];
  let isTurn: boolean;
  beforeEach(async () => {
    clock = new TimersClock();
    [heard, receivers, wakes, isTurn] = ['', [], [], true];
    const calls = {
      open: (_call: unknown, receiver: WebReceiver) => {
        receivers.push(receiver);
        return () => {};
      },
      left: () => {},
      enter: (_peer: string, begin: () => void) => {
        begin();
        return true;
      },
      mayGoOn: (_peer: string, wake: () => void) => {
        if (!isTurn) wakes.push(wake);
        return isTurn;
      },
      forget: () => {},
      spent: () => {},
    };
    const admission = openAdmission(clock);
    door = new WebDoor({ calls, clock, admission, origins: [], metadataNames: [], ...(tls && { tls }) });
    const { host, port } = await door.listen({ host: '127.0.0.1', port: 0 });
    const plain = await dial(CLIENT, `${host}:${port}`);
    socket = tls === undefined ? plain : await secured(plain);
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
  });
  afterEach(async () => {
    socket.destroy();
    door.drain();
    await door.close(0);
  });

  /** Lets the time pass in which a body has to arrive, and as much again. */
  const passArrival = async () => {
    for (let passedMs = 0; passedMs < 2 * WEB_LIMITS.arrivalMs; passedMs += STEP_MS) {
      clock.advance(STEP_MS);
      // What the clock put off to the end of this turn, and what that wrote, is done then.
      await settle();
      await settle();
    }
  };

  const answer = (receiver: WebReceiver) => {
    receiver.message(ANSWER, () => {});
    receiver.end(SUCCESS);
  };

  it('is waited for while an answer before it waits for a watch, however long that stays open', async () => {
    socket.write(WATCHING + post(UNARY, 'proto', ''));
    await until(() => receivers.length === 2);
    answer(receivers[1]!);
    socket.write(LONG);
    await until(() => door.callCount === 3);
    await passArrival();
    receivers[0]!.end(SUCCESS);
    await until(() => receivers.length === 3 || socket.closed);
    expect(receivers).toHaveLength(3);
    receivers[2]!.end(SUCCESS);
    await until(() => heard.split('HTTP/1.1 200 ').length === 4);
  });

  it('is waited for while its client does not take the answers before it', async () => {
    socket.write(post(UNARY, 'proto', ''));
    await until(() => receivers.length === 1);
    socket.pause();
    receivers[0]!.message(new Uint8Array(12_000_000), () => {});
    receivers[0]!.end(SUCCESS);
    socket.write(LONG);
    await until(() => door.callCount === 2);
    await passArrival();
    socket.resume();
    await until(() => receivers.length === 2 || socket.closed);
    expect(receivers).toHaveLength(2);
  });

  it('is waited for while it is the turn of other addresses', async () => {
    socket.write(LONG.slice(0, 200));
    await until(() => door.callCount === 1);
    isTurn = false;
    socket.write(LONG.slice(200));
    await until(() => wakes.length === 1);
    await passArrival();
    isTurn = true;
    wakes[0]!();
    await until(() => receivers.length === 1 || socket.closed);
    expect(receivers).toHaveLength(1);
  });

  it('is waited for after the process stood still longer than a body may take', async () => {
    socket.write(LONG.slice(0, 200));
    await until(() => door.callCount === 1);
    clock.freeze(2 * WEB_LIMITS.arrivalMs);
    clock.advance(0);
    socket.write(LONG.slice(200));
    await until(() => receivers.length === 1 || socket.closed);
    expect(receivers).toHaveLength(1);
  });

  it('is waited for 10 s and no longer while the server reads and nothing of it comes', async () => {
    socket.write(LONG.slice(0, 200));
    await until(() => door.callCount === 1);
    await passArrival();
    if (!socket.closed) await once(socket, 'close');
    expect(receivers).toHaveLength(0);
  });
});
