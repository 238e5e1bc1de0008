import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SinkEnd, SourceEnd } from '../../src/relay/end.js';
import { block, read, World } from './world.js';

/** Reads all that a sink has, and how many blocks were lost before each. */
function readWithLost(sink: SinkEnd): (number | string)[] {
  const got: (number | string)[] = [];
  for (;;) {
    const [next] = read(sink, 1);
    const lost = sink.takeLost();
    if (lost > 0) got.push(`lost ${lost}`);
    if (next === undefined) return got;
    got.push(next);
    if (typeof next === 'string') return got;
  }
}

describe('a stream whose server has restarted', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('goes on with delivery confirmation from the least that is confirmed, and gives each sink what it lacks', () => {
    const { id, sids, branches } = world.bare(2, { deliveryConfirmation: true });
    const [one, two] = [5, 3].map((taken, at) => world.open(sids[at]!, branches[at]!, taken) as SinkEnd);
    const source = world.open(world.sids[0]!, id, 3) as SourceEnd;
    for (let n = 3; n < 8; n++) source.write(block(n));
    expect(readWithLost(one!)).toEqual([5, 6, 7]);
    expect(readWithLost(two!)).toEqual([3, 4, 5, 6, 7]);
    one!.confirm(8);
    expect(source.takeConfirmed()).toBe(3);
    two!.confirm(7);
    expect(source.takeConfirmed()).toBe(7);
  });

  it('gives a sink that comes after the source has repeated what it lacks only that', () => {
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    const source = world.open(world.sids[0]!, id, 3) as SourceEnd;
    for (let n = 3; n < 8; n++) source.write(block(n));
    expect(readWithLost(world.open(sids[0]!, branches[0]!, 6) as SinkEnd)).toEqual([6, 7]);
    expect(source.takeConfirmed()).toBe(6);
  });

  it('tells each sink without delivery confirmation how many blocks it lacks', () => {
    const { id, sids, branches } = world.bare(2);
    const early = world.open(sids[0]!, branches[0]!, 4) as SinkEnd;
    const source = world.open(world.sids[0]!, id, 9) as SourceEnd;
    source.write(block(9));
    expect(readWithLost(early)).toEqual(['lost 5', 9]);
    expect(early.takenBlocks).toBe(10);
    const late = world.open(sids[1]!, branches[1]!, 9) as SinkEnd;
    expect(readWithLost(late)).toEqual([9]);
  });

  it('tells of what was lost before the end of the data, where no block follows', () => {
    const { id, sids, branches } = world.bare(1);
    const sink = world.open(sids[0]!, branches[0]!, 4) as SinkEnd;
    (world.open(world.sids[0]!, id, 9) as SourceEnd).finish();
    expect(readWithLost(sink)).toEqual(['lost 5', 'ended']);
  });

  it('counts on where an end that does not say stands, and drops nothing that it sends', () => {
    const { id, sids, branches } = world.bare(1);
    const sink = world.open(sids[0]!, branches[0]!, 40) as SinkEnd;
    const source = world.open(world.sids[0]!, id) as SourceEnd;
    source.write(block(1));
    expect(readWithLost(sink)).toEqual([1]);
    expect(sink.takenBlocks).toBe(41);
  });

  it('lets a sink that does not say count from 0 and confirm so', () => {
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    const sink = world.open(sids[0]!, branches[0]!) as SinkEnd;
    expect(sink.takenBlocks).toBe(0);
    const source = world.open(world.sids[0]!, id, 7) as SourceEnd;
    source.write(block(7));
    expect(readWithLost(sink)).toEqual([7]);
    expect(sink.confirm(2)).toMatchObject({ violations: [{ field: 'confirmed_blocks' }] });
    expect(sink.confirm(1)).toBeUndefined();
    expect(source.takeConfirmed()).toBe(8);
  });

  it('tells a sink that stands behind what it was given of its lost blocks once: its count goes on where it stands', () => {
    const { id, sids, branches } = world.bare(1);
    const source = world.open(world.sids[0]!, id, 0) as SourceEnd;
    const first = world.open(sids[0]!, branches[0]!, 0) as SinkEnd;
    for (let n = 0; n < 5; n++) source.write(block(n));
    expect(readWithLost(first)).toEqual([0, 1, 2, 3, 4]);
    const sink = world.open(sids[0]!, branches[0]!, 2) as SinkEnd;
    expect(sink.takenBlocks).toBe(2);
    source.write(block(5));
    expect(readWithLost(sink)).toEqual(['lost 3', 5]);
    expect(sink.takenBlocks).toBe(6);
    const again = world.open(sids[0]!, branches[0]!, 6) as SinkEnd;
    expect([again.takenBlocks, again.takeLost()]).toEqual([6, 0]);
  });

  it('has another channel, and the same one for all its ends', () => {
    const { id, sids, branches } = world.bare(1);
    const channels = () => [world.channel(world.sids[0]!, id), world.channel(sids[0]!, branches[0]!)];
    const [one, same] = channels();
    expect(one).toBe(same);
    expect(one).not.toBe(0n);
    world.restart();
    expect(channels()[0]).not.toBe(one);
  });
});

describe('an end that says where it stands to the server that it has left', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('repeats what is not confirmed, and each sink gets every block once', () => {
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    const sink = world.open(sids[0]!, branches[0]!, 0) as SinkEnd;
    const first = world.open(world.sids[0]!, id, 0) as SourceEnd;
    for (let n = 0; n < 4; n++) first.write(block(n));
    expect(readWithLost(sink)).toEqual([0, 1, 2, 3]);
    sink.confirm(2);
    const second = world.open(world.sids[0]!, id, 1) as SourceEnd;
    expect(second.takeConfirmed()).toBe(2);
    expect(world.relay.byteSize).toBe(0);
    for (let n = 2; n < 6; n++) second.write(block(n));
    expect(readWithLost(sink)).toEqual([4, 5]);
    expect(first.fault).toMatchObject({ reason: 'OUT_OF_ORDER' });
  });

  it('is told how many blocks were lost with its call, without delivery confirmation', () => {
    const { id, sids, branches } = world.bare(1);
    const sink = world.open(sids[0]!, branches[0]!, 0) as SinkEnd;
    const source = world.open(world.sids[0]!, id, 0) as SourceEnd;
    for (let n = 0; n < 4; n++) source.write(block(n));
    expect(readWithLost(sink)).toEqual([0, 1, 2, 3]);
    const again = world.open(sids[0]!, branches[0]!, 1) as SinkEnd;
    // The source has sent two more that never came.
    const second = world.open(world.sids[0]!, id, 6) as SourceEnd;
    second.write(block(6));
    expect(readWithLost(again)).toEqual(['lost 5', 6]);
    expect(again.takenBlocks).toBe(7);
  });

  it.each([
    ['a source that says more than is confirmed', true, 5],
    ['a sink that says more than it was given', false, 5],
  ])('refuses %s, and changes nothing', (_, isSource, blocks) => {
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    const sink = world.open(sids[0]!, branches[0]!, 0) as SinkEnd;
    const source = world.open(world.sids[0]!, id, 0) as SourceEnd;
    source.write(block(0));
    const [sid, end] = isSource ? [world.sids[0]!, id] : [sids[0]!, branches[0]!];
    expect(world.relay.open(sid, end, blocks)).toMatchObject({ violations: [{ field: 'open.blocks' }] });
    expect(readWithLost(sink)).toEqual([0]);
    expect(source.fault).toBeUndefined();
  });

  it('is not woken while it reads the last block, which the end of the data would overtake', () => {
    const { id, sids, branches } = world.bare(1);
    const sink = world.open(sids[0]!, branches[0]!, 0) as SinkEnd;
    const source = world.open(world.sids[0]!, id, 0) as SourceEnd;
    source.write(block(0));
    source.finish();
    let woken = 0;
    sink.onReady(() => woken++);
    expect([read(sink, 1), woken]).toEqual([[0], 0]);
  });

  it('ends a sink with delivery confirmation only once it has confirmed the last block', () => {
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    const sink = world.open(sids[0]!, branches[0]!, 0) as SinkEnd;
    const source = world.open(world.sids[0]!, id, 0) as SourceEnd;
    source.write(block(0));
    source.finish();
    expect(readWithLost(sink)).toEqual([0]);
    let woken = 0;
    sink.onReady(() => woken++);
    sink.confirm(1);
    expect([woken, sink.next(), source.isDone]).toEqual([1, 'ended', true]);
  });
});

type Step =
  | { readonly kind: 'write' }
  | { readonly kind: 'read'; readonly sink: number; readonly count: number }
  | { readonly kind: 'confirm'; readonly sink: number }
  | { readonly kind: 'loseSink'; readonly sink: number }
  | { readonly kind: 'loseSource'; readonly eaten: number }
  | { readonly kind: 'restart'; readonly sinksFirst: boolean };

describe('ends that say where they stand', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('write' as const) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('read' as const), sink: fc.nat(1), count: fc.nat(5) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('confirm' as const), sink: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('loseSource' as const), eaten: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('loseSink' as const), sink: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), sinksFirst: fc.boolean() }) },
  );

  it.each([
    ['with delivery confirmation lose and double nothing', true],
    ['without delivery confirmation are told of every block that they lack, and none is doubled', false],
  ])('%s, whatever breaks, restarts and half-closes', (_, deliveryConfirmation) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const copy = new Copy(deliveryConfirmation);
        for (const one of steps) copy.act(one);
        copy.finish();
        for (const { got, taken } of copy.sinks) {
          expect(taken).toBe(copy.sent);
          if (deliveryConfirmation) expect(got).toEqual(Array.from({ length: copy.sent }, (_, n) => n));
          else expect(got.filter((n) => n >= 0)).toEqual([...new Set(got.filter((n) => n >= 0))].sort((a, b) => a - b));
        }
      }),
      { numRuns: 300 },
    );
  });

  /** A source with its memory, two sinks with theirs, and a server that forgets. */
  class Copy {
    readonly world = new World({ windowBlocksMax: 8 });
    readonly stream: ReturnType<World['bare']>;
    readonly sinks: { end: SinkEnd; got: number[]; taken: number }[] = [];
    source!: SourceEnd;
    /** Blocks that exist, and the next one that is sent on the present call. */
    sent = 0;
    next = 0;
    confirmed = 0;

    constructor(private readonly isConfirmed: boolean) {
      this.stream = this.world.bare(2, { deliveryConfirmation: isConfirmed });
      this.openSource();
      for (const at of [0, 1]) this.sinks.push({ end: this.openSink(at, 0), got: [], taken: 0 });
    }

    act(one: Step): void {
      if (one.kind === 'write') this.write();
      else if (one.kind === 'read') this.read(one.sink, one.count);
      else if (one.kind === 'confirm') this.confirm(one.sink);
      else if (one.kind === 'loseSource') this.loseSource(one.eaten);
      else if (one.kind === 'loseSink') this.loseSink(one.sink);
      else this.restart(one.sinksFirst);
    }

    /** The source half-closes, and everybody reads to the end. */
    finish(): void {
      while (this.next < this.sent) {
        this.write(false);
        for (const at of [0, 1]) {
          this.read(at, 9);
          this.confirm(at);
        }
      }
      this.source.finish();
      for (const [at, sink] of this.sinks.entries()) {
        this.read(at, 99);
        this.confirm(at);
        expect(sink.end.next()).toBe('ended');
        sink.taken += sink.end.takeLost();
      }
      expect(this.source.isDone).toBe(true);
    }

    private write(isNew = true): void {
      if (!this.source.hasRoom()) return;
      if (this.next === this.sent && isNew) this.sent += 1;
      if (this.next < this.sent) expect(this.source.write(block(this.next++))).toBeUndefined();
      this.confirmed = Math.max(this.confirmed, this.source.takeConfirmed() ?? 0);
    }

    private read(at: number, count: number): void {
      const sink = this.sinks[at]!;
      for (let n = 0; n < count; n++) {
        const [next] = read(sink.end, 1);
        if (typeof next !== 'number') return;
        const lost = sink.end.takeLost();
        sink.got.push(...Array(lost).fill(-1), next);
        sink.taken += lost + 1;
        expect(next).toBe(sink.taken - 1);
      }
    }

    private confirm(at: number): void {
      const { end, taken } = this.sinks[at]!;
      if (this.isConfirmed && taken > 0) expect(end.confirm(taken)).toBeUndefined();
    }

    /** The call breaks, and so many blocks that were sent on it never come. */
    private loseSource(eaten: number): void {
      if (!this.isConfirmed) {
        this.sent += eaten;
        this.next = this.sent;
      }
      this.source.close();
      this.openSource();
    }

    private loseSink(at: number): void {
      const sink = this.sinks[at]!;
      sink.end.close();
      sink.end = this.openSink(at, sink.taken);
    }

    private restart(sinksFirst: boolean): void {
      this.world.restart();
      if (!sinksFirst) this.openSource();
      for (const [at, sink] of this.sinks.entries()) sink.end = this.openSink(at, sink.taken);
      if (sinksFirst) this.openSource();
    }

    private openSource(): void {
      const blocks = this.isConfirmed ? this.confirmed : this.sent;
      this.source = this.world.open(this.world.sids[0]!, this.stream.id, blocks) as SourceEnd;
      const told = this.source.takeConfirmed() ?? 0;
      this.confirmed = Math.max(this.confirmed, told);
      this.next = this.isConfirmed ? this.confirmed : this.sent;
    }

    private openSink(at: number, taken: number): SinkEnd {
      return this.world.open(this.stream.sids[at]!, this.stream.branches[at]!, taken) as SinkEnd;
    }
  }
});
