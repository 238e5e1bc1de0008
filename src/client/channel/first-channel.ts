import { SwitchyardError } from '../error.js';
import { LIMITS } from '../limits.js';
import type { Call, Channel, Method } from './channel.js';
import type { ServerChannel } from './channel-pool.js';
import { ProcessHold } from './process-hold.js';

/**
 * A way to one of several servers: to the first to which a connection can be made, in their order, and then to no other.
 *
 * What was found out about the server is true of every call, as long as its channel makes one connection in its life. So another server
 * is taken only where {@link leave} is asked for it, before anything was found out.
 */
export class FirstChannel implements Channel {
  readonly #addresses: readonly string[];
  readonly #make: (address: string) => ServerChannel;
  readonly #open = new Map<string, ServerChannel>();
  readonly #hold = new ProcessHold();
  /** Addresses that were left since all were. */
  readonly #left = new Set<string>();
  #here: string | undefined;
  #isClosed = false;

  /** At least one address. */
  constructor(addresses: readonly string[], make: (address: string) => ServerChannel) {
    this.#addresses = addresses;
    this.#make = make;
  }

  get host(): string | undefined {
    return this.#to(this.#here ?? this.#addresses[0]).host;
  }

  leafKeyId(): Uint8Array | undefined {
    return this.#here === undefined ? undefined : this.#to(this.#here).leafKeyId?.();
  }

  async unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): Promise<Response> {
    const channel = await this.#enter(call.signal);
    return channel.unary(method, request, call).catch((error: unknown) => this.#failed(error));
  }

  async *serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncGenerator<Response, void, undefined> {
    const channel = await this.#enter(call.signal);
    try {
      yield* channel.serverStream(method, request, call);
    } catch (error) {
      this.#failed(error);
    }
  }

  async *duplex<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    call: Call,
  ): AsyncGenerator<Response, void, undefined> {
    const channel = await this.#enter(call.signal);
    try {
      yield* channel.duplex(method, requests, call);
    } catch (error) {
      this.#failed(error);
    }
  }

  hold(): () => void {
    return this.#hold.take();
  }

  /** Leaves the server for the next one. False: all were left, and the next call begins with the first again. */
  leave(): boolean {
    if (this.#isClosed) return false;
    const left = this.#here;
    if (left !== undefined) {
      this.#here = undefined;
      this.#left.add(left);
      this.#open.get(left)?.close();
      this.#open.delete(left);
    }
    if (this.#left.size < this.#addresses.length) return true;
    this.#left.clear();
    return false;
  }

  close(): void {
    this.#isClosed = true;
    this.#hold.close();
    for (const address of this.#addresses) this.#to(address).close();
  }

  async #enter(signal: AbortSignal): Promise<Channel> {
    const next = this.#addresses.filter((address) => !this.#left.has(address));
    for (const address of next) {
      if (this.#here !== undefined) break;
      const isThere = await this.#to(address).ready(signal, LIMITS.connectMs);
      signal.throwIfAborted();
      if (isThere) this.#here ??= address;
    }
    // Where none is there, the call to the first of them says why.
    this.#here ??= next[0] ?? this.#addresses[0];
    return this.#to(this.#here);
  }

  /** An error of several servers says which of them it was. */
  #failed(error: unknown): never {
    const { length } = this.#addresses;
    if (length > 1 && this.#here !== undefined && error instanceof SwitchyardError) error.madeTo(this.#here);
    throw error;
  }

  #to(address: string): ServerChannel {
    const known = this.#open.get(address);
    if (known !== undefined) return known;
    const channel = this.#make(address);
    this.#open.set(address, channel);
    return channel;
  }
}
