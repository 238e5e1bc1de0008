import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { DEFAULT_RELAY_LIMITS } from '../../src/relay/limits.js';
import { type BranchOwner, type BranchRequest, RemoteBranch } from '../../src/relay/remote-branch.js';

/** A sink's end whose links to the server of the channel are the test's. */
class Sought {
  readonly clock = new ManualClock();
  readonly requests: BranchRequest[] = [];
  /** What was confirmed over the present link. */
  confirmed: number[] = [];
  paused = false;
  bytes = 0;
  owner!: BranchOwner;
  readonly branch: RemoteBranch;

  constructor(isConfirmed: boolean) {
    this.branch = new RemoteBranch(
      { sid: 1, branchId: 2, blocks: 0, streamId: 3, isConfirmed },
      {
        clock: this.clock,
        limits: DEFAULT_RELAY_LIMITS,
        held: (bytes) => {
          this.bytes += bytes;
        },
        isFull: () => false,
        gave: () => {},
        gone: () => {},
        dial: (request, owner) => this.#dial(request, owner),
      },
    );
  }

  /** Blocks of one byte with these counts come from the server of the channel. */
  arrive(from: number, to: number): void {
    for (let count = from; count <= to; count++) this.owner.arrived({ block: Uint8Array.of(0), count, lost: 0 });
  }

  /** The sink takes so many blocks. */
  take(count: number): void {
    for (let n = 0; n < count; n++) expect(this.branch.end.next()).toBeInstanceOf(Uint8Array);
  }

  /** The link breaks, and another one is dialled that has not opened. */
  redial(): void {
    this.owner.broken();
    this.clock.advance(200);
  }

  #dial(request: BranchRequest, owner: BranchOwner) {
    this.requests.push(request);
    this.owner = owner;
    this.confirmed = [];
    this.paused = false;
    return {
      confirm: (count: number) => {
        this.confirmed.push(count);
      },
      pause: () => {
        this.paused = true;
      },
      resume: () => {
        this.paused = false;
      },
      close: () => {},
    };
  }
}

describe('what is held at the server of a sink that does not read', () => {
  it('is 4,096 blocks at most, however small: then the link pauses until one is taken', () => {
    const sought = new Sought(false);
    sought.owner.opened(7n, 0);
    sought.arrive(1, 4_095);
    expect(sought.paused).toBe(false);
    sought.arrive(4_096, 4_096);
    expect(sought.paused).toBe(true);
    sought.take(1);
    expect(sought.paused).toBe(false);
    sought.arrive(4_097, 4_097);
    expect(sought.paused).toBe(true);
    sought.take(4_096);
    expect([sought.branch.end.next(), sought.bytes]).toEqual([undefined, 0]);
  });

  it('pauses a new link too once it has opened, before a block comes over it', () => {
    const sought = new Sought(false);
    sought.owner.opened(7n, 0);
    sought.arrive(1, 4_096);
    sought.redial();
    sought.owner.opened(7n, 4_096);
    expect(sought.paused).toBe(true);
    sought.take(4_096);
    expect(sought.paused).toBe(false);
  });

  it('is given in order, with the losses before each block, when it is taken a little at a time', () => {
    const sought = new Sought(false);
    sought.owner.opened(7n, 0);
    let [came, taken] = [0, 0];
    for (let round = 0; round < 300; round++) {
      for (let n = 0; n < 5; n++) {
        came += 2;
        sought.owner.arrived({ block: Uint8Array.of(came & 255), count: came, lost: 1 });
      }
      for (let n = 0; n < 4; n++) {
        taken += 2;
        expect(sought.branch.end.next()).toEqual(Uint8Array.of(taken & 255));
        expect([sought.branch.end.takenBlocks, sought.branch.end.takeLost()]).toEqual([taken, 1]);
      }
    }
    expect(sought.bytes).toBe(300);
  });
});

describe('what a sink confirms to the server of its channel', () => {
  it('waits for the new link to open, and is repeated there after a redial', () => {
    const sought = new Sought(true);
    sought.owner.opened(7n, 0);
    sought.arrive(1, 5);
    sought.take(5);
    sought.branch.end.confirm(2);
    expect(sought.confirmed).toEqual([2]);
    sought.redial();
    expect(sought.requests[1].blocks).toBe(2);
    sought.branch.end.confirm(4);
    expect(sought.confirmed).toEqual([]);
    sought.owner.opened(7n, 4);
    expect(sought.confirmed).toEqual([4]);
  });

  it('never goes beyond what the new link has given again', () => {
    const sought = new Sought(true);
    sought.owner.opened(7n, 0);
    sought.arrive(1, 5);
    sought.take(5);
    sought.redial();
    sought.owner.opened(7n, 0);
    sought.branch.end.confirm(5);
    expect(sought.confirmed).toEqual([]);
    sought.arrive(1, 3);
    expect(sought.confirmed).toEqual([1, 2, 3]);
    sought.arrive(4, 6);
    expect(sought.confirmed).toEqual([1, 2, 3, 4, 5]);
    sought.take(1);
    sought.branch.end.confirm(6);
    expect(sought.confirmed.at(-1)).toBe(6);
  });
});
