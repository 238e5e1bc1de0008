import type { Clock, Timer } from '../base/clock.js';
import { Fault } from '../core/model/fault.js';
import { Queue } from '../fair/queue.js';
import { SinkEnd, type SinkOwner } from './end.js';
import type { RelayLimits } from './limits.js';

/** Between two tries to reach the server of a channel. */
const REDIAL_MS = 200;
/** When a client opens its end again that was told to. */
const REOPEN_MS = 100;

/** A branch that is asked for at the server of its channel. */
export interface BranchRequest {
  readonly sid: number;
  readonly branchId: number;
  /** How many blocks the sink has taken, where it says. */
  readonly blocks: number | undefined;
}

/** A block as it comes from the server of the channel. */
export interface ArrivedBlock {
  /** Empty: nothing but blocks that are lost before the end. */
  readonly block: Uint8Array;
  /** How many blocks the sink was given with this one, as it counts. */
  readonly count: number;
  /** How many blocks before this one are lost. */
  readonly lost: number;
}

/** Who has dialled the server of a channel. */
export interface BranchOwner {
  /** The branch is there: in which channel, and how many blocks it was given before. */
  opened(channel: bigint, count: number): void;
  arrived(block: ArrivedBlock): void;
  /** There is no more. */
  ended(): void;
  /** The link is over. With a fault for good; without, another one may be dialled. */
  broken(fault?: Fault): void;
}

/** A link to the server of a channel. */
export interface BranchLink {
  /** The sink has so many blocks. */
  confirm(count: number): void;
  pause(): void;
  resume(): void;
  /** Ends it. The owner hears nothing more of it. */
  close(): void;
}

/** Dials the server at which the channel of a branch is now; undefined: nobody knows where that is reached. */
export type DialBranch = (request: BranchRequest, owner: BranchOwner) => BranchLink | undefined;

/** What a {@link RemoteBranch} stands on. */
export interface RemoteBranchDeps {
  readonly clock: Clock;
  readonly limits: RelayLimits;
  readonly dial: DialBranch;
  /** The bytes that are held for sinks have changed by so much. */
  readonly held: (bytes: number) => void;
  /** Whether all streams together hold as much as they may. */
  readonly isFull: () => boolean;
  /** A block of so many bytes was handed to the sink. */
  readonly gave: (bytes: number) => void;
  /** Its end is gone. */
  readonly gone: (branch: RemoteBranch) => void;
}

/** A sink's branch, as its stream has it. */
export interface SoughtBranch extends BranchRequest {
  readonly streamId: number;
  readonly isConfirmed: boolean;
}

/**
 * The end of a sink whose stream has its channel at another server, and what is on its way from there.
 *
 * The channel counts: each block comes with the count that the sink has with it. A link that breaks is dialled again, and what came
 * before comes again only where it was not confirmed, and is then passed over here. Where the channel is another one, or cannot be
 * reached for long, the end is over: the sink opens it again, and says where it stands.
 */
export class RemoteBranch implements SinkOwner {
  readonly end: SinkEnd;
  readonly #deps: RemoteBranchDeps;
  readonly #sought: SoughtBranch;
  #channel: bigint | undefined;
  #link: BranchLink | undefined;
  #timer: Timer | undefined;
  #waiting = new Queue<ArrivedBlock>();
  #bytes = 0;
  #isPaused = false;
  #isEnded = false;
  #isOver = false;
  /** What the sink was given, what came, and what the sink has confirmed, as it counts. */
  #count = 0;
  #received = 0;
  #confirmed = 0;
  #lost = 0;
  /** What the sink was given over this link, as the server of the channel counts, and what that server knows to be confirmed. */
  #linkCount = 0;
  #told = 0;
  /** Since when there is no link. */
  #downSinceMs: number | undefined;

  constructor(sought: SoughtBranch, deps: RemoteBranchDeps) {
    this.#deps = deps;
    this.#sought = sought;
    this.end = new SinkEnd(this, sought.branchId);
    this.#dial();
  }

  /** The session of the sink. */
  get sid(): number {
    return this.#sought.sid;
  }

  get streamId(): number {
    return this.#sought.streamId;
  }

  get branchId(): number {
    return this.#sought.branchId;
  }

  /** The number of the channel; undefined while it has not answered. */
  get channel(): bigint | undefined {
    return this.#channel;
  }

  read(): Uint8Array | 'ended' | undefined {
    for (;;) {
      const next = this.#waiting.shift();
      if (next === undefined) return this.#isEnded ? 'ended' : undefined;
      const { block, count, lost } = next;
      this.#count = count;
      this.#lost += lost;
      this.#hold(-block.length);
      if (block.length === 0) continue;
      this.#deps.gave(block.length);
      return block;
    }
  }

  takenBlocks(): number {
    return this.#count;
  }

  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  confirm(_id: number, count: number): Fault | undefined {
    if (count > this.#count) {
      return Fault.fields([{ field: 'confirmed_blocks', description: `${count}; only ${this.#count} were given` }]);
    }
    if (count <= this.#confirmed) return undefined;
    this.#confirmed = count;
    this.#tell();
    return undefined;
  }

  loseSink(): void {
    this.#finish();
  }

  /** Nothing more is delivered, not even what has come. */
  stop(fault: Fault): undefined {
    if (this.#isOver) return;
    this.#finish();
    this.end.end(fault);
  }

  /** The channel is at another server from now on. */
  moved(): undefined {
    this.stop(reopen('the data of the stream goes on at another server'));
  }

  /**
   * Confirms at the server of the channel what it has given over this link, and no more: it refuses a count that it has not reached again,
   * and does not hear one before it has opened the branch. The rest follows as the count grows.
   */
  #tell(): void {
    const count = Math.min(this.#confirmed, this.#linkCount);
    if (count <= this.#told) return;
    this.#told = count;
    this.#link?.confirm(count);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#link?.close();
    this.#link = undefined;
    this.#waiting = new Queue();
    this.#hold(-this.#bytes);
    this.#deps.gone(this);
  }

  #dial(): void {
    const { sid, branchId, blocks, isConfirmed } = this.#sought;
    const stands = isConfirmed ? this.#confirmed : this.#received;
    const request = { sid, branchId, blocks: this.#channel === undefined ? blocks : stands };
    // Where the request says what is confirmed, nothing is said twice.
    this.#linkCount = 0;
    this.#told = this.#confirmed;
    const current = () => !this.#isOver && this.#link === link;
    const link: BranchLink | undefined = this.#deps.dial(request, {
      opened: (channel, count) => current() && this.#opened(channel, count),
      arrived: (block) => current() && this.#arrived(block),
      ended: () => {
        if (!current()) return;
        this.#isEnded = true;
        this.end.ready();
      },
      broken: (fault) => current() && this.#broken(fault),
    });
    this.#link = link;
    if (link === undefined) this.#broken();
  }

  #opened(channel: bigint, count: number): undefined {
    this.#downSinceMs = undefined;
    this.#linkCount = count;
    if (this.#channel === channel) {
      this.#tell();
      this.#pause();
      return;
    }
    if (this.#channel !== undefined) return this.moved();
    this.#channel = channel;
    this.#count = count;
    this.#received = count;
    this.#confirmed = count;
    this.#told = count;
    this.end.ready();
  }

  #arrived(arrived: ArrivedBlock): void {
    const { count, block } = arrived;
    this.#linkCount = Math.max(this.#linkCount, count);
    this.#tell();
    // It was not confirmed when the link broke, and had come all the same.
    if (count <= this.#received && block.length > 0) return;
    this.#received = Math.max(this.#received, count);
    this.#waiting.push(arrived);
    this.#hold(block.length);
    this.end.ready();
  }

  #broken(fault?: Fault): undefined {
    this.#link = undefined;
    this.#isPaused = false;
    if (this.#isEnded) return;
    if (fault !== undefined) return this.stop(fault);
    const { clock, limits } = this.#deps;
    this.#downSinceMs ??= clock.nowMs();
    if (clock.nowMs() - this.#downSinceMs >= limits.peerDownMs) {
      this.stop(reopen('the server that has the data of the stream cannot be reached'));
      return;
    }
    this.#timer = clock.after(REDIAL_MS, () => {
      this.#dial();
    });
  }

  #hold(bytes: number): void {
    this.#bytes += bytes;
    this.#deps.held(bytes);
    this.#pause();
  }

  /** Lets no more come while the sink has as much to take as one stream may hold, in bytes or in blocks. */
  #pause(): void {
    const { limits, isFull } = this.#deps;
    const isAtBound = this.#bytes >= limits.windowBytesMax || this.#waiting.size >= limits.windowBlocksMax;
    const isPaused = isAtBound || (this.#bytes > 0 && isFull());
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#link?.pause();
    else this.#link?.resume();
  }
}

/** The end of a call whose end of the stream is to be opened again, with where it stands. */
export function reopen(why: string): Fault {
  return new Fault('SERVER_CUT_OFF', `${why}; open this end again`, [], REOPEN_MS);
}
