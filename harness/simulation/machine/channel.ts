import type { Call, Channel, Method } from '../../../src/client/channel/channel.js';
import { type CallStatus, SwitchyardError } from '../../../src/client/error.js';
import { StatusCode } from '../../../src/client/status.js';
import type { Callee } from './connection.js';
import type { Route } from './network.js';
import type { Process } from './process.js';

/** A client opens its window again when it has read so much, as HTTP/2 does; less than the window of a server's call. */
const CREDIT_BYTES = 2_048;

/** A call that goes both ways has so many bytes of requests under way at most, and one message more. */
const WINDOW_BYTES = 4_096;

/** A call that was sent off. Calling it ends the call. */
interface Sent {
  (): void;
  isOpen(): boolean;
  credit(bytes: number): void;
  push(bytes: Uint8Array): void;
  halfClose(): void;
  /** Resolves when there is room for one more request, or the call is over. */
  room(): Promise<void>;
}

/** Hears of every unary call that was answered, as the client hears of it. */
export type Answered = (path: string, request: unknown, outcome: unknown, metadata: Call['metadata']) => void;

/**
 * The client's way to a simulated server: the real client runs on it as it would on grpc-js.
 *
 * Messages are encoded and decoded by the generated code, deadlines are kept at this end too, and a stream that nobody
 * pulls opens its window no further.
 */
export class SimulatedChannel implements Channel {
  private closed = false;

  constructor(
    private readonly route: Route,
    private readonly process: Process,
    private readonly answered: Answered,
  ) {}

  unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.check(call.signal);
      const settle = (outcome: Response | SwitchyardError) => {
        over();
        this.answered(method.path, request, outcome, call.metadata);
        if (outcome instanceof SwitchyardError) reject(outcome);
        else resolve(outcome);
      };
      let response: Response | undefined;
      const over = this.begin(method, method.requestSerialize(request), call, {
        message: (bytes) => {
          response = method.responseDeserialize(bytes);
        },
        end: (status) => settle(status.code === StatusCode.OK ? response! : SwitchyardError.of(status)),
        aborted: () => {
          over();
          reject(call.signal.reason);
        },
      });
    });
  }

  serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncGenerator<Response, void, undefined> {
    return this.receive(method, method.requestSerialize(request), call);
  }

  duplex<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    call: Call,
  ): AsyncGenerator<Response, void, undefined> {
    return this.receive(method, Buffer.of(), call, (sent) => void this.send(method, requests, sent));
  }

  /** Makes a call of many answers, and reads them one after another. `begun` is handed the call as soon as it is under way. */
  private async *receive<Request, Response>(
    method: Method<Request, Response>,
    request: Uint8Array,
    call: Call,
    begun: (sent: Sent) => void = () => {},
  ): AsyncGenerator<Response, void, undefined> {
    this.check(call.signal);
    const unread: Buffer[] = [];
    let taken = 0;
    let ending: { readonly error: unknown } | undefined;
    let wake = () => {};
    const end = (error: unknown) => {
      ending ??= { error };
      wake();
    };
    const sent = this.begin(method, request, call, {
      message: (bytes) => {
        unread.push(bytes);
        wake();
      },
      end: (status) => end(status.code === StatusCode.OK ? undefined : SwitchyardError.of(status)),
      aborted: () => {
        sent();
        // What is not read any more was never heard, also where the server's end has come already.
        if (unread.length > 0) ending = { error: call.signal.reason };
        unread.length = 0;
        end(call.signal.reason);
      },
    });
    begun(sent);
    try {
      for (;;) {
        const bytes = unread.shift();
        if (bytes !== undefined) {
          taken += bytes.length;
          if (taken >= CREDIT_BYTES) {
            sent.credit(taken);
            taken = 0;
          }
          yield method.responseDeserialize(bytes);
        } else if (ending !== undefined) {
          if (ending.error !== undefined) throw ending.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      sent();
    }
  }

  /** Sends requests one by one, as the window lets them go, and then says that there are no more. */
  private async send<Request, Response>(
    { requestSerialize }: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    sent: Sent,
  ): Promise<void> {
    for await (const request of requests) {
      if (!sent.isOpen()) return;
      sent.push(requestSerialize(request));
      await sent.room();
    }
    sent.halfClose();
  }

  hold(): () => void {
    return () => {};
  }

  close(): void {
    this.closed = true;
  }

  /** Sends a call off. The result ends it, and is called once more than needed without harm. */
  private begin<Request, Response>(
    method: Method<Request, Response>,
    request: Uint8Array,
    call: Call,
    ears: { message(bytes: Buffer): void; end(status: CallStatus): void; aborted(): void },
  ): Sent {
    let open = true;
    let underway = 0;
    let wake = () => {};
    const inProcess = (hear: () => void) =>
      this.process.perform(() => {
        if (open) hear();
      });
    const { timeoutMs } = call;
    const asked = { path: method.path, request, metadata: call.metadata, timeoutMs };
    const callee: Callee = this.route.call(asked, {
      message: (bytes) => inProcess(() => ears.message(bytes as Buffer)),
      taken: (bytes) =>
        inProcess(() => {
          underway -= bytes;
          if (underway < WINDOW_BYTES) wake();
        }),
      end: (status) => inProcess(() => ears.end(status)),
    });
    const deadline =
      timeoutMs === undefined
        ? undefined
        : this.process.clock.after(timeoutMs, () =>
            inProcess(() => ears.end({ code: StatusCode.DEADLINE_EXCEEDED, message: 'deadline exceeded' })),
          );
    call.signal.addEventListener('abort', ears.aborted, { once: true });
    const over = () => {
      if (!open) return;
      open = false;
      wake();
      deadline?.cancel();
      call.signal.removeEventListener('abort', ears.aborted);
      callee.cancel();
    };
    return Object.assign(over, {
      isOpen: () => open,
      credit: (bytes: number) => callee.credit(bytes),
      push: (bytes: Uint8Array) => {
        underway += bytes.length;
        callee.push?.(bytes);
      },
      halfClose: () => {
        if (open) callee.halfClose?.();
      },
      room: async () => {
        while (open && underway >= WINDOW_BYTES) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      },
    });
  }

  private check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.closed) throw new SwitchyardError(StatusCode.CANCELLED, 'the client is closed');
  }
}
