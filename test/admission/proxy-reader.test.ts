import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { ADMISSION_LIMITS } from '../../src/admission/limits.js';
import { ProxyReader } from '../../src/admission/proxy-reader.js';
import { Fence } from '../../src/base/fence.js';
import { systemRandom } from '../../src/client/system.js';

const { handshakeMs, sweepMs } = ADMISSION_LIMITS;

describe('a reader of PROXY headers', () => {
  let server: Server;
  let reader: ProxyReader;
  let clock: ManualClock;
  let refused: string[];
  const sockets: Socket[] = [];
  beforeEach(async () => {
    clock = new ManualClock();
    refused = [];
    reader = new ProxyReader({
      door: 'door',
      clock,
      limits: ADMISSION_LIMITS,
      fence: new Fence({ log: { error: () => {} }, random: systemRandom }),
      refused: (_socket, why) => void refused.push(why),
    });
    server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => {
    reader.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
  });

  /** A connection whose header is awaited. */
  const wait = async () => {
    sockets.push(connect((server.address() as AddressInfo).port, '127.0.0.1'));
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.on('error', () => {});
    reader.read(socket, () => {});
  };

  it('closes connections that bring none in time, with one timer for all', async () => {
    await wait();
    clock.advance(handshakeMs / 2);
    await wait();
    expect(clock.pending).toBe(1);
    clock.advance(handshakeMs / 2 - 1);
    expect(refused).toHaveLength(0);
    clock.advance(sweepMs);
    expect([refused, reader.waitingCount]).toEqual([['a connection of a proxy without a PROXY header in time'], 1]);
    clock.advance(handshakeMs / 2);
    expect([refused.length, reader.waitingCount, clock.pending]).toEqual([2, 0, 0]);
  });

  it('does not count the time in which the process was stopped', async () => {
    await wait();
    clock.advance(handshakeMs - 4 * sweepMs);
    clock.freeze(60_000);
    clock.advance(sweepMs);
    expect(refused).toHaveLength(0);
    clock.advance(3 * sweepMs);
    expect(refused).toHaveLength(1);
  });
});
