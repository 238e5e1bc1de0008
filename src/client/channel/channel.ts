/** One method of a service, as the generated service definitions have it. */
export interface Method<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** What goes with a call besides its request. */
export interface Call {
  /** Sent as metadata; keys in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Ends the call at once, which then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** How long the call may take; the server is told. Undefined: no limit. */
  readonly timeoutMs?: number;
}

/**
 * The client's way to a server: the only door that a simulation has to replace.
 *
 * Calls reject with a SwitchyardError (made by `SwitchyardError.of`), or with the signal's reason once it is aborted.
 * A channel finds its server again by itself when a new call is made; it never repeats a call that the server may
 * have seen.
 */
export interface Channel {
  /** The network of the server that every call is about; absent: the default one. */
  readonly network?: string | undefined;
  /** The host by which the server is reached; absent when it is none, as in a simulation. */
  readonly host?: string | undefined;
  /**
   * SHA-256 of the key in the certificate that the server showed last; undefined where there is no TLS. A proof that is bound to
   * it is of no use to whoever stands in between with a certificate of his own.
   */
  leafKeyId?(): Uint8Array | undefined;
  unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): Promise<Response>;
  /**
   * Pulled, never pushed: while nobody asks for the next message the call is paused, and the server feels it. What was
   * read ahead is bounded. Leaving the loop ends the call.
   */
  serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncIterable<Response>;
  /**
   * The same, with requests that go out one by one: the next is pulled when flow control has let the last one go, and
   * their end is the end of what this side says. When the call is over no more are pulled.
   */
  duplex<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    call: Call,
  ): AsyncIterable<Response>;
  /**
   * Keeps the process alive until the returned function is called. A watch that waits to try again has nothing open;
   * without this the program would end there. A simulation has nothing to do here.
   */
  hold(): () => void;
  /**
   * Where several servers are known: after a call failed with this error, goes on at another server, if the error is one that another
   * may not give. True: that one was not asked since the last rest, so there is no need to wait.
   */
  moveOn?(error: unknown): boolean;
  /** Takes the addresses at which a server says that the servers of its network are reached. */
  learn?(servers: readonly string[]): void;
  /** Ends every call. Further calls reject with CANCELLED. */
  close(): void;
}
