import type { Order } from '../../../gen/switchyard/v1/session.js';
import type { AttachResponse } from '../../../gen/switchyard/v1/session_service.js';
import type { Call, Channel, Method } from '../../../src/client/channel/channel.js';
import { GrpcChannel } from '../../../src/client/channel/grpc-channel.js';

/** A way to the server on which orders lose the peer's addresses: who is ordered to punch finds nobody. */
export class BlindChannel implements Channel {
  /** Whether the next orders lose theirs. */
  isBlind = true;
  /** Changes orders as they come. */
  change: (order: Order) => Order = (order) => order;
  readonly host: string | undefined;
  readonly #inner: GrpcChannel;

  constructor(server: string) {
    this.#inner = new GrpcChannel(server);
    this.host = this.#inner.host;
  }

  unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): Promise<Response> {
    return this.#inner.unary(method, request, call);
  }

  async *serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncIterable<Response> {
    for await (const response of this.#inner.serverStream(method, request, call)) {
      const { order } = response as AttachResponse;
      yield order ? ({ ...response, order: this.change(this.#blinded(order)) } as Response) : response;
    }
  }

  duplex<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    call: Call,
  ): AsyncIterable<Response> {
    return this.#inner.duplex(method, requests, call);
  }

  hold(): () => void {
    return this.#inner.hold();
  }

  close(): void {
    this.#inner.close();
  }

  #blinded(order: Order): Order {
    const { kind } = order;
    if (!this.isBlind || kind?.$case !== 'connection') return order;
    return { ...order, kind: { $case: 'connection', value: { ...kind.value, candidates: [] } } };
  }
}
