import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningServer } from '../../src/server/server.js';
import { startCommand } from './command.js';
import { startTestServer } from './servers/server.js';

/** Long enough that a command waits for its input, and shorter than anything that it waits for by itself. */
const WAITING_MS = 500;
const ENDED_MS = 2_000;

describe('A command that waits for somebody who says nothing', () => {
  let server: RunningServer;
  let folder: string;
  /** A STUN port that takes connections and datagrams, and answers none. */
  let silent: Server;
  let silentUdp: UdpSocket;
  const taken: Socket[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-interrupted-'));
    server = await startTestServer({ 'admin-token': 'an-administrator-of-tests' });
    silent = createServer((socket) => taken.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    silentUdp = createSocket('udp4').bind((silent.address() as AddressInfo).port, '127.0.0.1');
  });
  afterAll(async () => {
    for (const socket of taken) socket.destroy();
    silent.close();
    silentUdp.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const commands: Record<string, () => string[]> = {
    'policy apply -': () => ['policy', 'apply', '-', '--admin-token', 'an-administrator-of-tests'],
    'enroll --ticket-file -': () => ['enroll', '--ticket-file', '-', '--name', 'harbour'],
    'debug dump --log -': () => ['debug', 'dump', '--log', '-', '--output', join(folder, 'dump.json')],
    netcheck: () => ['netcheck', '--stun', `127.0.0.1:${(silent.address() as AddressInfo).port}`],
  };

  it.each(
    Object.keys(commands).flatMap(
      (name) =>
        [
          [name, 'SIGTERM', 0],
          [name, 'SIGINT', 130],
        ] as const,
    ),
  )('ends at once: %s on %s with status %d, and nothing is done', async (name, signalName, status) => {
    const command = startCommand([...commands[name]!(), '--server', server.addresses.grpc], {
      input: new PassThrough(),
    });
    await new Promise((resolve) => setTimeout(resolve, WAITING_MS));
    const from = performance.now();
    command.interrupt(signalName);
    expect(await command.ended).toEqual({ status, out: '', err: '' });
    expect(performance.now() - from).toBeLessThan(ENDED_MS);
    expect(readdirSync(folder)).toEqual([]);
  });
});
