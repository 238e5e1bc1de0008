/** A way to a server: whole packets both ways, in order. */
export interface SystemLink {
  send(packet: Uint8Array): void;
  /** Takes nothing more from the server, which feels that. What was read already still comes. A browser's WebSocket cannot, and goes on. */
  pause(): void;
  resume(): void;
  /** Closes once what was sent is gone. */
  close(): void;
}

/** Who listens to a link. `closed` is called once, and nothing after it. */
export interface LinkListener {
  packet(bytes: Uint8Array): void;
  closed(error?: Error): void;
}
