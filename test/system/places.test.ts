import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Admission } from '../../src/admission/admission.js';
import type { ConnectionGate } from '../../src/admission/connection-gate.js';
import { systemClock } from '../../src/client/system.js';
import { tlsAdapter } from '../../src/system/adapters/tls.js';
import { wsAdapter } from '../../src/system/adapters/ws.js';
import type { Adapter } from '../../src/transport/adapter.js';
import { upgrade } from '../abuse/tools/clients-from.js';
import { openAdmission } from '../admission/open.js';

/** Shorter than a handshake may take, after which every place is taken back anyway. */
const SOON_MS = 5_000;
const CERTIFICATE = {
  cert: readFileSync('test/client/tls/cert.pem'),
  key: readFileSync('test/client/tls/key.pem'),
};
const LISTEN = { host: '127.0.0.1', port: 0 };

describe('the place of a connection', () => {
  let admission: Admission;
  let gate: ConnectionGate;
  let adapter: Adapter;
  const sockets: Socket[] = [];
  beforeEach(() => {
    admission = openAdmission(systemClock);
    const places = { connectionsMax: 10, connectionsPerAddressMax: 10, connectionsKept: 0 };
    gate = admission.gate({ door: 'system', places });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await adapter.close();
    admission.close();
  });

  const deps = () => ({ admission, gate, origins: [], maxBlockBytes: 1_024 });

  const dial = async (): Promise<Socket> => {
    const [host, port] = adapter.addresses[0].split(':');
    const socket = connect({ host, port: Number(port), allowHalfOpen: true });
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };

  const placesLeft = async () => {
    for (const endMs = performance.now() + SOON_MS; gate.count > 0 && performance.now() < endMs; ) await wait(5);
    return gate.count;
  };

  it('is free when its upgrade to WebSocket was refused, though the client keeps its end open', async () => {
    adapter = wsAdapter(LISTEN, deps());
    await adapter.listen(() => undefined);
    const socket = await dial();
    socket.resume();
    socket.write(upgrade({ origin: 'http://evil.example' }));
    await once(socket, 'end');
    expect(await placesLeft()).toBe(0);
  });

  it('is free when the client closes before TLS is agreed on', async () => {
    adapter = tlsAdapter(LISTEN, deps(), CERTIFICATE);
    await adapter.listen(() => undefined);
    for (let count = 0; count < 5; count++) (await dial()).end();
    for (let count = 0; count < 5; count++) (await dial()).resetAndDestroy();
    expect(await placesLeft()).toBe(0);
  });
});
