import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.js';

/** What the input of a connection stands on. */
export interface SlicedInputDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'soon'>;
  /** Bytes that node:http parses in one piece. */
  readonly sliceBytes: number;
  /** Whether the peer's address may go on now. If not, `wake` is called in its turn. */
  readonly mayGoOn: (wake: () => void) => boolean;
  /** Counts the time of a slice that was parsed outside such a turn. */
  readonly spent: (ms: number) => void;
}

/**
 * Hands what a connection brings to node:http in slices, while its address may go on, and reads no more until all of it is
 * handed over. node:http by itself reads 64 KiB and parses all of it before anybody else is served: more than a thousand
 * requests, some 30 ms, and as much again for every other connection of a flood.
 *
 * The socket must be node:http's already, as it is in a listener of 'connection' that was added after node:http's own.
 */
export class SlicedInput {
  readonly #socket: Socket;
  readonly #deps: SlicedInputDeps;
  /** node:http's listener. */
  readonly #take: (bytes: Buffer) => void;
  readonly #stop: () => void;
  /** What has been read and not handed over. */
  #rest: Buffer | undefined;
  /** Whether node:http wants the socket to be read: it pauses it while a request or an answer is not taken. */
  #isWanted = true;
  /**
   * What its address calls in its turn: one more slice, and the others when the next turn of the event loop allows it. In a
   * turn of its own address all of them would be allowed.
   */
  readonly wake = () => {
    this.#hand();
    this.#deps.clock.soon(() => this.#goOn());
  };

  constructor(socket: Socket, deps: SlicedInputDeps) {
    this.#socket = socket;
    this.#deps = deps;
    const [take] = socket.listeners('data') as ((bytes: Buffer) => void)[];
    if (take === undefined) throw new Error('node:http does not listen to the socket');
    this.#take = take.bind(socket);
    // The first listener besides its own makes node:http read by events, and not from the handle.
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.off('data', take);
    this.#stop = this.#shadow();
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
      return this.#rest === undefined ? resume.call(socket) : socket;
    };
    return () => void pause.call(socket);
  }

  #read(bytes: Buffer): void {
    this.#rest = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#goOn();
  }

  /** Hands over slices while that is allowed, and the socket is read again after the last. */
  #goOn(): void {
    const { mayGoOn, spent, clock } = this.#deps;
    while (this.#rest !== undefined && !this.#socket.destroyed) {
      if (!mayGoOn(this.wake)) {
        this.#stop();
        return;
      }
      const fromMs = clock.nowMs();
      this.#hand();
      spent(clock.nowMs() - fromMs);
    }
  }

  #hand(): void {
    const bytes = this.#rest;
    if (bytes === undefined || this.#socket.destroyed) return;
    const { sliceBytes } = this.#deps;
    this.#rest = bytes.length > sliceBytes ? bytes.subarray(sliceBytes) : undefined;
    this.#take(bytes.subarray(0, sliceBytes));
    if (this.#rest === undefined && this.#isWanted) this.#socket.resume();
  }
}
