import type { Call, Channel, Method } from '../../src/client/channel/channel.js';
import { GrpcChannel } from '../../src/client/channel/grpc-channel.js';
import { SwitchyardError } from '../../src/client/error.js';
import type { Outcome } from '../simulation/check.js';

/** What is heard of a client's calls, as the client hears of it. */
export interface Ear {
  /** A unary call was answered; with when it was sent, by the monotonic clock. A call that was given up is never heard of. */
  answered(outcome: Outcome, sentMs: number): void;
  /** A stream of messages broke; its client did not end it. */
  broke(method: string, error: unknown): void;
  /** A call goes out. */
  sent(method: string): void;
}

/** The real way to a real server, with an ear on it. */
export class HeardChannel implements Channel {
  private readonly inner: GrpcChannel;

  constructor(
    server: string,
    private readonly ear: Ear,
  ) {
    this.inner = new GrpcChannel(server);
  }

  get host(): string | undefined {
    return this.inner.host;
  }

  async unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): Promise<Response> {
    const { metadata } = call;
    const sentMs = performance.now();
    const about = { method: nameOf(method), request, metadata };
    this.ear.sent(about.method);
    try {
      const response = await this.inner.unary(method, request, call);
      this.ear.answered({ ...about, response, error: undefined }, sentMs);
      return response;
    } catch (error) {
      if (error instanceof SwitchyardError && !call.signal.aborted) {
        this.ear.answered({ ...about, response: undefined, error }, sentMs);
      }
      throw error;
    }
  }

  async *serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncGenerator<Response, void, undefined> {
    this.ear.sent(nameOf(method));
    try {
      yield* this.inner.serverStream(method, request, call);
    } catch (error) {
      if (!call.signal.aborted) this.ear.broke(nameOf(method), error);
      throw error;
    }
  }

  duplex<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    call: Call,
  ): AsyncIterable<Response> {
    return this.inner.duplex(method, requests, call);
  }

  hold(): () => void {
    return this.inner.hold();
  }

  close(): void {
    this.inner.close();
  }
}

function nameOf({ path }: { readonly path: string }): string {
  return path.split('/').at(-1)!;
}
