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

/** How to know the server, and how to be known to it, over `tls://` and `wss://`. PEM. Only in Node: browsers have their own. */
export interface TlsOptions {
  /** Whom to trust. Absent: Node's own list. */
  readonly ca?: Uint8Array | string;
  /** This client's certificate chain, with its `key`. */
  readonly cert?: Uint8Array | string;
  readonly key?: Uint8Array | string;
  /** The name to expect in the server's certificate when it is not the one that is dialled. */
  readonly serverName?: string;
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
type WebSocketClass = new (url: string, protocol: string, options?: object) => WebSocketLike;

/**
 * Connects to `ws://`, `wss://`, `tcp://HOST:PORT` or `tls://HOST:PORT`. The last two only where there is Node.
 *
 * Resolves when packets can be sent.
 */
export function connectLink(
  url: string,
  listener: LinkListener,
  packetBytesMax: number,
  tls?: TlsOptions,
): Promise<Link> {
  return /^wss?:/.test(url) ? connectWebSocket(url, listener, tls) : connectSocket(url, listener, packetBytesMax, tls);
}

async function connectWebSocket(url: string, listener: LinkListener, tls: TlsOptions | undefined): Promise<Link> {
  // The platform's own takes no certificates.
  const known = tls === undefined ? (globalThis as { WebSocket?: WebSocketClass }).WebSocket : undefined;
  const WebSocket = known ?? ((await import('ws')).WebSocket as unknown as WebSocketClass);
  const socket = tls
    ? new WebSocket(url, SUBPROTOCOL, { ...tls, servername: tls.serverName })
    : new WebSocket(url, SUBPROTOCOL);
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

async function connectSocket(
  url: string,
  listener: LinkListener,
  packetBytesMax: number,
  tls: TlsOptions | undefined,
): Promise<Link> {
  // Not imported above, so that a browser never sees it.
  const { connectFramed } = await import('./socket-link.js');
  return connectFramed(url, listener, packetBytesMax, tls);
}
