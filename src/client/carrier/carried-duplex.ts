import { Duplex } from 'node:stream';
import { type Carrier, FrameKind } from './carrier.js';
import {
  hasEnded,
  hasLeftFirst,
  type InEvent,
  type InState,
  isEnding,
  nextIn,
  nextOut,
  type OutEvent,
  type OutState,
} from './way-state.js';

/** A direct path that an attempt may find, or has found. */
interface Offer {
  readonly attempt: number;
  readonly path: Promise<Carrier | undefined>;
}

/**
 * A connection to a peer as a Duplex, whatever carries it; and how it moves from the relay to a direct path.
 *
 * Each end says on the relay, with MOVED, where its bytes there stop, and writes what follows on the direct path. Its peer
 * reads the relay up to that word before it reads a byte of the direct path. So every byte is read once and in order, each
 * way for itself, and whoever does not read holds up whoever writes, before as after.
 *
 *     controlling end                                  controlled end
 *       has a path, which the peer has confirmed
 *       MOVED on the relay, then DATA on the path ─▶   reads the relay up to MOVED, then the path;
 *       reads the relay up to MOVED, then the path ◀─  MOVED on the relay, then DATA on the path
 *
 * The controlling end begins, because the other one cannot know whether its confirmation arrived. Until then a path that
 * dies costs nothing: both go on on the relay. After it, bytes may be lost with the path, and the connection errs.
 *
 * A way that has ended stays ended, on whatever it ended. An end whose own way has ended does not begin to move.
 */
export class CarriedDuplex extends Duplex {
  readonly #first: Carrier;
  #in: Carrier;
  #out: Carrier;
  #offer: Offer | undefined;
  #inState: InState = 'first';
  #outState: OutState = 'first';
  /** Whether it reads for somebody, for nobody at the moment, or not at all. */
  #reading: 'wanted' | 'served' | 'idle' = 'idle';
  /** What is being written, and what waits for its turn after it. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Everything that was said on the first carrier has arrived. */
  #firstFinished: Promise<void> = Promise.resolve();

  /** `onMoved` is called once both ways of this end have left the first carrier. */
  constructor(
    carrier: Carrier,
    private readonly onMoved: () => void = () => {},
  ) {
    super();
    this.#first = carrier;
    this.#in = carrier;
    this.#out = carrier;
  }

  /** An attempt is under way; as the controlled end this one moves to its path if and when the peer does. */
  expect(attempt: number, path: Promise<Carrier | undefined>): void {
    const before = this.#offer;
    this.#offer = { attempt, path };
    void before?.path.then((carrier) => this.#discard(carrier));
    if (this.destroyed) void path.then((carrier) => carrier?.close());
  }

  /** As the controlling end: moves to a path. False, and the path is closed: it goes on where it is. */
  async move(attempt: number, path: Carrier): Promise<boolean> {
    this.expect(attempt, Promise.resolve(path));
    await this.#inTurn(() => this.#moveOut(attempt, path));
    if (this.#out === path) return true;
    path.close();
    return false;
  }

  override _read(): void {
    const isIdle = this.#reading === 'idle';
    this.#reading = 'wanted';
    if (isIdle) this.#readOn().catch((error: Error) => this.destroy(error));
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#inTurn(async () => {
      const { frameBytesMax } = this.#out;
      for (let at = 0; at < bytes.length; at += frameBytesMax) {
        await this.#out.send(FrameKind.DATA, bytes.subarray(at, at + frameBytesMax));
      }
    }).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#stepOut('finish');
    this.#inTurn<unknown>(() => {
      const finished = this.#out.finish();
      if (this.#out === this.#first) {
        this.#firstFinished = finished;
        this.#stepOut('said');
        return finished;
      }
      // What was said before the move may still be on its way. Where its streams were stopped, the peer has read all of it.
      return Promise.all([finished, this.#firstFinished.catch(() => {})]);
    }).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const closing = [...new Set([this.#first, this.#in, this.#out])].map((carrier) => carrier.close());
    void this.#offer?.path.then((carrier) => carrier?.close());
    const over = () => done(error);
    // One that is given up is closed at once. One that is complete is closed when this process may end.
    if (error) over();
    else Promise.all(closing).then(over, over);
  }

  /** Reads for as long as somebody wants to. */
  async #readOn(): Promise<void> {
    while (this.#reading === 'wanted') {
      const frame = await this.#in.receive();
      if (frame === undefined) {
        this.#end();
        break;
      }
      if (frame.kind === FrameKind.MOVED) await this.#follow(frame.bytes);
      else {
        this.#reading = 'served';
        if (this.push(frame.bytes)) this.#reading = 'wanted';
      }
    }
    this.#reading = 'idle';
  }

  /** The peer's way has ended. */
  #end(): void {
    this.push(null);
    if (this.#out !== this.#in) void readToEnd(this.#out);
    this.#stepIn('ended');
  }

  /** The peer's bytes go on on another path. Its own way moves after it. */
  async #follow(word: Buffer): Promise<void> {
    const attempt = word.length === 4 ? word.readUInt32BE() : 0;
    const path = this.#offer?.attempt === attempt ? await this.#offer.path : undefined;
    if (path === undefined || this.#in !== this.#first) {
      throw new Error('the peer has moved to a direct path that is not there at this end');
    }
    this.#in = path;
    if (this.#out !== path) {
      this.#inTurn(() => this.#moveOut(attempt, path)).catch((error: Error) => this.destroy(error));
      // Nothing is said on it; whether it is dead, reading finds out.
      if (isEnding(this.#outState)) path.finish().catch(() => {});
    }
    this.#stepIn('moved');
  }

  /** Between two writes. Not when the path has died before, or there is nothing left to say. */
  async #moveOut(attempt: number, path: Carrier): Promise<void> {
    if (isEnding(this.#outState) || this.destroyed || (path.isOver && this.#in !== path)) return;
    this.#stepOut('leave');
    const word = Buffer.alloc(4);
    word.writeUInt32BE(attempt);
    await this.#first.send(FrameKind.MOVED, word);
    this.#out = path;
    if (hasEnded(this.#inState)) void readToEnd(path);
    this.#firstFinished = this.#first.finish();
    // It is stopped once both ends have moved, which may be before it has been heard to be finished.
    this.#firstFinished.catch(() => {});
    this.#stepOut('moved');
  }

  #stepIn(event: InEvent): void {
    const before = hasLeftFirst(this.#inState, this.#outState);
    this.#inState = nextIn(this.#inState, event);
    if (!before) this.#leaveFirst();
  }

  #stepOut(event: OutEvent): void {
    const before = hasLeftFirst(this.#inState, this.#outState);
    this.#outState = nextOut(this.#outState, event);
    if (!before) this.#leaveFirst();
  }

  /** Closes the first carrier, once it is left. */
  #leaveFirst(): void {
    if (!hasLeftFirst(this.#inState, this.#outState)) return;
    // The peer says there that its way is complete, too, and waits until that is taken: an end that waited for its own first would
    // wait for one that waits for it.
    const taken = readToEnd(this.#first);
    const leave = () => taken.then(() => this.#first.close());
    this.#firstFinished.then(leave, leave);
    this.onMoved();
  }

  #discard(carrier: Carrier | undefined): void {
    if (carrier !== this.#in && carrier !== this.#out) carrier?.close();
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

/**
 * Reads a path whose peer says nothing on it, as its way has ended on the relay: signs of life come all the same, and
 * unread ones would break the path as it closes. One that dies meanwhile is noticed by whoever writes on it.
 */
async function readToEnd(carrier: Carrier): Promise<void> {
  try {
    while ((await carrier.receive()) !== undefined);
  } catch {
    // As said.
  }
}
