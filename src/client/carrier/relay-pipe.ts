import { Duplex } from 'node:stream';
import { SwitchyardError } from '../error.js';
import type { RelayOptions, RelaySink, RelaySource } from '../relay/relay.js';
import { Reopener, type ReopenerDeps } from './reopener.js';
import { type OpenSource, RepeatingSource } from './repeating-source.js';

/** Bytes of a block: what a stream takes that does not say otherwise. */
const BLOCK_BYTES = 65_536;

/** What a pipe through the server needs. */
export interface RelayPipeDeps extends ReopenerDeps {
  readonly openSource: OpenSource;
  readonly openSink: (options: RelayOptions) => Promise<RelaySink>;
}

/** Two ends that were opened, one each way, and what opens them again. */
export interface RelayEnds {
  readonly source: RelaySource;
  readonly sink: RelaySink;
}

/**
 * Two streams through the server with delivery confirmation, one each way, as one Duplex: bytes in order, each once, through
 * broken calls and restarts of the server. Owns both ends. It errs when a stream stops, or the server stays away.
 */
export class RelayPipe extends Duplex {
  readonly #life = new AbortController();
  readonly #source: RepeatingSource;
  readonly #sink: Promise<RelaySink>;
  readonly #blocks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #ends: RelayEnds | undefined;

  /**
   * `ends`: two that are open. Or both streams are new: they are opened here, the one to send on `at once`, or `with a block`, which
   * saves an end that begins to speak a round trip.
   */
  constructor(
    ends: RelayEnds | 'at once' | 'with a block',
    private readonly deps: RelayPipeDeps,
  ) {
    super();
    const { signal } = this.#life;
    const isNew = typeof ends === 'string';
    this.#ends = isNew ? undefined : ends;
    this.#source = new RepeatingSource(isNew ? ends : ends.source, deps.openSource, new Reopener(deps, signal));
    this.#source.over.catch((error: Error) => this.destroy(error));
    this.#sink = isNew ? openFirst(signal, deps, deps.openSink) : Promise.resolve(ends.sink);
    this.#sink.catch((error: Error) => this.destroy(error));
    this.#blocks = this.#received(this.#sink);
  }

  /** Opens both ends for the first time, however long the server is away meanwhile. */
  static async open(deps: RelayPipeDeps, signal: AbortSignal): Promise<RelayEnds> {
    const [source, sink] = await Promise.all([
      openFirst(signal, deps, deps.openSource),
      openFirst(signal, deps, deps.openSink),
    ]);
    return { source, sink };
  }

  /** Resolves when the other end has taken everything that was written. */
  flush(): Promise<void> {
    return this.#source.flush();
  }

  override _read(): void {
    this.#blocks.next().then(
      ({ done, value }) => this.push(done ? null : value),
      (error: Error) => this.destroy(error),
    );
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#send([bytes]).then(() => done(), done);
  }

  /** What waits goes in as few blocks as can be: TLS writes its records one by one. */
  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: (error?: Error) => void): void {
    this.#send(chunks.map(({ chunk }) => chunk)).then(() => done(), done);
  }

  /** What was written is with the other end, which says itself that its data is complete: how the call ends is of no interest. */
  override _final(done: (error?: Error) => void): void {
    const complete = () => {
      const over = () => done();
      this.#source.finish().then(over, over);
    };
    this.flush().then(complete, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#life.abort(error ?? new Error('this end of the path was closed'));
    this.#ends?.source.close();
    // A sink that has handed out a block waits to be asked for the next one, and a sink of which nobody has read waits, too: neither
    // would hear that it is given up, and each would keep its call, and the process that holds the channel for it.
    const ignore = () => {};
    this.#sink.then((sink) => sink.close(), ignore);
    this.#blocks.return().catch(ignore);
    done(error && withoutStream(error));
  }

  async #send(chunks: readonly Buffer[]): Promise<void> {
    for (const block of blocksOf(chunks)) await this.#source.write(block);
  }

  /** The blocks of one call after the other. */
  async *#received(first: Promise<RelaySink>): AsyncGenerator<Uint8Array, void, undefined> {
    const reopener = new Reopener(this.deps, this.#life.signal);
    for (let sink = await first; ; ) {
      try {
        yield* sink;
        return;
      } catch (error) {
        const { takenBlocks: blocks } = sink;
        sink = await reopener.open((signal) => this.deps.openSink({ signal, blocks }), error);
      }
      if (sink.lostBlocks > 0) throw new Error(`the server has lost ${sink.lostBlocks} blocks of what the peer sent`);
    }
  }
}

/** Opens an end of a new stream, however long the server is away meanwhile. */
function openFirst<End>(
  signal: AbortSignal,
  deps: ReopenerDeps,
  open: (options: RelayOptions) => Promise<End>,
): Promise<End> {
  return new Reopener(deps, signal).open((life) => open({ signal: life, blocks: 0 }));
}

/** What the server says of a stream when it stops those of a connection that is over. */
const STOPPED: ReadonlySet<string | undefined> = new Set(['STREAM_STOPPED', 'STREAM_NOT_FOUND']);

/** The error for a program, which knows a connection and its peer, and of no streams of the relay. */
function withoutStream(error: Error): Error {
  if (!(error instanceof SwitchyardError) || !STOPPED.has(error.reason)) return error;
  return new Error('the server has ended the connection, as it does when the peer leaves', { cause: error });
}

/** The same bytes in blocks of the largest size, the last one excepted. None is empty. */
function* blocksOf(chunks: readonly Buffer[]): Generator<Buffer> {
  const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) yield bytes.subarray(at, at + BLOCK_BYTES);
}
