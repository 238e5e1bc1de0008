import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ADMISSION_LIMITS } from '../../src/admission/limits.js';
import { lingerOnClose } from '../../src/admission/lingering-close.js';
import { Fence } from '../../src/base/fence.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { SlicedInput } from '../../src/web/sliced-input.js';

const SLICE_BYTES = 1_024;
/** What a client has sent behind the request that closes its connection: many slices. */
const BEHIND = Buffer.from(`POST / HTTP/1.1\r\nhost: there\r\ncontent-length: 60000\r\n\r\n${' '.repeat(60_000)}`);
const LAST = 'GET /last HTTP/1.1\r\nhost: there\r\n\r\n';
/** How soon a connection is closed on a machine that is busy. */
const SURELY_MS = 10_000;
/** Far longer: only its client's end lets the connection go. */
const limits = { ...ADMISSION_LIMITS, lingerMs: 60_000 };

describe('a connection whose requests are parsed in slices', () => {
  let server: Server;
  let accepted: Socket | undefined;
  beforeEach(async () => {
    server = createServer((_request, response) => {
      response.writeHead(404, { connection: 'close' }).end('nothing\n');
    });
    server.prependListener('connection', (socket: Socket) => lingerOnClose(socket, { clock: systemClock, limits }));
    server.on('connection', (socket: Socket) => {
      accepted = socket;
      const mayGoOn = () => true;
      const deps = {
        clock: systemClock,
        fence: new Fence({ log: pino({ level: 'silent' }), random: systemRandom }),
        sliceBytes: SLICE_BYTES,
        mayGoOn,
        spent: () => {},
      };
      new SlicedInput(socket, deps);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => {
    accepted?.destroy();
    server.close();
  });

  it('is let go as its client closes, when slices had waited behind the last request', async () => {
    const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true });
    client.on('error', () => {});
    const [socket] = (await once(server, 'connection')) as [Socket];
    const closed = new Promise((resolve) => socket.once('close', () => resolve('closed')));
    client.write(Buffer.concat([Buffer.from(LAST), BEHIND, BEHIND]));
    client.resume().once('end', () => client.end());
    expect(await Promise.race([closed, wait(SURELY_MS)])).toBe('closed');
  }, 30_000);
});
