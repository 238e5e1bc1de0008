import { EventEmitter } from 'node:events';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Clock } from '../base/clock.js';
import { Fault, type FieldViolation } from '../core/model/fault.js';
import type { FairTurns } from '../fair/fair-turns.js';
import { originOfPeer } from '../shares/origin.js';
import { TRACEPARENT } from '../tracing/traceparent.js';
import type { Tracer } from '../tracing/tracer.js';
import type { CallEnded } from './call-end.js';
import { OWN_SERVICES, startLocalSpan } from './call-span.js';
import type { AnswerFate } from './http2/answer-fates.js';
import { toError, withDetails } from './status.js';

/** A call that another door of this process passes on. */
export interface LocalCallRequest {
  /** `/switchyard.v1.NetworkService/GetNode`. */
  readonly path: string;
  /** The encoded request message. */
  readonly request: Uint8Array;
  /** ADDRESS:PORT of whoever really calls, by which shares, turns and watches count it. */
  readonly peer: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Which door passes it on, for its span. */
  readonly door: 'console' | 'web';
}

/** How a call ended. */
export interface LocalStatus {
  /** As gRPC numbers them; 0 is success. */
  readonly code: number;
  readonly message: string;
  /** An encoded google.rpc.Status; empty on success. */
  readonly details: Uint8Array;
}

/** Who gets what comes of a call. */
export interface LocalReceiver {
  /**
   * One encoded message. `taken` is to be called when it has left: the next one of a watch is only made then, and what was
   * made for a caller is taken back when the call is cancelled before.
   */
  message(bytes: Uint8Array, taken: () => void): void;
  /** Its metadata has a valid credential. */
  vouched?(): void;
  /** Called once, last; not after a call was cancelled. */
  end(status: LocalStatus): void;
}

/** How grpc-js and the handlers have an end in their different types. */
interface AnyStatus {
  readonly code?: status | null | undefined;
  readonly details?: string | null | undefined;
  readonly metadata?: Metadata | null | undefined;
}

/** A method of the services, with what carries it out. */
interface LocalMethod {
  readonly definition: MethodDefinition<unknown, unknown>;
  readonly handler: UntypedServiceImplementation[string];
}

/** What calls from inside stand on. */
export interface LocalCallsDeps {
  /** Lets go of what calls of a connection leave behind. */
  disconnected(connection: string): void;
  /** Whose turn it is: calls wait for theirs as those on the port do. */
  readonly turns: Pick<FairTurns, 'enter' | 'keyOf'>;
  /** Tells of what was thrown in a call of that path. Answers with what the caller is told. */
  failed(path: string, error: unknown): Fault;
  /** By what it is measured how long a call takes. */
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Told once of each call, when it is over: refused, answered, or given up by its caller. */
  ended(call: Pick<LocalCallRequest, 'path' | 'peer'>, ...how: Parameters<CallEnded>): void;
  /** Where their spans go; absent where nobody collects them. */
  readonly tracer?: Tracer | undefined;
}

/**
 * Calls of the gRPC services from inside the process, without HTTP/2: bytes in, bytes out, and the same handlers, promises
 * and refusals as on the port. Unary calls and watches; calls both ways are refused.
 */
export class LocalCalls {
  readonly #methods = new Map<string, LocalMethod>();
  readonly #deps: LocalCallsDeps;

  constructor(deps: LocalCallsDeps) {
    this.#deps = deps;
  }

  /** Offers the methods of a service. */
  add(definition: ServiceDefinition, service: UntypedServiceImplementation): void {
    for (const [name, method] of Object.entries(definition)) {
      this.#methods.set(method.path, { definition: method, handler: service[name] });
    }
  }

  /** Begins a call, at once or when it is its address's turn. Answers with the way to cancel it. */
  open(wanted: LocalCallRequest, receiver: LocalReceiver): () => void {
    const { clock, ended } = this.#deps;
    const fromMs = clock.nowMs();
    let isOver = false;
    const over = (code: status) => {
      // Its caller may give up what has ended.
      if (isOver) return;
      isOver = true;
      ended(wanted, code, clock.nowMs() - fromMs);
    };
    const cancel = this.#openTraced(wanted, {
      message: (bytes, taken) => receiver.message(bytes, taken),
      vouched: () => receiver.vouched?.(),
      end: (told) => {
        over(told.code);
        receiver.end(told);
      },
    });
    return () => {
      over(status.CANCELLED);
      cancel();
    };
  }

  #openTraced(wanted: LocalCallRequest, receiver: LocalReceiver): () => void {
    const { tracer } = this.#deps;
    if (tracer === undefined || !wanted.path.startsWith(OWN_SERVICES)) return this.#open(wanted, receiver);
    const { path, door, metadata } = wanted;
    const span = startLocalSpan({ path, door, parent: metadata[TRACEPARENT] }, tracer);
    const cancel = this.#open(
      { ...wanted, metadata: { ...metadata, [TRACEPARENT]: span.traceparent } },
      {
        message: (bytes, taken) => {
          span.end(status.OK);
          receiver.message(bytes, taken);
        },
        vouched: () => receiver.vouched?.(),
        end: (told) => {
          span.end(told.code);
          receiver.end(told);
        },
      },
    );
    return () => {
      span.end(status.CANCELLED);
      cancel();
    };
  }

  #open(wanted: LocalCallRequest, receiver: LocalReceiver): () => void {
    const call = new LocalCall(wanted, receiver, (error) => this.#deps.failed(wanted.path, error));
    const wrong = Fault.fields(violationsOf(wanted.metadata));
    const method = this.#methods.get(wanted.path);
    if (wrong !== undefined) call.fail(toError(wrong));
    else if (method === undefined) {
      call.fail(toError(new Fault('UNIMPLEMENTED', `there is no method ${JSON.stringify(wanted.path.slice(0, 100))}`)));
    } else if (method.definition.requestStream) {
      call.fail(toError(new Fault('UNIMPLEMENTED', `${wanted.path} goes both ways, and is only offered over gRPC`)));
    } else this.#inTurn(call, wanted.peer, method);
    return () => call.cancel();
  }

  #inTurn(call: LocalCall, peer: string, method: LocalMethod): void {
    const { turns } = this.#deps;
    const refusal = turns.enter(turns.keyOf(originOfPeer(peer)), () => {
      if (!call.cancelled) call.run(method);
    });
    if (refusal !== undefined) call.fail(toError(refusal));
  }

  /** Whoever called as this peer is gone: nothing counts as its connection's any more. */
  left(peer: string): void {
    this.#deps.disconnected(peer);
  }
}

/** What a value of metadata has to be; anything else makes grpc-js throw. */
const VALUE = /^[\x20-\x7e]*$/;

function violationsOf(metadata: LocalCallRequest['metadata']): FieldViolation[] {
  return (
    Object.entries(metadata)
      // A malformed one counts as none.
      .filter(([name, value]) => name !== TRACEPARENT && !VALUE.test(value))
      .map(([field]) => ({ field, description: 'its value has characters other than printable ASCII' }))
  );
}

/**
 * What handlers see of a call, with a receiver in the place of HTTP/2; it knows itself what becomes of its answer. What is thrown
 * while it begins, answers or ends is its own fault, and nobody else's.
 */
export class LocalCall extends EventEmitter implements AnswerFate {
  readonly metadata = new Metadata();
  request: unknown;
  cancelled = false;
  readonly #wanted: LocalCallRequest;
  readonly #receiver: LocalReceiver;
  readonly #failed: (error: unknown) => Fault;
  #serialize: (message: unknown) => Uint8Array = () => new Uint8Array();
  #isOver = false;
  #isTaken = false;
  #isLost = false;
  #lost: (() => void) | undefined;

  constructor(wanted: LocalCallRequest, receiver: LocalReceiver, failed: (error: unknown) => Fault) {
    super();
    this.#wanted = wanted;
    this.#receiver = receiver;
    this.#failed = failed;
    for (const [key, value] of Object.entries(wanted.metadata)) {
      if (VALUE.test(value)) this.metadata.set(key, value);
    }
    // How handlers of streams refuse and end.
    this.on('error', (error: AnyStatus) => this.fail(error));
  }

  getPath(): string {
    return this.#wanted.path;
  }

  /** For a handler: the caller has proved who it is. */
  vouch(): void {
    this.#receiver.vouched?.();
  }

  /** Headers are for calls over HTTP/2: here the first message says that the call stands. */
  sendMetadata(): void {}

  /** Whoever passes it on cancels it in time. */
  getDeadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  onLost(lost: () => void): void {
    this.#lost = lost;
  }

  getPeer(): string {
    return this.#wanted.peer;
  }

  run({ definition, handler }: LocalMethod): void {
    this.#serialize = definition.responseSerialize;
    try {
      this.request = definition.requestDeserialize(Buffer.from(this.#wanted.request));
    } catch (error) {
      const details = `Error deserializing request: ${(error as Error).message}`;
      this.fail(withDetails({ code: status.INTERNAL, details }));
      return;
    }
    // The handlers are ours, and use of a call no more than this class has.
    this.#guard(() => {
      if (definition.responseStream) {
        const begin = handler as handleServerStreamingCall<unknown, unknown>;
        begin(this as unknown as ServerWritableStream<unknown, unknown>);
      } else {
        const answer = handler as handleUnaryCall<unknown, unknown>;
        answer(this as unknown as ServerUnaryCall<unknown, unknown>, (error, message) =>
          this.#guard(() => this.#answer(error, message)),
        );
      }
    });
  }

  /** For a handler: one message of a stream. Of one that is over nothing is passed on, as grpc-js does it. */
  write(message: unknown, written: () => void): void {
    if (!this.#isOver) this.#receiver.message(this.#serialize(message), written);
  }

  /** For a handler: the stream has ended well. */
  end(): void {
    this.#finish({ code: status.OK, message: '', details: new Uint8Array() });
  }

  fail({ code, details, metadata }: AnyStatus): void {
    const [bytes] = metadata?.get('grpc-status-details-bin') ?? [];
    const told = { code: code ?? status.UNKNOWN, message: details ?? '' };
    this.#finish({ ...told, details: bytes instanceof Uint8Array ? bytes : new Uint8Array() });
  }

  cancel(): void {
    if (!this.#isTaken && !this.#isLost) {
      this.#isLost = true;
      this.#lost?.();
    }
    if (this.#isOver) return;
    this.#isOver = true;
    this.cancelled = true;
    this.emit('cancelled');
  }

  #answer(error: AnyStatus | null, message: unknown): void {
    if (error !== null) this.fail(error);
    else if (!this.#isOver) {
      this.#receiver.message(this.#serialize(message), () => {
        this.#isTaken = true;
      });
      this.end();
    }
  }

  #finish(ended: LocalStatus): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#guard(() => this.#receiver.end(ended));
    // As when an HTTP/2 stream closes, however it ends: whoever reads for this call lets go.
    this.cancelled = true;
    this.#guard(() => this.emit('cancelled'));
  }

  /** What a part of it throws ends this call, if it is not over yet. */
  #guard(part: () => void): void {
    try {
      part();
    } catch (error) {
      this.fail(toError(this.#failed(error)));
    }
  }
}
