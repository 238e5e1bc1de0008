import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import type { Fault } from '../../src/core/model/fault.js';
import { Balancer, drainElsewhere, type Leaving } from '../../src/replica/moving-out.js';

/** Attachments that are there and nothing more. */
class Crowd implements Leaving {
  readonly left: Fault[] = [];
  readonly #sids: Set<number>;
  neighbours = { addresses: ['a:1', 'b:1', 'c:1'], others: ['b:1', 'c:1'], meanAttached: 0 as number | undefined };

  constructor(count: number) {
    this.#sids = new Set(Array.from({ length: count }, (_, sid) => sid));
  }

  get count(): number {
    return this.#sids.size;
  }

  sids(): Iterable<number> {
    return this.#sids;
  }

  livesMs(): number {
    return 6_000;
  }

  release(sid: number, fault: Fault): void {
    this.#sids.delete(sid);
    this.left.push(fault);
  }
}

describe('a drain beside other servers', () => {
  it('ends 2,000 attachments a second, each with no wait and the other servers in turn', () => {
    const [clock, crowd] = [new ManualClock(), new Crowd(3_000)];
    drainElsewhere(crowd, clock, 10_000);
    clock.advance(950);
    expect(crowd.left).toHaveLength(2_000);
    clock.advance(500);
    expect(crowd.count).toBe(0);
    const [first, second] = crowd.left;
    expect([first.reason, first.retryAfterMs]).toEqual(['DRAINING', 0]);
    expect([first.metadata.servers, second.metadata.servers]).toEqual(['b:1,c:1', 'c:1,b:1']);
  });

  it('ends more at a time where the deadline would cut them off', () => {
    const [clock, crowd] = [new ManualClock(), new Crowd(10_000)];
    drainElsewhere(crowd, clock, 1_000);
    clock.advance(900);
    expect(crowd.count).toBe(0);
  });

  it('leaves it to the usual way where there is no other server', () => {
    const crowd = new Crowd(3);
    crowd.neighbours = { addresses: ['a:1'], others: [], meanAttached: undefined };
    expect(drainElsewhere(crowd, new ManualClock(), 1_000)).toBeUndefined();
    expect(crowd.count).toBe(3);
  });
});

describe('a drain whose last other server goes down too', () => {
  it('gives those that are left a turn each to come back in, and names no server', () => {
    const [clock, crowd] = [new ManualClock(), new Crowd(3_000)];
    drainElsewhere(crowd, clock, 10_000);
    clock.advance(450);
    const gone = crowd.left.length;
    expect(gone).toBe(1_000);
    crowd.neighbours = { addresses: ['a:1'], others: [], meanAttached: undefined };
    clock.advance(50);
    expect(crowd.count).toBe(0);
    const left = crowd.left.slice(gone);
    expect(left[0]).toMatchObject({ reason: 'DRAINING', retryAfterMs: 1_000, metadata: {} });
    expect(new Set(left.map(({ retryAfterMs }) => retryAfterMs)).size).toBe(2_000);
  });
});

describe('a server that has more attachments than the others', () => {
  it('lets 1 % of them go in a minute while it has more than 1.2 times the mean', () => {
    const [clock, crowd] = [new ManualClock(), new Crowd(1_000)];
    crowd.neighbours.meanAttached = 500;
    new Balancer(crowd, clock);
    clock.advance(60_000);
    expect(crowd.left.length).toBeGreaterThanOrEqual(9);
    expect(crowd.left.length).toBeLessThanOrEqual(10);
  });

  it.each([
    [1, 1 / 2],
    [2, 3 / 2],
    [2, 1],
    [3, 2],
  ])('keeps its %i attachments for hours where the mean is %d: one that goes would come back', (count, mean) => {
    const [clock, crowd] = [new ManualClock(), new Crowd(count)];
    crowd.neighbours.meanAttached = mean;
    new Balancer(crowd, clock);
    clock.advance(3 * 3_600_000);
    expect(crowd.left).toEqual([]);
  });

  it('lets one of 4 go where the mean is 2', () => {
    const [clock, crowd] = [new ManualClock(), new Crowd(4)];
    crowd.neighbours.meanAttached = 2;
    new Balancer(crowd, clock);
    clock.advance(3 * 3_600_000);
    expect(crowd.left).toHaveLength(1);
  });

  it.each([
    ['has 1.2 times the mean', 1_000 / 1.2],
    ['is the only one that clients may go to', undefined],
  ])('lets nobody go when it %s', (_, mean) => {
    const [clock, crowd] = [new ManualClock(), new Crowd(1_000)];
    crowd.neighbours.meanAttached = mean;
    new Balancer(crowd, clock);
    clock.advance(600_000);
    expect(crowd.left).toEqual([]);
  });
});
