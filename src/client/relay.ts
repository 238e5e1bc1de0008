import type { Stream } from '../../gen/switchyard/v1/stream.js';
import { RelayRequest, type RelayResponse, StreamServiceService } from '../../gen/switchyard/v1/stream_service.js';
import type { Caller } from './caller.js';
import { SwitchyardError } from './error.js';
import { Handover } from './handover.js';
import { Scope } from './scope.js';
import { StatusCode } from './status.js';

/** What a caller may say about an end of a stream. */
export interface RelayOptions {
  /** Lets go of the end, whose reads and writes then reject with the signal's reason. The stream stays. */
  readonly signal?: AbortSignal | undefined;
}

/** One Relay call: what both ends of a stream are made of. */
interface RelayCall {
  readonly stream: Stream;
  /** Blocks that the end's earlier calls confirmed. */
  readonly confirmedBlocks: number;
  readonly requests: Handover<RelayRequest>;
  readonly responses: AsyncIterator<RelayResponse>;
  readonly scope: Scope;
  /** The call is over: nothing keeps the process alive for it any more. */
  readonly release: () => void;
}

/** Calls Relay as one end of a stream. Rejects when the server refuses it. */
async function callRelay(caller: Caller, id: number, { signal }: RelayOptions): Promise<RelayCall> {
  const scope = new Scope(signal, caller.life);
  const freeChannel = caller.channel.hold();
  const requests = new Handover<RelayRequest>();
  const release = () => {
    requests.abandon();
    scope.release();
    freeChannel();
  };
  try {
    const metadata = await caller.credentials(scope.signal);
    void requests.push(RelayRequest.fromPartial({ open: { id } }));
    const call = { metadata, signal: scope.signal };
    const responses = caller.channel.duplex(StreamServiceService.relay, requests, call)[Symbol.asyncIterator]();
    const first = await responses.next().catch((error: unknown) => {
      if (error instanceof SwitchyardError) caller.failed(error, metadata);
      throw error;
    });
    const stream = first.done ? undefined : first.value.opened?.stream;
    if (stream === undefined) throw new SwitchyardError(StatusCode.DATA_LOSS, 'Relay did not begin with `opened`');
    return { stream, confirmedBlocks: Number(first.value!.confirmedBlocks), requests, responses, scope, release };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * The end of a stream that data goes into.
 *
 * Nothing is repeated by itself: when the call breaks, `ended` and every write say so, and opening the stream again
 * goes on with it. With delivery confirmation `confirmedBlocks` says what need not be sent again.
 */
export class RelaySource {
  /** The stream as it was when this end was opened. */
  readonly stream: Stream;
  /** Resolves when it is over: undefined when all sinks have all data, otherwise why. Never rejects. */
  readonly ended: Promise<unknown>;
  /** How many blocks of the stream every sink has confirmed; only where the stream asks for delivery confirmation. */
  confirmedBlocks = 0;
  #over: { readonly error: unknown } | undefined;

  private constructor(private readonly call: RelayCall) {
    this.stream = call.stream;
    this.confirmedBlocks = call.confirmedBlocks;
    this.ended = this.#listen().then((error) => {
      this.#over = { error };
      call.release();
      return error;
    });
  }

  /** Opens a stream of one's own, by its id. Rejects when it is not there, or not one's own. */
  static async open(caller: Caller, id: number, options: RelayOptions = {}): Promise<RelaySource> {
    return new RelaySource(await callRelay(caller, id, options));
  }

  /** Sends a block. Resolves when there is room for the next: whoever waits for it goes as fast as the slowest sink. */
  async write(block: Uint8Array): Promise<void> {
    this.#check();
    await this.call.requests.push(RelayRequest.fromPartial({ block: Buffer.from(block) }));
    this.#check();
  }

  /** Says that there is no more data. Resolves when every sink has all of it. */
  async finish(): Promise<void> {
    this.call.requests.end();
    const error = await this.ended;
    if (error !== undefined) throw error;
  }

  /** Lets go at once. The stream stays, and can be opened again. */
  close(): void {
    this.call.scope.abort(new SwitchyardError(StatusCode.CANCELLED, 'this end of the stream was closed'));
  }

  #check(): void {
    if (this.#over === undefined) return;
    throw this.#over.error ?? new SwitchyardError(StatusCode.FAILED_PRECONDITION, 'the data of this end is complete');
  }

  async #listen(): Promise<unknown> {
    const { responses } = this.call;
    try {
      for (;;) {
        const next = await responses.next();
        if (next.done) return undefined;
        this.confirmedBlocks = Number(next.value.confirmedBlocks);
      }
    } catch (error) {
      return error;
    }
  }
}

/**
 * The end of a stream that data comes out of, block by block, to be read by one `for await`.
 *
 * A block counts as taken, and is confirmed where the stream asks for that, when the next one is asked for. Whoever
 * does not ask holds the source up, and is cut off by the server after its bound. The loop ends after the last block,
 * and throws when the stream stops or the call breaks; opening it again goes on after what was taken.
 */
export class RelaySink implements AsyncIterable<Uint8Array> {
  /** The stream as it was when this end was opened. */
  readonly stream: Stream;
  /** How many blocks of the stream were taken, those of earlier calls included. */
  takenBlocks: number;

  private constructor(private readonly call: RelayCall) {
    this.stream = call.stream;
    this.takenBlocks = call.confirmedBlocks;
  }

  /** Opens a branch that leads here, by its id. Rejects when it is not there, or leads elsewhere. */
  static async open(caller: Caller, id: number, options: RelayOptions = {}): Promise<RelaySink> {
    return new RelaySink(await callRelay(caller, id, options));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const { requests, responses } = this.call;
    try {
      for (;;) {
        const next = await responses.next();
        if (next.done) return;
        yield next.value.block;
        this.takenBlocks += 1;
        if (this.stream.params?.deliveryConfirmation) {
          await requests.push(RelayRequest.fromPartial({ confirmedBlocks: BigInt(this.takenBlocks) }));
        }
      }
    } finally {
      this.close();
    }
  }

  /** Lets go at once. The stream stays, and can be opened again. */
  close(): void {
    const { scope, release } = this.call;
    scope.abort(new SwitchyardError(StatusCode.CANCELLED, 'this end of the stream was closed'));
    release();
  }
}
