import type { WebStatus } from './calls-port.js';

/** An answer's head. */
export interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** How one call is read and answered in one of the protocols of this door. */
export interface Protocol {
  /** The encoded request message. Throws a `WebRefusal` that says what was wrong. */
  request(body: Buffer): Uint8Array;
  /** The head of an answer that is written while it comes; undefined for one that is only written when the call is over. */
  readonly streams: Head | undefined;
  /** A message as it goes out. */
  message(bytes: Uint8Array): Uint8Array;
  /** What goes out last. `message` is that of an answer which was not written before. */
  end(status: WebStatus, message: Uint8Array | undefined): Head & { readonly bytes: Uint8Array };
}
