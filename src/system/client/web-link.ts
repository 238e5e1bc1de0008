import type { LinkListener, SystemLink } from './link.js';

/** The subprotocol of RFC 6455 that both sides name. */
const SUBPROTOCOL = 'switchyard';

/** What of a WebSocket is used: the platform's own and that of the package `ws` have it. */
export interface WebSocketLike {
  binaryType: string;
  send(data: Uint8Array): void;
  /** Only that of the package `ws` can. */
  pause?(): void;
  resume?(): void;
  close(): void;
  addEventListener(name: string, listener: (event: { readonly data?: unknown }) => void): void;
}

/** A class of WebSockets. Only that of the package `ws` takes options. */
export type WebSocketClass = new (url: string, protocol: string, options?: object) => WebSocketLike;

/** The platform's own WebSocket: browsers have it. */
export function platformWebSocket(): WebSocketClass | undefined {
  return (globalThis as { readonly WebSocket?: WebSocketClass }).WebSocket;
}

/** Connects to `ws://` or `wss://`, by a WebSocket of this class. Resolves when packets can be sent. */
export async function connectWebSocket(
  url: string,
  listener: LinkListener,
  WebSocket: WebSocketClass,
  options?: object,
): Promise<SystemLink> {
  const socket = options === undefined ? new WebSocket(url, SUBPROTOCOL) : new WebSocket(url, SUBPROTOCOL, options);
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
  return {
    send: (packet) => socket.send(packet),
    pause: () => socket.pause?.(),
    resume: () => socket.resume?.(),
    close: () => socket.close(),
  };
}
