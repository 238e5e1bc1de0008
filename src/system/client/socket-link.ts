import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { FRAME_HEADER_BYTES, FrameReader } from '../codec/frame.js';
import type { LinkListener, SystemLink } from './link.js';

/** How to know the server, and how to be known to it, over `tls://` and `wss://`. PEM. */
export interface SocketTlsOptions {
  /** Whom to trust. Absent: Node's own list. */
  readonly ca?: Uint8Array | string;
  /** This client's certificate chain, with its `key`. */
  readonly cert?: Uint8Array | string;
  readonly key?: Uint8Array | string;
  /** The name to expect in the server's certificate when it is not the one that is dialled. */
  readonly serverName?: string;
}

/** Connects over TCP or TLS, where packets are framed. */
export function connectFramed(
  url: string,
  listener: LinkListener,
  packetBytesMax: number,
  tls: SocketTlsOptions = {},
): Promise<SystemLink> {
  const [, scheme, host, port] = /^(tcp|tls):\/\/(?:\[(?=.*\]))?([^\]]+?)\]?:(\d+)\/?$/.exec(url) ?? [];
  if (host === undefined) return Promise.reject(new Error(`${url} is not tcp://HOST:PORT or tls://HOST:PORT`));
  const secure = scheme === 'tls';
  const options = { host, port: Number(port) };
  // An address is no server name (RFC 6066, section 3); the certificate is checked against it all the same.
  const servername = tls.serverName ?? (isIP(host) === 0 ? host : undefined);
  const { ca, cert, key } = tls as { readonly [name in 'ca' | 'cert' | 'key']?: Buffer };
  const socket = secure ? connectTls({ ...options, servername, ca, cert, key }) : connect(options);
  const frames = new FrameReader(packetBytesMax);
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    socket.setNoDelay(true);
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => {
      reject(failure ?? new Error(`${url} closed the connection`));
      listener.closed(failure);
    });
    socket.on('data', (chunk) => {
      const flaw = frames.push(chunk, (packet) => listener.packet(packet));
      if (flaw !== undefined) socket.destroy(new Error(flaw.description));
    });
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      resolve({
        send(packet) {
          const frame = new Uint8Array(FRAME_HEADER_BYTES + packet.length);
          new DataView(frame.buffer).setUint32(0, packet.length);
          frame.set(packet, FRAME_HEADER_BYTES);
          socket.write(frame);
        },
        pause: () => void socket.pause(),
        resume: () => void socket.resume(),
        close: () => void socket.end(),
      });
    });
  });
}
