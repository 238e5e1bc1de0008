import type { Stream } from '../../../gen/switchyard/v1/stream.js';
import { RelayRequest, type RelayResponse } from '../../../gen/switchyard/v1/stream_service.js';
import type { Clock } from '../../base/clock.js';
import { showAgain } from '../channel/call.js';
import { callSpan } from '../channel/call-span.js';
import type { Caller } from '../channel/caller.js';
import { Handover } from '../connection/handover.js';
import { SwitchyardError } from '../error.js';
import { Scope } from '../instance/scope.js';
import { StatusCode } from '../status.js';
import { blockRequest, RELAY } from './relay-codec.js';

/** What a caller may say about an end of a stream. */
export interface RelayOptions {
  /** Lets go of the end, whose reads and writes then reject with the signal's reason. The stream stays. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Where this end stands, counted from the stream's first block, so that it goes on there after a broken call or a restart of
   * the server. A source says with delivery confirmation its `confirmedBlocks`, and then writes again what comes after the
   * `confirmedBlocks` of the new end; without, its `sentBlocks`. A sink says its `takenBlocks`. Absent: it goes on where the
   * server stands.
   */
  readonly blocks?: number | undefined;
  /**
   * Blocks that a source sends with its opening, before the server has answered: a round trip is saved. Only where nothing was sent
   * on the stream before, since nobody knows else which of them the sinks have.
   */
  readonly first?: readonly Uint8Array[] | undefined;
  /** The W3C `traceparent` that the opening belongs to. Absent: the program's active span, where it records any. */
  readonly traceparent?: string | undefined;
}

/** One Relay call: what both ends of a stream are made of. */
interface RelayCall {
  readonly stream: Stream;
  readonly channel: bigint;
  /** Blocks that the end's earlier calls confirmed, and those that are lost after these. */
  readonly confirmedBlocks: number;
  readonly lostBlocks: number;
  readonly requests: Handover<RelayRequest>;
  readonly responses: AsyncIterator<RelayResponse>;
  readonly scope: Scope;
  /** The call is over: nothing keeps the process alive for it any more. */
  readonly release: () => void;
}

/** Calls Relay as one end of a stream, once more where the caller had yet to show itself. Rejects when the server refuses it. */
async function callRelay(caller: Caller, id: number, options: RelayOptions): Promise<RelayCall> {
  try {
    return await callRelayOnce(caller, id, options);
  } catch (error) {
    if (!(await showAgain(caller, error, options.signal ?? caller.life))) throw error;
    return callRelayOnce(caller, id, options);
  }
}

async function callRelayOnce(caller: Caller, id: number, options: RelayOptions): Promise<RelayCall> {
  const { signal, blocks, first: early = [] } = options;
  const scope = new Scope(signal, caller.life);
  const freeChannel = caller.channel.hold();
  const requests = new Handover<RelayRequest>();
  const release = () => {
    requests.abandon();
    scope.release();
    freeChannel();
  };
  const span = callSpan(caller, RELAY.path, options.traceparent);
  try {
    const metadata = { ...(await caller.credentials(scope.signal)), ...span.metadata };
    const open = { id, blocks: blocks === undefined ? undefined : BigInt(blocks) };
    void requests.push(RelayRequest.fromPartial({ open }));
    for (const block of early) void requests.push(blockRequest(block));
    const call = { metadata, signal: scope.signal };
    const responses = caller.channel.duplex(RELAY, requests, call)[Symbol.asyncIterator]();
    const first = await responses.next().catch((error: unknown) => {
      if (error instanceof SwitchyardError) caller.failed(error, metadata);
      throw error;
    });
    const { opened = undefined, confirmedBlocks = 0n, lostBlocks = 0n } = first.done ? {} : first.value;
    if (!opened?.stream) throw new SwitchyardError(StatusCode.DATA_LOSS, 'Relay did not begin with `opened`');
    span.done();
    const counts = { confirmedBlocks: Number(confirmedBlocks), lostBlocks: Number(lostBlocks) };
    return { stream: opened.stream, channel: opened.channel, ...counts, requests, responses, scope, release };
  } catch (error) {
    span.failed(error);
    release();
    throw error;
  }
}

/**
 * The end of a stream that data goes into.
 *
 * Nothing is repeated by itself: when the call breaks, `ended` and every write say so, and opening the stream again
 * goes on with it. `blocks` of {@link RelayOptions} says what need not be sent again.
 */
export class RelaySource {
  /** The stream as it was when this end was opened. */
  readonly stream: Stream;
  /** Resolves when it is over: undefined when all sinks have all data, otherwise why. Never rejects. */
  readonly ended: Promise<unknown>;
  /** How many blocks of the stream every sink has confirmed; only where the stream asks for delivery confirmation. */
  confirmedBlocks: number;
  /** How many blocks of the stream were sent: those that it was opened with, and those that were written since. */
  sentBlocks: number;
  /** Which channel of the server it is an end of: another number after a restart. 0: a server before 0.2.0. */
  readonly channel: bigint;
  /** Called with `confirmedBlocks` each time that it has grown. */
  onConfirmed: ((blocks: number) => void) | undefined;
  #over: { readonly error: unknown } | undefined;

  private constructor(
    private readonly call: RelayCall,
    { blocks = 0, first = [] }: RelayOptions,
  ) {
    this.stream = call.stream;
    this.channel = call.channel;
    this.confirmedBlocks = call.confirmedBlocks;
    this.sentBlocks = (this.stream.params?.deliveryConfirmation ? call.confirmedBlocks : blocks) + first.length;
    this.ended = this.#listen().then((error) => {
      this.#over = { error };
      call.release();
      return error;
    });
  }

  /** Opens a stream of one's own, by its id. Rejects when it is not there, or not one's own. */
  static async open(caller: Caller, id: number, options: RelayOptions = {}): Promise<RelaySource> {
    return new RelaySource(await callRelay(caller, id, options), options);
  }

  /**
   * Sends a block of at least 1 byte. Resolves when there is room for the next: whoever waits for it goes as fast as the
   * slowest sink. `isOwned`: nobody changes the block any more, so that it need not be copied.
   */
  async write(block: Uint8Array, isOwned = false): Promise<void> {
    this.#check();
    if (block.length === 0) throw new SwitchyardError(StatusCode.INVALID_ARGUMENT, 'a block has at least 1 byte');
    this.sentBlocks += 1;
    // Copied: it is sent later, and its caller may change it meanwhile.
    await this.call.requests.push(blockRequest(isOwned ? block : Buffer.from(block)));
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
        this.onConfirmed?.(this.confirmedBlocks);
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
  /** How many blocks of the stream were taken, those of earlier calls and those that are lost included. */
  takenBlocks: number;
  /** How many blocks were lost, of those that this end counts as taken. They are missing before the block that came last. */
  lostBlocks: number;
  /** Which channel of the server it is an end of: another number after a restart. 0: a server before 0.2.0. */
  readonly channel: bigint;
  #isConfirming = false;

  private constructor(
    private readonly call: RelayCall,
    private readonly clock: Clock,
  ) {
    this.stream = call.stream;
    this.channel = call.channel;
    this.takenBlocks = call.confirmedBlocks;
    this.lostBlocks = call.lostBlocks;
  }

  /** Opens a branch that leads here, by its id. Rejects when it is not there, or leads elsewhere. */
  static async open(caller: Caller, id: number, options: RelayOptions = {}): Promise<RelaySink> {
    return new RelaySink(await callRelay(caller, id, options), caller.clock);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const { responses } = this.call;
    try {
      for (;;) {
        const next = await responses.next();
        if (next.done) return;
        const { block, lostBlocks } = next.value;
        this.lostBlocks += Number(lostBlocks);
        this.takenBlocks += Number(lostBlocks);
        // Before the end of the data a loss may come without a block.
        if (block.length === 0 && lostBlocks > 0n) continue;
        yield block;
        this.takenBlocks += 1;
        if (this.stream.params?.deliveryConfirmation) this.#confirmSoon();
      }
    } finally {
      if (this.#isConfirming) await this.#confirmBeforeClose();
      this.close();
    }
  }

  /**
   * Says what this turn has taken, as what is opened again goes on after what was said. It waits for a turn and no longer: a server that
   * reads nothing must not hold up who leaves.
   */
  async #confirmBeforeClose(): Promise<void> {
    void this.#confirm();
    await new Promise<void>((resolve) => this.clock.soon(resolve));
  }

  /**
   * Says what was taken, once for all that this turn of the event loop brings. A word for each block would be two more messages for the
   * server, one from here and one to the source.
   */
  #confirmSoon(): void {
    if (this.#isConfirming) return;
    this.#isConfirming = true;
    this.clock.soon(() => void this.#confirm());
  }

  /** While this waits to be sent, what is taken meanwhile is part of the next. */
  async #confirm(): Promise<void> {
    const said = this.takenBlocks;
    if (this.call.scope.signal.aborted) return;
    await this.call.requests.push(RelayRequest.fromPartial({ confirmedBlocks: BigInt(said) }));
    this.#isConfirming = false;
    if (said < this.takenBlocks) this.#confirmSoon();
  }

  /** Lets go at once. The stream stays, and can be opened again. */
  close(): void {
    const { scope, release } = this.call;
    scope.abort(new SwitchyardError(StatusCode.CANCELLED, 'this end of the stream was closed'));
    release();
  }
}
