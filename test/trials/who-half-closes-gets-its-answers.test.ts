import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TransportServiceService as Transports } from '../../gen/switchyard/v1/transport_service.js';
import { ByteWriter } from '../../src/system/codec/bytes.js';
import { decodeEvent, encodeEvent } from '../../src/system/codec/event.js';
import { decodePacket, encodePacketHeader, type Packet } from '../../src/system/codec/packet.js';
import { type Running, run } from '../grpc/running.js';
import { agent, RawTalk } from '../system/talking.js';

// nats-server #1418: `printf … | nc -N` ends its side before the answer is there.

let at: Running;
let data: string;
beforeAll(async () => {
  // On disk: an answer that waits for no disk overtakes the end.
  data = await mkdtemp(join(tmpdir(), 'switchyard-'));
  at = await run({ 'system-tcp-listen': '127.0.0.1:0', data });
});
afterAll(async () => {
  await at.stop();
  await rm(data, { recursive: true });
});

/** A request for a session, as a packet with id 7. */
function request(number: number): Buffer {
  const writer = new ByteWriter();
  encodePacketHeader(writer, { streamId: 0, event: true, compressed: false, noise: false, packetId: 7 });
  encodeEvent(writer, { type: 'Session', body: agent(number) });
  return Buffer.from(writer.finish());
}

describe('a client of system events that ends its side at once', () => {
  it('gets every answer over TCP, and then the end', async () => {
    const [host, port] = at.server.addresses.tcp!.split(':');
    const socket = connect({ host: host!, port: Number(port), allowHalfOpen: true });
    await once(socket, 'connect');
    const talk = new RawTalk(socket);
    const ended = once(socket, 'end');
    talk.sendEvent({ type: 'EnumerateTransport', body: {} }, 5);
    talk.sendEvent({ type: 'Session', body: agent(1) }, 6);
    socket.end();
    expect([await talk.answer(), await talk.answer()]).toMatchObject([
      { packetId: 5, code: 0 },
      { packetId: 6, code: 0 },
    ]);
    await ended;
    await talk.closed;
  });

  it('is closed without an answer when it has asked nothing', async () => {
    const [host, port] = at.server.addresses.tcp!.split(':');
    const socket = connect({ host: host!, port: Number(port), allowHalfOpen: true });
    socket.end();
    socket.resume();
    await once(socket, 'close');
  });

  it('gets its answer over Exchange, and then the end', async () => {
    const { path, requestSerialize, responseDeserialize } = Transports.exchange;
    const call = at.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const status = once(call, 'status');
    const packets: Packet[] = [];
    call.on('data', ({ packet }: { packet: Buffer }) => packets.push(decodePacket(packet) as Packet));
    call.write({ packet: request(2) });
    call.end();
    expect((await status)[0]).toMatchObject({ code: 0 });
    const answer = packets.find(({ packetId }) => packetId === 7);
    expect(answer && decodeEvent(answer.body, 'client')).toMatchObject({ type: 'Answer', body: { code: 0 } });
  });
});
