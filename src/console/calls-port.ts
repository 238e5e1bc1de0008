/** Who makes a page's calls. */
export type ConsoleRole = 'viewer' | 'administrator';

/** Whom a login lets in, and where. */
export interface ConsoleUser {
  readonly role: ConsoleRole;
  /** Of a viewer: the one network that the pages of this login show. Of an administrator, who may see all: the one that is shown first. */
  readonly network: string;
}

/** One call of a page. */
export interface PageCall {
  readonly path: string;
  /** The encoded request message. */
  readonly request: Uint8Array;
  /** ADDRESS:PORT of the page. */
  readonly peer: string;
  readonly role: ConsoleRole;
  /** The network that the page shows. */
  readonly network: string;
}

/** Who gets what comes of a call. */
export interface PageReceiver {
  /** One encoded message. `taken` is to be called when it has left. */
  message(bytes: Uint8Array, taken: () => void): void;
  /** Called once, last; not after the call was cancelled. */
  end(status: { readonly code: number; readonly message: string; readonly details: Uint8Array }): void;
}

/** The server's own services, as the composition root hands them in: doors do not know each other. */
export interface CallsPort {
  /** Begins a call, and answers with the way to cancel it. */
  open(call: PageCall, receiver: PageReceiver): () => void;
  /** The page that called as this peer is gone. */
  left(peer: string): void;
}
