import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { REASONS } from '../../../src/core/model/fault.js';
import { encodeBody } from '../../../src/system/codec/body.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { decodeEvent, EVENTS, type EventBody } from '../../../src/system/codec/event.js';
import { FrameReader } from '../../../src/system/codec/frame.js';
import { decodePacket } from '../../../src/system/codec/packet.js';
import { writeEvent } from '../../../src/system/codec/send.js';
import { HOSTILE } from './hostile-server.js';

const UUID = '00000000-0000-4000-8000-000000000005';
/** An epoch has 32 bytes at most. */
const POSITION = { epoch: HOSTILE.slice(0, 20), revision: 7 };
const SID = 11;
const SERVER = 9;

/** A server of system events that puts such words into everything that it may say. It closes a connection only when it is asked to. */
export class HostileSystemServer {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #writer = new ByteWriter();
  /** Whether it refuses every session, or ends each that it has opened; in those words. */
  mode: 'showing' | 'refusing' | 'ending' = 'showing';

  /** Listens on a free port; answers with its URL. */
  async start(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when nobody is connected any more. */
  async left(): Promise<void> {
    for (const socket of this.#sockets) if (!socket.destroyed) await once(socket, 'close');
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
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
        if (event.type === 'Session') this.#open(socket, packet.packetId);
        if (event.type !== 'TerminateSession') return;
        this.#answer(socket, { code: 0 }, packet.packetId);
        socket.end();
      }),
    );
  }

  #open(socket: Socket, packetId: number | undefined): void {
    const violations = [{ field: HOSTILE, description: HOSTILE }];
    const refusal = { code: REASONS.FIELD_INVALID, description: HOSTILE, violations };
    if (this.mode === 'refusing') {
      this.#answer(socket, refusal, packetId);
      return;
    }
    const data = new ByteWriter();
    const session = {
      ...{ instanceSid: SID, serverSid: SERVER, serverUuid: UUID, sessionToken: HOSTILE },
      ...{ ttlMs: 60_000, streamId: SID, position: POSITION },
    };
    encodeBody(EVENTS.Session.answerTable, data, session);
    this.#answer(socket, { code: 0, data: data.finish() }, packetId);
    if (this.mode === 'ending') {
      this.#answer(socket, refusal, undefined);
      socket.end();
      return;
    }
    const node = { cvid: SERVER, instanceUuid: UUID, name: HOSTILE, labels: [{ key: HOSTILE, value: HOSTILE }] };
    const linkAdded = [{ cvid1: SERVER, cvid2: SID, link: 1 }];
    const own = { cvid: SID, parent: SERVER, instanceUuid: UUID };
    this.#tell(socket, { kind: WatchKind.SNAPSHOT, position: POSITION, nodeAdded: [node, own], linkAdded });
    this.#tell(socket, { kind: WatchKind.SNAPSHOT_END, position: POSITION });
  }

  #tell(socket: Socket, body: EventBody<'NetworkDelta'>): void {
    writeEvent(this.#writer, { type: 'NetworkDelta', body });
    socket.write(this.#writer.finish());
  }

  #answer(socket: Socket, body: EventBody<'Answer'>, packetId: number | undefined): void {
    writeEvent(this.#writer, { type: 'Answer', body }, { packetId });
    socket.write(this.#writer.finish());
  }
}
