import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { TransportServiceService as Transport } from '../../gen/switchyard/v1/transport_service.js';
import { SystemClient } from '../../src/system/client/index.js';
import { ByteWriter } from '../../src/system/codec/bytes.js';
import { decodeEvent, EVENTS, encodeEvent } from '../../src/system/codec/event.js';
import { decodePacket, encodePacketHeader, type Packet } from '../../src/system/codec/packet.js';
import { ask, run } from '../grpc/running.js';
import { agent, RawTalk } from './talking.js';

const [cert, key] = ['cert', 'key'].map((name) => fileURLToPath(new URL(`../client/tls/${name}.pem`, import.meta.url)));
const ca = readFileSync(cert);
const ENCRYPTED = {
  'tls-cert': cert,
  'tls-key': key,
  'system-tls-listen': '127.0.0.1:0',
  'system-wss-listen': '127.0.0.1:0',
};

describe('Adapters with encryption', () => {
  it('carry sessions over tls and wss, and are listed as what they are', async () => {
    const at = await run(ENCRYPTED);
    try {
      const { tls, wss } = at.server.addresses;
      const socket = connectTls({
        port: Number(tls.split(':')[1]),
        host: '127.0.0.1',
        ca,
        checkServerIdentity: () => undefined,
      });
      await once(socket, 'secureConnect');
      const { instanceSid } = await new RawTalk(socket).session(1);
      expect(instanceSid).toBeGreaterThan(0);
      const ws = new WebSocket(`wss://${wss}`, 'switchyard', { ca, checkServerIdentity: () => undefined as never });
      await once(ws, 'open');
      const writer = new ByteWriter();
      encodePacketHeader(writer, { streamId: 0, event: true, compressed: false, noise: false, packetId: 5 });
      encodeEvent(writer, { type: 'Session', body: agent(2) });
      ws.send(writer.finish());
      const [message] = (await once(ws, 'message')) as [Buffer];
      const { body, packetId } = decodePacket(message) as Packet;
      expect([decodeEvent(body, 'client'), packetId]).toMatchObject([{ type: 'Answer', body: { code: 0 } }, 5]);
      expect(EVENTS.Session.number).toBe(16);
      ws.close();
      socket.end();
      await Promise.all([once(ws, 'close'), once(socket, 'close')]);
    } finally {
      await at.stop();
    }
  });
});

describe('The client over tls and wss', () => {
  it('trusts the authority that it is given, and nobody else', async () => {
    const at = await run(ENCRYPTED);
    try {
      const { tls, wss } = at.server.addresses;
      for (const [number, url] of [`tls://${tls}`, `wss://${wss}`].entries()) {
        const client = await SystemClient.connect(url, {}, { ca, serverName: 'switchyard.test' });
        expect((await client.ask('Session', agent(number + 1))).instanceSid).toBeGreaterThan(0);
        client.close();
        await client.closed;
        await expect(SystemClient.connect(url)).rejects.toThrow();
        await expect(SystemClient.connect(url, {}, { ca })).rejects.toThrow();
      }
    } finally {
      await at.stop();
    }
  });
});

describe('Adapters', () => {
  it('close a WebSocket that sends text', async () => {
    const at = await run({ 'system-ws-listen': '127.0.0.1:0' });
    const ws = new WebSocket(`ws://${at.server.addresses.ws}`, 'switchyard');
    await once(ws, 'open');
    ws.send('text');
    const [code] = await once(ws, 'close');
    expect(code).toBe(1003);
    const listed = await ask(at, Transport.enumerateTransport, { codeName: 'ws', encrypted: false });
    expect(listed.transports).toMatchObject([
      { codeName: 'ws', addresses: [at.server.addresses.ws], encrypted: false },
    ]);
    await at.stop();
  });

  it('are all let go of when one of them cannot listen', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const started = run({ 'system-ws-listen': '127.0.0.1:0', 'system-tcp-listen': `127.0.0.1:${port}` });
    await expect(started).rejects.toMatchObject({ code: 'EADDRINUSE' });
    taken.close();
  });
});
