import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ADMISSION_LIMITS } from '../../src/admission/limits.js';
import { lingerOnClose } from '../../src/admission/lingering-close.js';
import { systemClock } from '../../src/client/system.js';

/** More than the kernels of both ends take for a client that reads nothing. */
const ANSWER = Buffer.alloc(32 * 1_048_576);
const DRIP_MS = 20;
/** How soon a connection is closed on a machine that is busy. */
const SURELY_MS = 10_000;

describe('a connection that is closed in two steps', () => {
  it('is cut off in time when its client sends on and does not take its last answer', async () => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.on('error', () => {});
    lingerOnClose(socket, { clock: systemClock, limits: { ...ADMISSION_LIMITS, lastAnswerMs: 200 } });
    const dripping = setInterval(() => client.write('x'), DRIP_MS);
    const closed = new Promise((resolve) => socket.once('close', () => resolve('closed')));
    socket.write(ANSWER);
    socket.destroySoon();
    expect(await Promise.race([closed, wait(SURELY_MS)])).toBe('closed');
    clearInterval(dripping);
    client.destroy();
    socket.destroy();
    server.close();
  }, 30_000);
});
