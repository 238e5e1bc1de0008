import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Listeners, SystemClient } from '../../src/system/client/index.js';
import { decodeBody } from '../../src/system/codec/body.js';
import { ByteWriter } from '../../src/system/codec/bytes.js';
import { decodeEvent, EVENTS, type EventBody, encodeEvent, type SystemEvent } from '../../src/system/codec/event.js';
import { FrameReader } from '../../src/system/codec/frame.js';
import { decodePacket, encodePacketHeader, type Packet } from '../../src/system/codec/packet.js';
import type { Running } from '../grpc/running.js';

/** Things that come, to be waited for one by one. */
export class Heard<T> {
  private readonly waiting: T[] = [];
  private wake: () => void = () => {};

  add(one: T): void {
    this.waiting.push(one);
    this.wake();
  }

  get count(): number {
    return this.waiting.length;
  }

  async next(): Promise<T> {
    while (this.waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.waiting.shift()!;
  }

  async until(fits: (one: T) => boolean): Promise<T> {
    for (;;) {
      const one = await this.next();
      if (fits(one)) return one;
    }
  }
}

/** A client whose listeners only write down what they hear. */
export interface Talk {
  readonly client: SystemClient;
  readonly deltas: Heard<EventBody<'NetworkDelta'>>;
  readonly ends: Heard<EventBody<'EndpointClosed'>>;
  readonly stops: Heard<EventBody<'StreamStopped'>>;
  readonly blocks: Heard<{ readonly id: number; readonly text: string }>;
}

/** Connects a client of this project to a server. */
export async function talk(url: string, listeners: Partial<Listeners> = {}): Promise<Talk> {
  const deltas = new Heard<EventBody<'NetworkDelta'>>();
  const ends = new Heard<EventBody<'EndpointClosed'>>();
  const stops = new Heard<EventBody<'StreamStopped'>>();
  const blocks = new Heard<{ readonly id: number; readonly text: string }>();
  const client = await SystemClient.connect(url, {
    networkDelta: (delta) => deltas.add(delta),
    endpointClosed: (closed) => ends.add(closed),
    streamStopped: (stopped) => stops.add(stopped),
    block: (id, block) => blocks.add({ id, text: Buffer.from(block).toString() }),
    ...listeners,
  });
  return { client, deltas, ends, stops, blocks };
}

/** A request for a session of an agent, by a number. */
export function agent(number: number): EventBody<'Session'> {
  return { instanceUuid: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`, instanceType: 2 };
}

/** How many connections a server with metrics has cut off for this cause. */
export async function cutOffCount(at: Running, cause: string): Promise<number> {
  const text = await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text();
  return Number(new RegExp(`switchyard_system_cut_off_total\\{cause="${cause}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
}

/** A socket that sends what no client of ours would. */
export class RawTalk {
  readonly packets = new Heard<Packet>();
  /** Resolves when the connection is over, by whomever and however. */
  readonly closed: Promise<void>;
  private readonly writer = new ByteWriter();

  constructor(readonly socket: Socket) {
    const frames = new FrameReader(2_000_000);
    socket.on('data', (chunk) =>
      frames.push(chunk, (bytes) => this.packets.add(decodePacket(bytes.slice()) as Packet)),
    );
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => void socket.once('close', () => resolve()));
  }

  static async connect(address: string): Promise<RawTalk> {
    const [host, port] = address.split(':');
    const socket = connect(Number(port), host);
    await once(socket, 'connect');
    return new RawTalk(socket);
  }

  /** Sends bytes as a frame. */
  sendPacket(packet: Uint8Array): void {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(packet.length);
    this.socket.write(Buffer.concat([length, packet]));
  }

  sendEvent(event: SystemEvent, packetId?: number): void {
    encodePacketHeader(this.writer, { streamId: 0, event: true, compressed: false, noise: false, packetId });
    encodeEvent(this.writer, event);
    this.sendPacket(this.writer.finish());
  }

  sendBlock(
    streamId: number,
    body: Uint8Array,
    { compressed = false, packetId = undefined as number | undefined } = {},
  ): void {
    encodePacketHeader(this.writer, { streamId, event: false, compressed, noise: false, packetId });
    this.writer.bytes(body);
    this.sendPacket(this.writer.finish());
  }

  /** The next Answer; what else comes does not matter. */
  async answer(): Promise<EventBody<'Answer'> & { readonly packetId: number | undefined }> {
    for (;;) {
      const { body, packetId, event } = await this.packets.next();
      const decoded = event ? decodeEvent(body, 'client') : undefined;
      if (decoded !== undefined && 'type' in decoded && decoded.type === 'Answer') return { ...decoded.body, packetId };
    }
  }

  /** Opens a session. */
  async session(number: number) {
    this.sendEvent({ type: 'Session', body: agent(number) }, 1);
    const { data } = await this.answer();
    return decodeBody(EVENTS.Session.answerTable, data!) as Exclude<
      ReturnType<typeof decodeBody<(typeof EVENTS.Session.answerTable)['fields']>>,
      { readonly reason: string }
    >;
  }

  /** Creates a stream, and answers with its id. */
  async streamOf(packetId: number, body: EventBody<'CreateStream'>): Promise<number> {
    this.sendEvent({ type: 'CreateStream', body }, packetId);
    const { data } = await this.answer();
    const decoded = decodeBody(EVENTS.CreateStream.answerTable, data!);
    if ('reason' in decoded) throw new Error(decoded.description);
    return decoded.stream.id;
  }
}
