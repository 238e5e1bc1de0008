import { Duplex } from 'node:stream';
import { asError } from '../../base/errors.js';
import { type Carrier, CarrierFrameKind } from './carrier.js';
import { attemptWord } from './frame.js';
import { Gate } from './gate.js';
import { KeptBytes } from './kept-bytes.js';
import { Offers } from './offers.js';
import { readToEnd } from './read-to-end.js';
import { Turns } from './turns.js';
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
  returnedIn,
  returnedOut,
} from './way-state.js';

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
 *
 * Where the owner says so, a path that has died is not the end: the duplex waits, says as it leaves how many of the peer's bytes were
 * read, and goes on with another carrier, on which each end first sends again what the other has not read.
 */
export class CarriedDuplex extends Duplex {
  #first: Carrier;
  #in: Carrier;
  #out: Carrier;
  readonly #offers = new Offers();
  #inState: InState = 'first';
  #outState: OutState = 'first';
  /** Whether it reads for somebody, for nobody at the moment, or not at all. */
  #reading: 'wanted' | 'served' | 'idle' = 'idle';
  /** What is being written, and what waits for its turn after it. */
  readonly #turns = new Turns();
  /** Everything that was said on the first carrier has arrived. */
  #firstFinished: Promise<void> = Promise.resolve();
  /** What the peer may not have read; undefined: this connection cannot go on when a path dies. */
  readonly #kept: KeptBytes | undefined;
  /** Bytes of the peer's that were read. */
  #readBytes = 0;
  /** Changes as the carriers are left: what was awaited of them before is of no interest then. */
  #generation = 0;
  /** Carriers that were left, until the peer has left them. */
  readonly #left = new Set<Carrier | Promise<Carrier | undefined>>();
  #isEndSaid = false;
  #isWaiting = false;
  readonly #reader = new Gate();
  readonly #writer = new Gate();

  /**
   * `onMoved`: both ways of this end have left the first carrier. `onLost`: a carrier has failed; true: the connection waits for another.
   */
  constructor(
    carrier: Carrier,
    private readonly onMoved: () => void = () => {},
    private readonly onLost?: (error: Error) => boolean,
  ) {
    super();
    this.#kept = onLost && new KeptBytes();
    this.#first = carrier;
    this.#in = carrier;
    this.#out = carrier;
    this.#keepFrom(0, carrier);
  }

  /** Whether it waits for another carrier. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** An attempt is under way; as the controlled end this one moves to its path if and when the peer does. */
  expect(attempt: number, path: Promise<Carrier | undefined>): void {
    this.#offers.add(attempt, path);
    if (this.destroyed) this.#offers.closeAll();
  }

  /** As the controlling end: moves to a path. False, and the path is closed: it goes on where it is. */
  async move(attempt: number, path: Carrier): Promise<boolean> {
    if (this.#out === this.#first) this.expect(attempt, Promise.resolve(path));
    await this.#turns.run(() => this.#moveOut(attempt, path));
    if (this.#out === path) return true;
    path.close();
    return false;
  }

  /** Leaves what carries it; answers with how many bytes were read, or, where the peer never had that, taken by either end. {@link goOn} follows. */
  leave({ isPeers = true } = {}): number {
    this.#wait();
    this.#generation += 1;
    for (const carrier of [...this.#carriers(), ...this.#offers.takeAll()]) this.#left.add(carrier);
    if (!isPeers) this.#closeLeft();
    return isPeers ? this.#readBytes : this.#readBytes + (this.#kept?.takenEnd ?? 0);
  }

  /** Goes on with another carrier, from the byte that the peer has not read. Resolves when all of it was sent again. */
  async goOn(carrier: Carrier, peerRead: number): Promise<void> {
    const missing = this.#kept?.after(peerRead) ?? [];
    // Not before: the peer, where it had not left them, would take that for the end of the connection.
    this.#closeLeft();
    if (this.destroyed) return void carrier.close();
    [this.#first, this.#in, this.#out] = [carrier, carrier, carrier];
    this.#inState = returnedIn(this.#inState);
    this.#outState = returnedOut(this.#outState, this.#isEndSaid);
    this.#keepFrom(peerRead, carrier);
    if (hasEnded(this.#inState)) void readToEnd(carrier);
    this.#isWaiting = false;
    this.#reader.open();
    const generation = this.#generation;
    this.#firstFinished = this.#sendAgain(carrier, missing);
    await this.#unlessLeft(this.#firstFinished);
    if (generation === this.#generation && !this.#isWaiting) this.#writer.open();
  }

  /** An end that was said before is not behind the peer's move: the carrier is left only once that is said again. */
  async #sendAgain(carrier: Carrier, missing: readonly Buffer[]): Promise<void> {
    for (const bytes of missing) await carrier.send(CarrierFrameKind.DATA, bytes);
    if (this.#isEndSaid) await carrier.finish();
  }

  override _read(): void {
    const isIdle = this.#reading === 'idle';
    this.#reading = 'wanted';
    if (isIdle) this.#readOn().catch((error: Error) => this.destroy(error));
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#turns
      .run(async () => {
        for (let at = 0; at < bytes.length; ) {
          while (this.#writer.isShut) await this.#writer.opened;
          const frame = bytes.subarray(at, at + this.#out.frameBytesMax);
          at += frame.length;
          await this.#send(frame);
        }
      })
      .then(() => done(), done);
  }

  /** What a carrier fails to send is kept, and sent again on the next one. */
  async #send(bytes: Buffer): Promise<void> {
    this.#kept?.add(bytes);
    await this.#unlessLeft(this.#out.send(CarrierFrameKind.DATA, bytes));
  }

  override _final(done: (error?: Error) => void): void {
    this.#stepOut('finish');
    this.#turns
      .run(async () => {
        while (!(await this.#sayEnd()));
      })
      .then(() => done(), done);
  }

  /** False: the carrier was left meanwhile, and the end is to be said on the next one. */
  async #sayEnd(): Promise<boolean> {
    while (this.#writer.isShut) await this.#writer.opened;
    const generation = this.#generation;
    await this.#unlessLeft(this.#finishOut());
    this.#isEndSaid = generation === this.#generation && !this.isWaiting;
    return this.#isEndSaid;
  }

  async #finishOut(): Promise<void> {
    const finished = this.#out.finish();
    if (this.#out !== this.#first) {
      // What was said before the move may still be on its way. Where its streams were stopped, the peer has read all of it.
      await Promise.all([finished, this.#firstFinished.catch(() => {})]);
      return;
    }
    this.#firstFinished = finished;
    this.#stepOut('said');
    await finished;
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const close = () => Promise.all(this.#carriers().map((carrier) => carrier.close()));
    // What was said before both ends were may have to be sent again.
    const isComplete = !error && this.#isEndSaid && hasEnded(this.#inState);
    const closing = isComplete ? this.#firstFinished.then(close, close) : close();
    this.#closeLeft();
    this.#reader.open();
    this.#writer.open();
    this.#offers.closeAll();
    const over = () => done(error);
    // One that is given up is closed at once. One that is complete is closed when this process may end.
    if (error) over();
    else closing.then(over, over);
  }

  /** Reads for as long as somebody wants to. */
  async #readOn(): Promise<void> {
    while (this.#reading === 'wanted') {
      if (this.#reader.isShut) await this.#reader.opened;
      const generation = this.#generation;
      const frame = await this.#unlessLeft(this.#in.receive());
      if (frame === 'left' || generation !== this.#generation) continue;
      if (frame === undefined) {
        this.#end();
        break;
      }
      if (frame.kind === CarrierFrameKind.MOVED) await this.#follow(frame.bytes);
      else {
        this.#reading = 'served';
        this.#readBytes += frame.bytes.length;
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
    const generation = this.#generation;
    const path = await this.#offers.of(attempt);
    if (generation !== this.#generation) return;
    if (path === undefined || this.#in !== this.#first || (this.#out !== path && this.#out !== this.#first)) {
      throw new Error('the peer has moved to a direct path that is not there at this end');
    }
    this.#in = path;
    this.#offers.settle(attempt);
    if (this.#out !== path) {
      const isEnded = isEnding(this.#outState);
      this.#turns.run(() => this.#moveOut(attempt, path, isEnded)).catch((error: Error) => this.destroy(error));
      // Nothing is said on it; whether it is dead, reading finds out.
      if (isEnded) path.finish().catch(() => {});
    }
    this.#stepIn('moved');
  }

  /** Between two writes, and after what is sent again. Not when the path has died before. One that has ended meanwhile says that it has. */
  async #moveOut(attempt: number, path: Carrier, isFinished = false): Promise<void> {
    const generation = this.#generation;
    while (this.#writer.isShut && !this.destroyed) await this.#writer.opened;
    if (generation !== this.#generation || this.destroyed || (path.isOver && this.#in !== path)) return;
    // It moves once: the peer would look on one path for what is on another.
    if (this.#out !== this.#first) return;
    if (isEnding(this.#outState)) {
      if (this.#in === path && !isFinished) path.finish().catch(() => {});
      return;
    }
    this.#stepOut('leave');
    await this.#unlessLeft(this.#first.send(CarrierFrameKind.MOVED, attemptWord(attempt)));
    if (generation !== this.#generation || this.isWaiting) return;
    this.#out = path;
    this.#offers.use(attempt);
    this.#keepFrom(this.#kept?.end ?? 0, path);
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
    const first = this.#first;
    const taken = readToEnd(first);
    const leave = () => taken.then(() => first.close());
    this.#firstFinished.then(leave, leave);
    this.onMoved();
  }

  /** What work on a carrier comes to; 'left': that has failed, and the connection goes on with another one. */
  async #unlessLeft<Result>(work: Promise<Result>): Promise<Result | 'left'> {
    const generation = this.#generation;
    try {
      return await work;
    } catch (error) {
      if (this.#goesOnAfter(generation, error)) return 'left';
      throw error;
    }
  }

  /** Whether it goes on after a failure of what carried it at that time. */
  #goesOnAfter(generation: number, error: unknown): boolean {
    if (this.destroyed || this.#kept === undefined) return false;
    if (generation !== this.#generation || this.isWaiting) return true;
    if (this.onLost?.(asError(error)) !== true) return false;
    this.#wait();
    return true;
  }

  #wait(): void {
    this.#isWaiting = true;
    this.#reader.shut();
    this.#writer.shut();
  }

  /** What is sent on a carrier begins at this place, and is kept until the peer has taken it. */
  #keepFrom(place: number, carrier: Carrier): void {
    const kept = this.#kept;
    if (kept !== undefined) carrier.onTaken = (bytes) => kept.taken(place + bytes);
  }

  #closeLeft(): void {
    for (const carrier of this.#left) void Promise.resolve(carrier).then((left) => left?.close());
    this.#left.clear();
  }

  #carriers(): Carrier[] {
    return [...new Set([this.#first, this.#in, this.#out])];
  }
}
