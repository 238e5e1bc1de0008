import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { Place } from '../../admission/place.js';
import { WebGuard } from '../../admission/web-guard.js';
import type { Address } from '../../base/address.js';
import { Fault } from '../../core/model/fault.js';
import type { CertificateClaim } from '../../core/model/trust/certificate.js';
import { type Accept, type Pipe, packetsOf, type Receiver } from '../../transport/pipe.js';
import type { PortDeps } from './port.js';
import { PROBE_AFTER_MS } from './socket-pipe.js';

/** The subprotocol of RFC 6455 that both sides name. */
export const SUBPROTOCOL = 'switchyard';
/** Close codes of RFC 6455, section 7.4.1. */
const NORMAL = 1000;
const UNSUPPORTED = 1003;

/** A WebSocket as a pipe: a packet is a binary message. */
class WebSocketPipe implements Pipe {
  /** How many bytes the socket had read when the last message was complete. */
  private readAtMessage: number;

  constructor(
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    readonly certificate: CertificateClaim | undefined,
  ) {
    this.readAtMessage = socket.bytesRead;
  }

  get remote(): string {
    return this.socket.remoteAddress ?? '';
  }

  get copiesFrames(): boolean {
    return this.socket instanceof TLSSocket;
  }

  get place(): Place | undefined {
    return Place.of(this.socket);
  }

  get bufferedBytes(): number {
    return this.ws.bufferedAmount;
  }

  get partialBytes(): number {
    return this.socket.bytesRead - this.readAtMessage;
  }

  /** Hands what comes to its receiver, until the WebSocket closes. */
  serve(receiver: Receiver): void {
    const { ws, socket } = this;
    ws.on('message', (data: RawData, isBinary: boolean) => {
      this.readAtMessage = socket.bytesRead;
      if (isBinary) receiver.packet(data as Buffer);
      else ws.close(UNSUPPORTED, 'packets are binary messages');
    });
    ws.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') receiver.garbled(new Fault('TOO_LARGE', error.message));
    });
    // The library reads the socket; this only looks at how far it has come.
    socket.on('data', () => receiver.partial(this.partialBytes));
    socket.on('drain', () => receiver.drained());
    ws.on('close', () => receiver.closed());
  }

  write(frames: Uint8Array, sent?: () => void): void {
    const packets = [...packetsOf(frames)];
    for (const [at, packet] of packets.entries()) {
      const last = at === packets.length - 1;
      this.ws.send(packet, { binary: true }, (error) => {
        if (last && !error) sent?.();
      });
    }
  }

  pause(): void {
    this.ws.pause();
  }

  resume(): void {
    this.ws.resume();
  }

  end(): void {
    this.ws.resume();
    this.ws.close(NORMAL);
  }

  destroy(): void {
    this.ws.terminate();
  }
}

/** An HTTP server that does not listen itself, and what it is called. */
export interface WebSocketPort {
  /** The code name of the transport. */
  readonly door: string;
  readonly http: HttpServer;
  /** The host that its port was told to listen on. */
  readonly host: string;
  /** The addresses on which the port listens. */
  readonly bound: () => readonly Address[];
}

/**
 * Takes WebSockets of an HTTP server that does not listen itself, and hands each over as a pipe. A page that may not
 * connect is told so before the upgrade; other requests are told to upgrade.
 */
export function serveWebSockets({ door, http, host, bound }: WebSocketPort, deps: PortDeps, accept: Accept): void {
  const { origins, maxBlockBytes, admission, certificateOf } = deps;
  const guard = new WebGuard(origins, host, bound);
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maxBlockBytes,
    // Compression of the transport would be a second one, and one without our bounds.
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  http.on('request', (_request: IncomingMessage, response) => {
    response.writeHead(426, { connection: 'Upgrade, close', upgrade: 'websocket' }).end();
  });
  const upgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const refusal = guard.refuses(request);
    if (refusal === undefined) {
      server.handleUpgrade(request, socket, head, (ws) => serveWebSocket(ws, { socket, certificateOf }, accept));
      return;
    }
    const { cause, message } = refusal;
    admission.reports.report({ door, cause, why: message, address: socket.remoteAddress, option: '--ws-origin' });
    forbid(socket, message);
  };
  const end = (_request: IncomingMessage, socket: Socket) => socket.destroy();
  http.on('upgrade', admission.fence.around(door, upgrade, end));
}

function serveWebSocket(
  ws: WebSocket,
  { socket, certificateOf }: { readonly socket: Socket } & Pick<PortDeps, 'certificateOf'>,
  accept: Accept,
): void {
  // An error closes the WebSocket, and 'close' tells.
  ws.on('error', () => {});
  socket.setNoDelay(true);
  socket.setKeepAlive(true, PROBE_AFTER_MS);
  const pipe = new WebSocketPipe(ws, socket, socket instanceof TLSSocket ? certificateOf?.(socket) : undefined);
  const receiver = accept(pipe);
  if (receiver !== undefined) pipe.serve(receiver);
}

function forbid(socket: Socket, message: string): void {
  const body = `${message}\n`;
  const length = Buffer.byteLength(body);
  const head = `content-type: text/plain; charset=utf-8\r\ncontent-length: ${length}\r\nconnection: close`;
  socket.on('error', () => {});
  // The server takes half-open connections, so that a client which does not close its end would keep its place.
  socket.end(`HTTP/1.1 403 Forbidden\r\n${head}\r\n\r\n${body}`);
  socket.destroySoon();
}
