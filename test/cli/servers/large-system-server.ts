import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { encodeBody } from '../../../src/system/codec/body.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { decodeEvent, EVENTS, type EventBody } from '../../../src/system/codec/event.js';
import { FrameReader } from '../../../src/system/codec/frame.js';
import { decodePacket } from '../../../src/system/codec/packet.js';
import { writeEvent } from '../../../src/system/codec/send.js';

const SERVER = 9;
const OWN = 11;
const POSITION = { epoch: 'e', revision: 7 };
/** Nodes in a message of a snapshot: some 60 KiB, as a real server sends them. */
const NODES_PER_MESSAGE = 500;

/**
 * A server of system events whose network has so many nodes, which go on to change for ever. It makes each message as the last one
 * is taken, as a real one does, and counts what was.
 */
export class LargeSystemServer {
  readonly #count: number;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #writer = new ByteWriter();
  /** Bytes of the graph that were taken. */
  taken = 0;

  constructor(count: number) {
    this.#count = count;
  }

  /** Listens on a free port; answers with its URL. */
  async start(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resolves when nothing was taken for a while. */
  async heldUp(): Promise<void> {
    for (let before = -1; this.taken !== before; ) {
      before = this.taken;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  #serve(socket: Socket): void {
    const frames = new FrameReader(65_536);
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk) =>
      frames.push(chunk, (bytes) => {
        const packet = decodePacket(bytes);
        if ('reason' in packet) throw new Error(packet.description);
        const event = decodeEvent(packet.body, 'server');
        if ('reason' in event) throw new Error(event.description);
        if (event.type === 'Session') void this.#open(socket, packet.packetId);
        if (event.type !== 'TerminateSession') return;
        this.#answer(socket, { code: 0 }, packet.packetId);
        socket.end();
      }),
    );
  }

  async #open(socket: Socket, packetId: number | undefined): Promise<void> {
    const data = new ByteWriter();
    const session = {
      ...{ instanceSid: OWN, serverSid: SERVER, serverUuid: uuidOf(SERVER), sessionToken: 'secret' },
      ...{ ttlMs: 60_000, streamId: OWN, position: POSITION },
    };
    encodeBody(EVENTS.Session.answerTable, data, session);
    this.#answer(socket, { code: 0, data: data.finish() }, packetId);
    const own = { cvid: OWN, parent: SERVER, instanceUuid: uuidOf(OWN) };
    const linkAdded = [{ cvid1: SERVER, cvid2: OWN, link: 1 }];
    await this.#tell(socket, { kind: WatchKind.SNAPSHOT, nodeAdded: [own], linkAdded });
    for (let from = 100; from < 100 + this.#count; from += NODES_PER_MESSAGE) {
      const nodeAdded = Array.from({ length: NODES_PER_MESSAGE }, (_, at) => nodeOf(from + at));
      await this.#tell(socket, { kind: WatchKind.SNAPSHOT, nodeAdded });
    }
    await this.#tell(socket, { kind: WatchKind.SNAPSHOT_END });
    const nodeAdded = Array.from({ length: NODES_PER_MESSAGE }, (_, at) => nodeOf(100 + at));
    while (socket.writable) await this.#tell(socket, { kind: WatchKind.DELTA, nodeAdded });
  }

  /** Sends a part of the graph, and waits until it was taken. */
  async #tell(socket: Socket, body: Omit<EventBody<'NetworkDelta'>, 'position'>): Promise<void> {
    if (!socket.writable) return;
    writeEvent(this.#writer, { type: 'NetworkDelta', body: { position: POSITION, ...body } });
    const frame = this.#writer.finish().slice();
    await new Promise<unknown>((resolve) => socket.write(frame, resolve));
    this.taken += frame.length;
  }

  #answer(socket: Socket, body: EventBody<'Answer'>, packetId: number | undefined): void {
    if (!socket.writable) return;
    writeEvent(this.#writer, { type: 'Answer', body }, { packetId });
    socket.write(this.#writer.finish().slice());
  }
}

function uuidOf(cvid: number): string {
  return `00000000-0000-4000-8000-${String(cvid).padStart(12, '0')}`;
}

function nodeOf(cvid: number) {
  const labels = [{ key: 'site', value: `site-${cvid % 100}` }];
  return { cvid, parent: SERVER, instanceUuid: uuidOf(cvid), name: `node-${cvid}`, labels };
}
