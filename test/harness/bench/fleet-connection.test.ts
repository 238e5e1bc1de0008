import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionLostError, FleetConnection } from '../../../harness/bench/parts/fleet-connection.js';

const PATIENCE_MS = 10_000;

describe('a call on a connection of a fleet', () => {
  let server: ReturnType<typeof createServer>;
  let connection: FleetConnection;
  let socket: Socket;
  beforeEach(async () => {
    server = createServer();
    server.on('connection', (accepted) => {
      socket = accepted;
    });
    server.on('session', (session) => session.on('error', () => {}));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    connection = new FleetConnection({ port, localAddress: '127.0.0.1' });
    await connection.ready(performance.now() + PATIENCE_MS);
  });
  afterEach(async () => {
    await connection.close();
    server.close();
  });

  /** What a call comes to when the server does this with it. */
  function callWhen(answer: (stream: ServerHttp2Stream) => void) {
    server.once('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => {});
      answer(stream);
    });
    return connection.call('IdentityService/Challenge', new Uint8Array());
  }

  it.each([
    ['ended', () => void socket.destroy()],
    ['reset', () => void socket.resetAndDestroy()],
  ])('is lost with a connection that is %s', async (_how, end) => {
    await expect(callWhen(end)).rejects.toBeInstanceOf(ConnectionLostError);
  });

  it('counts as UNAVAILABLE where the call alone is ended without a status', async () => {
    expect(await callWhen((stream) => stream.close())).toMatchObject({ status: 14 });
  });
});
