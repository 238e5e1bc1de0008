import type { Call, Channel, Method } from './channel.js';

/** A way to one network of a server: every call says which. The channel is closed with it. */
export class NetworkChannel implements Channel {
  readonly network: string;
  readonly #channel: Channel;

  constructor(channel: Channel, network: string) {
    this.#channel = channel;
    this.network = network;
  }

  get host(): string | undefined {
    return this.#channel.host;
  }

  leafKeyId(): Uint8Array | undefined {
    return this.#channel.leafKeyId?.();
  }

  unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): Promise<Response> {
    return this.#channel.unary(method, request, this.#here(call));
  }

  serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncIterable<Response> {
    return this.#channel.serverStream(method, request, this.#here(call));
  }

  duplex<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    call: Call,
  ): AsyncIterable<Response> {
    return this.#channel.duplex(method, requests, this.#here(call));
  }

  hold(): () => void {
    return this.#channel.hold();
  }

  moveOn(error: unknown): boolean {
    return this.#channel.moveOn?.(error) ?? false;
  }

  learn(servers: readonly string[]): void {
    this.#channel.learn?.(servers);
  }

  close(): void {
    this.#channel.close();
  }

  #here(call: Call): Call {
    return { ...call, metadata: { ...call.metadata, 'switchyard-network': this.network } };
  }
}
