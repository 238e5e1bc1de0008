/** How a call ended. */
export interface WebStatus {
  /** As gRPC numbers them; 0 is success. */
  readonly code: number;
  readonly message: string;
  /** An encoded google.rpc.Status; empty on success. */
  readonly details: Uint8Array;
}

/** One call of a client of this door. */
export interface WebCall {
  /** `/switchyard.v1.NetworkService/GetNode`. */
  readonly path: string;
  /** The encoded request message. */
  readonly request: Uint8Array;
  /** ADDRESS:PORT of the client. */
  readonly peer: string;
  /** Its credentials, as gRPC metadata. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Who gets what comes of a call. */
export interface WebReceiver {
  /** One encoded message. `taken` is to be called when it has left. */
  message(bytes: Uint8Array, taken: () => void): void;
  /** Its credentials are valid. */
  vouched(): void;
  /** Called once, last; not after the call was cancelled. */
  end(status: WebStatus): void;
}

/** The server's own services, as the composition root hands them in: doors do not know each other. */
export interface WebCallsPort {
  /** Begins a call, and answers with the way to cancel it. */
  open(call: WebCall, receiver: WebReceiver): () => void;
  /** The connection that called as this peer is gone. */
  left(peer: string): void;
  /**
   * Begins what a peer asks for, at once or when it is its address's turn. False: too much of it waits, and it never begins.
   */
  enter(peer: string, begin: () => void): boolean;
  /**
   * For what is read piece by piece: whether the peer's address may go on now. If not, `wake` is called in its turn, unless it is
   * forgotten before.
   */
  mayGoOn(peer: string, wake: () => void): boolean;
  /** The connection of `wake` is over. */
  forget(peer: string, wake: () => void): void;
  /** Counts time of the event loop that a peer's messages took besides the services' own. */
  spent(peer: string, ms: number): void;
}
