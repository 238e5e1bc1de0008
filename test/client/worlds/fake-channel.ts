import type { Call, Channel, Method } from '../../../src/client/channel/channel.js';
import { StatusCode, SwitchyardError } from '../../../src/client/index.js';

/** A call as the fake server saw it. */
export interface SeenCall {
  /** The method's name without its service. */
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the message that it looks at
  readonly request: any;
  readonly call: Call;
}

/** A server stream under a test's hand. */
export class FakeStream {
  readonly #waiting: unknown[] = [];
  #end: { error: unknown } | undefined;
  #wake: () => void = () => {};
  /** How many messages the client has taken. */
  taken = 0;

  constructor(readonly seen: SeenCall) {
    const { signal } = seen.call;
    signal.addEventListener('abort', () => this.#finish(signal.reason), { once: true });
  }

  send(...messages: unknown[]): void {
    this.#waiting.push(...messages);
    this.#wake();
  }

  /** Ends the call: with an error, or without one as with status OK. */
  end(error?: SwitchyardError): void {
    this.#finish(error);
  }

  get open(): boolean {
    return this.#end === undefined;
  }

  async *messages(): AsyncGenerator<unknown, void, undefined> {
    try {
      for (;;) {
        if (this.seen.call.signal.aborted) throw this.seen.call.signal.reason;
        if (this.#waiting.length > 0) {
          this.taken += 1;
          yield this.#waiting.shift();
        } else if (this.#end) {
          if (this.#end.error !== undefined) throw this.#end.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#end ??= { error: undefined };
    }
  }

  #finish(error: unknown): void {
    this.#end ??= { error };
    this.#wake();
  }
}

type Answer = (request: never, seen: SeenCall) => unknown;

/**
 * A server in memory, for tests in virtual time. Unary calls are answered by `answers`; one that has no answer there
 * stays open until it is given up. Server streams wait in `streams` for the test to write to them.
 */
export class FakeChannel implements Channel {
  readonly calls: SeenCall[] = [];
  readonly streams: FakeStream[] = [];
  readonly answers: Record<string, Answer> = {};
  held = 0;
  closed = false;

  /** The calls of one method, in order. */
  named(name: string): SeenCall[] {
    return this.calls.filter((call) => call.name === name);
  }

  /** The latest server stream of a method. */
  stream(name: string): FakeStream {
    const found = this.streams.filter((stream) => stream.seen.name === name).at(-1);
    if (!found) throw new Error(`no ${name} was called`);
    return found;
  }

  unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): Promise<Response> {
    const seen = this.#see(method, request, call);
    const { signal } = call;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      const answer = this.answers[seen.name];
      if (answer)
        new Promise((done) => done(answer(request as never, seen))).then((r) => resolve(r as Response), reject);
    });
  }

  serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncIterable<Response> {
    const stream = new FakeStream(this.#see(method, request, call));
    this.streams.push(stream);
    return stream.messages() as AsyncIterable<Response>;
  }

  duplex<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    call: Call,
  ): AsyncIterable<Response> {
    const stream = new FakeStream(this.#see<unknown, Response>(method as Method<unknown, Response>, requests, call));
    this.streams.push(stream);
    return stream.messages() as AsyncIterable<Response>;
  }

  hold(): () => void {
    this.held += 1;
    return () => {
      this.held -= 1;
    };
  }

  close(): void {
    this.closed = true;
  }

  #see<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): SeenCall {
    const seen = { name: method.path.slice(method.path.lastIndexOf('/') + 1), request, call };
    this.calls.push(seen);
    return seen;
  }
}

/** An error as a server would send it. */
export function refusal(reason: string, code: StatusCode, retryAfterMs?: number): SwitchyardError {
  return new SwitchyardError(code, `refused with ${reason}`, { reason, retryAfterMs });
}

/** The server is away. */
export const away = () => new SwitchyardError(StatusCode.UNAVAILABLE, 'connection refused');
