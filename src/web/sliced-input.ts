import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.js';
import type { Fence } from '../base/fence.js';

/** What the input of a connection stands on. */
export interface SlicedInputDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'soon'>;
  readonly fence: Pick<Fence, 'around'>;
  /** Bytes that node:http parses in one piece. */
  readonly sliceBytes: number;
  /** Whether the peer's address may go on now. If not, `wake` is called in its turn. */
  readonly mayGoOn: (wake: () => void) => boolean;
  /** Counts the time of a slice that was parsed outside such a turn. */
  readonly spent: (ms: number) => void;
}

/**
 * Hands what a connection brings to node:http in slices, while its address may go on and node:http wants more, and reads no
 * more until all of it is handed over. node:http by itself reads 64 KiB and parses all of it before anybody else is served:
 * more than a thousand requests, some 30 ms, and as much again for every other connection of a flood.
 *
 * node:http pauses the socket while a request or an answer is not taken, and throws when it is given bytes all the same. What
 * it is given comes outside the fence around the socket's own events, so there is one around each slice here.
 *
 * The socket must be node:http's already, as it is in a listener of 'connection' that was added after node:http's own.
 */
export class SlicedInput {
  readonly #socket: Socket;
  readonly #deps: SlicedInputDeps;
  /** node:http's listener. */
  readonly #take: (bytes: Buffer) => void;
  readonly #stop: () => void;
  /** Lets the socket be read and end, which it was kept from while something waited. */
  readonly #release: () => void;
  /** What has been read and not handed over. */
  #rest: Buffer | undefined;
  /** Whether node:http wants more: it pauses the socket while a request or an answer is not taken. */
  #isWanted = true;
  /** Whether the next turn of the event loop goes on with the rest. */
  #isPlanned = false;
  readonly #goOnFenced: () => void;
  /**
   * What its address calls in its turn: one more slice, and the others when the next turn of the event loop allows it. In a
   * turn of its own address all of them would be allowed.
   */
  readonly wake: () => void;

  constructor(socket: Socket, deps: SlicedInputDeps) {
    this.#socket = socket;
    this.#deps = deps;
    const [take] = socket.listeners('data') as ((bytes: Buffer) => void)[];
    if (take === undefined) throw new Error('node:http does not listen to the socket');
    this.#take = take.bind(socket);
    const fenced = <A extends readonly unknown[]>(part: (...args: A) => void) =>
      deps.fence.around('web', part, () => socket.destroy());
    this.#goOnFenced = fenced(() => this.#goOn());
    this.wake = fenced(() => {
      this.#hand();
      this.#plan();
    });
    // The first listener besides its own makes node:http read by events, and not from the handle.
    socket.on(
      'data',
      fenced((bytes: Buffer) => this.#read(bytes)),
    );
    socket.off('data', take);
    this.#stop = this.#shadow();
    this.#release = this.#keepFromReading();
    this.#dropOnClose();
  }

  /** Whether the client waits for the server: something is not handed over, or node:http wants no more. */
  get isHeld(): boolean {
    return this.#rest !== undefined || !this.#isWanted;
  }

  /** Whether something waits for the turn of its address, or for the next turn of the event loop. */
  get isBehind(): boolean {
    return this.#mayHand;
  }

  /** Lets node:http resume the socket only while nothing waits here. Answers with the way to pause it all the same. */
  #shadow(): () => void {
    const socket = this.#socket;
    const { pause, resume } = socket;
    socket.pause = () => {
      this.#isWanted = false;
      return pause.call(socket);
    };
    socket.resume = () => {
      this.#isWanted = true;
      if (this.#rest === undefined) return resume.call(socket);
      // Not at once: node:http may be in the midst of a slice.
      this.#plan();
      return socket;
    };
    return () => void pause.call(socket);
  }

  /**
   * Keeps the socket from being read while something waits here, and its end from overtaking that: a paused stream reads once
   * more for its own buffer, and one of TLS may have the end in what it has decrypted already. Answers with the way to let it.
   */
  #keepFromReading(): () => void {
    const socket = this.#socket;
    const { push, _read: read } = socket;
    let sizeDue: number | undefined;
    let isEndDue = false;
    socket._read = (size) => {
      if (this.#rest === undefined) read.call(socket, size);
      else sizeDue = size;
    };
    socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
      isEndDue = chunk === null && (this.#rest !== undefined || socket.readableLength > 0);
      // False stops what the socket reads from.
      return !isEndDue && push.call(socket, chunk, encoding) && this.#rest === undefined;
    };
    return () => {
      // What is in the stream's own buffer comes before its end.
      if (isEndDue && socket.readableLength > 0) return;
      // Later, as it would come: node:http drops what is not answered when the client closes its half.
      if (isEndDue) this.#deps.clock.soon(() => push.call(socket, null));
      else if (sizeDue !== undefined) read.call(socket, sizeDue);
      sizeDue = undefined;
      isEndDue = false;
    };
  }

  /** Drops what waits when the connection is closed after its last answer: it is read to its end then. */
  #dropOnClose(): void {
    const socket = this.#socket;
    const { destroySoon } = socket;
    const drop = () => {
      this.#rest = undefined;
      this.#release();
    };
    socket.destroySoon = () => {
      destroySoon.call(socket);
      // An end that waits comes after what is in the stream's own buffer.
      socket.on('data', drop);
      drop();
      // It was paused while something waited, and nothing that node:http does resumes it now.
      if (!socket.destroyed) socket.resume();
    };
  }

  #read(bytes: Buffer): void {
    this.#rest = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#goOn();
    if (this.#rest !== undefined) this.#stop();
  }

  /** Goes on in the next turn of the event loop, if there is something to go on with. */
  #plan(): void {
    if (this.#isPlanned || !this.#mayHand) return;
    this.#isPlanned = true;
    this.#deps.clock.soon(() => {
      this.#isPlanned = false;
      this.#goOnFenced();
    });
  }

  /** Whether something waits that node:http wants. */
  get #mayHand(): boolean {
    return this.#rest !== undefined && this.#isWanted && !this.#socket.destroyed;
  }

  /** Hands over slices while that is allowed. */
  #goOn(): void {
    const { mayGoOn, spent, clock } = this.#deps;
    while (this.#mayHand && mayGoOn(this.wake)) {
      const fromMs = clock.nowMs();
      this.#hand();
      spent(clock.nowMs() - fromMs);
    }
  }

  /** Hands over one slice. The socket is read again after the last. */
  #hand(): void {
    const bytes = this.#rest;
    if (bytes === undefined || !this.#mayHand) return;
    const { sliceBytes } = this.#deps;
    this.#rest = bytes.length > sliceBytes ? bytes.subarray(sliceBytes) : undefined;
    this.#take(bytes.subarray(0, sliceBytes));
    if (this.#rest !== undefined) return;
    if (!this.#socket.destroyed) this.#release();
    if (this.#isWanted) this.#socket.resume();
  }
}
