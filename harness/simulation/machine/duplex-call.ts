import type { Asked, Caller } from './connection.js';
import type { Process } from './process.js';
import { type Ear, ServerCall } from './server-call.js';

/** How long after the end of what a client says the reset of its call may come: a packet later. */
const RESET_AFTER_END_MS = 10;

/**
 * A call that goes both ways, as grpc-js hands it to a handler: `'data'` for each request while it is not paused, and `'end'`
 * when the client has said all. A call that breaks also ends first, as in Node's HTTP/2, and is cancelled a moment later.
 */
export class DuplexCall extends ServerCall {
  readonly #inbox: Uint8Array[] = [];
  readonly #deserialize: (bytes: Buffer) => unknown;
  #isPaused = true;
  #hasEnded = false;
  #isEndTold = false;
  /** What was written while a message waited for the client's window: as grpc-js, it keeps whatever is written. */
  readonly #unsent: { readonly message: unknown; readonly done: () => void }[] = [];
  /** How much of what was written is not known to be sent. */
  #underway = 0;
  #isEnding = false;

  constructor(
    asked: Asked,
    /** The two ways of the messages. */
    codec: { readonly deserialize: (bytes: Buffer) => unknown; readonly serialize: (message: unknown) => Uint8Array },
    caller: Caller,
    process: Process,
    ear: Ear,
  ) {
    super(asked, undefined, codec.serialize, caller, process, ear);
    this.#deserialize = codec.deserialize;
  }

  /** As a Node stream: whoever listens for data lets it flow. */
  override on(event: string, listener: (...args: never[]) => void): this {
    super.on(event, listener as (...args: unknown[]) => void);
    if (event === 'data') this.process.clock.soon(() => this.resume());
    return this;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#flow();
  }

  override write(message: unknown, done: () => void = () => {}): boolean {
    if (this.over || this.#isEnding) return false;
    this.#underway++;
    if (!this.isBlocked && this.#unsent.length === 0) return super.write(message, () => this.#sent(done));
    this.#unsent.push({ message, done });
    return false;
  }

  /** Ends with success once all that was written is sent, and whoever wrote it knows. */
  override end(): void {
    this.#isEnding = true;
    if (this.#underway === 0) super.end();
  }

  push(bytes: Uint8Array): void {
    this.process.perform(() => {
      this.#inbox.push(bytes);
      this.#flow();
    });
  }

  halfClose(): void {
    this.process.perform(() => this.#end());
  }

  override cancel(): void {
    this.process.perform(() => {
      this.#end();
      this.process.clock.after(RESET_AFTER_END_MS, () => this.lose());
    });
  }

  #sent(done: () => void): void {
    this.#underway--;
    done();
    while (!this.isBlocked && this.#unsent.length > 0) {
      const next = this.#unsent.shift()!;
      super.write(next.message, () => this.#sent(next.done));
    }
    if (this.#isEnding && this.#underway === 0) super.end();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#flow();
  }

  #flow(): void {
    while (!this.#isPaused && !this.over && this.#inbox.length > 0) {
      const bytes = this.#inbox.shift()!;
      this.caller.taken?.(bytes.length);
      this.emit('data', this.#deserialize(Buffer.from(bytes)));
    }
    if (this.#inbox.length > 0 || this.#isPaused || !this.#hasEnded || this.#isEndTold || this.over) return;
    this.#isEndTold = true;
    this.emit('end');
  }
}
