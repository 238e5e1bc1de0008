import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { CLIENTS, dial, SERVED } from './clients-from.js';
import { Target } from './target.js';

const STRANGER = { address: '127.0.0.2' };
const OTHER = { address: '127.0.0.3' };
/** Between two writes, so that each is read by itself: more requests in one read close their connection. */
const PAUSE_MS = 15;
/** Three slices at least, as the door parses them. */
const THREE_SLICES = `OPTIONS /${'x'.repeat(960)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`.repeat(3);

function post(path: string, type: string, body: string): string {
  const head = `host: 127.0.0.1\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}`;
  return `POST ${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`;
}

const WATCHING = post(Network.watchNetworkDelta.path, 'application/connect+json', '\0\0\0\0\x02{}');
describe('a client of the web door that sends ahead ends no server, when', () => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start('--web-listen', '127.0.0.1:0');
  });
  afterAll(() => target.stop());

  /** Writes each of them by itself while an ordinary client calls, and expects the door to serve the next one. */
  const sendAhead = async (socket: Socket, all: readonly string[]) => {
    await target.beside(async () => {
      for (const some of all) {
        if (!socket.closed) socket.write(some);
        await wait(PAUSE_MS);
      }
    });
    socket.destroy();
    expect(await CLIENTS.web!(OTHER, target.listening('web'))).toBe(SERVED.web);
  };

  it('the answers wait for a watch that stays open', async () => {
    const socket = await dial(STRANGER, target.listening('web'));
    await sendAhead(socket.resume(), [WATCHING, ...Array<string>(80).fill(THREE_SLICES)]);
  }, 60_000);
});
