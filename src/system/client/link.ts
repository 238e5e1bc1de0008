/** A way to a server: whole packets both ways, in order. */
export interface Link {
  send(packet: Uint8Array): void;
  /** Closes once what was sent is gone. */
  close(): void;
}

/** Who listens to a link. `closed` is called once, and nothing after it. */
export interface LinkListener {
  packet(bytes: Uint8Array): void;
  closed(error?: Error): void;
}

/** The subprotocol of RFC 6455 that both sides name. */
const SUBPROTOCOL = 'switchyard';

/** What a browser, and Node from version 22 on, has of WebSocket; Node 20 has it from the package `ws`. */
interface WebSocketLike {
  binaryType: string;
  send(data: Uint8Array): void;
  close(): void;
  addEventListener(name: string, listener: (event: { readonly data?: unknown }) => void): void;
}
type WebSocketClass = new (url: string, protocol: string) => WebSocketLike;

/**
 * Connects to `ws://`, `wss://`, `tcp://HOST:PORT` or `tls://HOST:PORT`. The last two only where there is Node.
 *
 * Resolves when packets can be sent.
 */
export function connectLink(url: string, listener: LinkListener, packetBytesMax: number): Promise<Link> {
  return /^wss?:/.test(url) ? connectWebSocket(url, listener) : connectSocket(url, listener, packetBytesMax);
}

async function connectWebSocket(url: string, listener: LinkListener): Promise<Link> {
  const known = (globalThis as { WebSocket?: WebSocketClass }).WebSocket;
  const WebSocket = known ?? ((await import('ws')).WebSocket as unknown as WebSocketClass);
  const socket = new WebSocket(url, SUBPROTOCOL);
  socket.binaryType = 'arraybuffer';
  await new Promise<void>((resolve, reject) => {
    let opened = false;
    socket.addEventListener('open', () => {
      opened = true;
      resolve();
    });
    // A browser tells no reason, so that a page cannot look around.
    socket.addEventListener('error', () => reject(new Error(`cannot connect to ${url}`)));
    socket.addEventListener('close', () => {
      if (opened) listener.closed();
      else reject(new Error(`cannot connect to ${url}`));
    });
    socket.addEventListener('message', ({ data }) => listener.packet(new Uint8Array(data as ArrayBuffer)));
  });
  return { send: (packet) => socket.send(packet), close: () => socket.close() };
}

async function connectSocket(url: string, listener: LinkListener, packetBytesMax: number): Promise<Link> {
  // Not imported above, so that a browser never sees it.
  const { connectFramed } = await import('./socket-link.js');
  return connectFramed(url, listener, packetBytesMax);
}
