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
