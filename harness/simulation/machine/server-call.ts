import { EventEmitter } from 'node:events';
import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { CallStatus } from '../../../src/client/error.js';
import type { AnswerFate } from '../../../src/grpc/http2/answer-fates.js';
import type { Asked, Callee, Caller } from './connection.js';
import type { Process } from './process.js';

/** A stream that has so much under way waits until its client has taken some. A message may go over it. */
const WINDOW_BYTES = 4_096;
const DETAILS = 'grpc-status-details-bin';

/** What a handler of grpc-js ends a call with. */
export type Ending = Partial<StatusObject> | null;

/** Hears what a server says, in the moment in which it says it. */
export interface Ear {
  /** One message of a call, as the service handed it over, and as it goes out. */
  wrote(message: unknown, bytes: Uint8Array): void;
  /** The call is over: with what the server said, or (undefined) because the client is gone. */
  ended(said: CallStatus | undefined): void;
}

/**
 * A call as grpc-js hands it to a handler, as much of it as the services use: `write` calls back when flow control has let
 * the message go, `'cancelled'` comes once when the call is over, however it ends, and after that nothing calls back.
 */
export class ServerCall extends EventEmitter implements Callee, AnswerFate {
  readonly metadata = new Metadata();
  cancelled = false;
  /** Monotonic time since which the client's window is shut and a message waits. */
  blockedSinceMs: number | undefined;
  protected over = false;
  private lost: (() => void) | undefined;
  /** Whether a message waits for the client's window. */
  protected get isBlocked(): boolean {
    return this.waiting !== undefined;
  }

  /** The client is gone, or does not want the answer any more, and has not got it. */
  isLost = false;
  private readonly deadlineMs: number;
  private underway = 0;
  private waiting: { readonly message: unknown; readonly bytes: Uint8Array; readonly done: () => void } | undefined;

  constructor(
    readonly asked: Asked,
    readonly request: unknown,
    private readonly serialize: (message: unknown) => Uint8Array,
    protected readonly caller: Caller,
    protected readonly process: Process,
    private readonly ear: Ear,
  ) {
    super();
    for (const [key, value] of Object.entries(asked.metadata)) this.metadata.set(key, value);
    this.on('error', (error: Ending) => this.finish(error));
    this.deadlineMs = process.clock.nowMs() + (asked.timeoutMs ?? Number.POSITIVE_INFINITY);
    if (asked.timeoutMs !== undefined) process.clock.after(asked.timeoutMs, () => this.expire());
  }

  /** By the wall clock, as that of grpc-js. */
  getDeadline(): number {
    const { clock } = this.process;
    return clock.wallMs() + this.deadlineMs - clock.nowMs();
  }

  onLost(lost: () => void): void {
    this.lost = lost;
  }

  getPath(): string {
    return this.asked.path;
  }

  getPeer(): string {
    return this.asked.peer;
  }

  /** Answers a unary call. */
  readonly answer = (error: Ending, message?: unknown): void => {
    if (this.over || !this.process.isAlive) return;
    if (error === null) this.send(message, this.serialize(message));
    this.finish(error);
  };

  /** Sends the headers of a stream, which nothing here looks at. */
  sendMetadata(): void {}

  /** Writes one message of a stream. */
  write(message: unknown, done: () => void = () => {}): boolean {
    if (this.over) return false;
    const bytes = this.serialize(message);
    if (this.waiting !== undefined) throw new Error('a second write is in flight');
    this.waiting = { message, bytes, done };
    this.flush();
    return this.waiting === undefined;
  }

  /** Ends a stream with success. */
  end(): void {
    this.finish(null);
  }

  cancel(): void {
    this.process.perform(() => this.lose());
  }

  protected lose(): void {
    if (this.over) return;
    this.over = true;
    this.isLost = true;
    this.ear.ended(undefined);
    this.lost?.();
    this.tellCancelled();
  }

  credit(bytes: number): void {
    this.process.perform(() => {
      this.underway -= bytes;
      this.flush();
    });
  }

  private flush(): void {
    const { waiting } = this;
    if (waiting === undefined || this.over) return;
    if (this.underway >= WINDOW_BYTES) {
      this.blockedSinceMs ??= this.process.clock.nowMs();
      return;
    }
    this.waiting = undefined;
    this.blockedSinceMs = undefined;
    this.send(waiting.message, waiting.bytes);
    this.process.clock.soon(() => {
      if (!this.over) waiting.done();
    });
  }

  private send(message: unknown, bytes: Uint8Array): void {
    if (!this.process.isAlive) return;
    this.underway += bytes.length;
    this.ear.wrote(message, bytes);
    // Who listens may have ended the process in this very moment: then it was never sent.
    if (this.process.isAlive) this.caller.message(bytes);
  }

  private finish(ending: Ending): void {
    if (this.over || !this.process.isAlive) return;
    this.over = true;
    const said = statusOf(ending);
    this.ear.ended(said);
    this.caller.end(said);
    this.process.clock.soon(() => this.tellCancelled());
  }

  private expire(): void {
    if (!this.over) this.finish({ code: status.DEADLINE_EXCEEDED, details: 'deadline exceeded' });
  }

  private tellCancelled(): void {
    this.cancelled = true;
    this.emit('cancelled', 'cancelled');
  }
}

function statusOf(ending: Ending): CallStatus {
  if (ending === null) return { code: status.OK, message: '' };
  const [details] = ending.metadata?.get(DETAILS) ?? [];
  return {
    code: ending.code ?? status.UNKNOWN,
    message: ending.details ?? '',
    details: Buffer.isBuffer(details) ? details : undefined,
  };
}
