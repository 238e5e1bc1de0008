import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type WiredBranch, wireBranch } from '../../harness/branch-wire.js';
import { systemRandom } from '../../src/client/system.js';
import type { BranchHost } from '../../src/cluster/door/branch-calls.js';
import { Fault, isFault } from '../../src/core/model/fault.js';
import { SinkEnd, type SourceEnd } from '../../src/relay/end.js';
import { DEFAULT_RELAY_LIMITS, type RelayLimits } from '../../src/relay/limits.js';
import { type PeerOutcome, Relay } from '../../src/relay/relay.js';
import type { BranchOwner } from '../../src/relay/remote-branch.js';
import { block, read, World } from './world.js';

/** Two servers with one state: the relay of `World` is at the first, another at the second, and calls for branches between them. */
class TwoServers extends World {
  readonly far: Relay;
  /** At which of them the source's session is. */
  isSourceFar = false;
  isCut = false;
  /** How often a branch was asked for. */
  dials = 0;
  /** What the servers hear when they make sure that they are current, and why they cannot. */
  onCurrent = () => {};
  behind: Fault | undefined;
  /** At which server the sinks' sessions are: at `far` by default. */
  sinksAt = 'far';
  readonly #wired = new Set<WiredBranch>();

  constructor(limits: Partial<RelayLimits> = {}) {
    super(limits);
    const registry = { state: this.state, used: () => {}, submit: async () => {} };
    this.far = new Relay(registry, this.clock, { ...DEFAULT_RELAY_LIMITS, ...limits }, systemRandom);
    this.#join('near', this.relay, this.far, () => this.isSourceFar);
    this.#join('far', this.far, this.relay, () => !this.isSourceFar);
  }

  override do(...command: Parameters<World['do']>): void {
    super.do(...command);
    // The first commands come before there is another server.
    this.far?.publish(this.state.position, []);
  }

  /** Nothing passes between the servers from now on. */
  cut(): void {
    this.isCut = true;
    for (const wired of this.#wired) wired.cut();
    this.#wired.clear();
  }

  /** The source's session goes to the other server. */
  move(): void {
    this.isSourceFar = !this.isSourceFar;
    for (const relay of [this.relay, this.far]) relay.moved(this.sids[0]!);
  }

  at(isFar: boolean): Relay {
    return isFar ? this.far : this.relay;
  }

  openFar(sid: number, id: number, blocks?: number): SinkEnd {
    const opened = this.far.open(sid, id, blocks);
    if (isFault(opened) || !(opened.end instanceof SinkEnd)) throw new Error('no sink');
    return opened.end;
  }

  /** Lets time pass, and what it brings be carried. */
  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= 50) {
      this.clock.advance(Math.min(50, leftMs));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #join(name: string, here: Relay, there: Relay, isElsewhere: () => boolean): void {
    const host = {
      reached: async () => undefined,
      open: (...request: Parameters<Relay['openForPeer']>) => there.openForPeer(...request),
      waitMs: DEFAULT_RELAY_LIMITS.peerDownMs,
    };
    const soon = (call: () => void) => this.clock.soon(call);
    here.places = {
      isElsewhere,
      isAt: (sid, server = name) => sid === this.sids[0] || server === this.sinksAt,
      reached: () => undefined,
      current: async () => {
        this.onCurrent();
        return this.behind;
      },
      dial: (_stream, request, owner) => {
        this.dials++;
        if (this.isCut) {
          soon(() => owner.broken());
          return { confirm: () => {}, pause: () => {}, resume: () => {}, close: () => {} };
        }
        const wired = wireBranch(host, { request, revision: 0, owner, server: name }, { there: soon, back: soon });
        this.#wired.add(wired);
        return wired.link;
      },
    };
  }
}

describe('a sink whose source is at another server', () => {
  it('is given every block in order, and its end', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1);
    const source = world.open(world.sids[0], id) as SourceEnd;
    const sink = world.openFar(sids[0], branches[0]);
    for (let n = 0; n < 50; n++) source.write(block(n));
    source.finish();
    await world.pass(500);
    expect(read(sink)).toEqual([...Array.from({ length: 50 }, (_, n) => n), 'ended']);
  });

  it('holds the source up as one at the same server does', async () => {
    const world = new TwoServers({ windowBytesMax: 20 });
    const { id, sids, branches } = world.bare(1);
    const source = world.open(world.sids[0], id) as SourceEnd;
    const sink = world.openFar(sids[0], branches[0]);
    let sent = 0;
    for (let round = 0; round < 100; round++) {
      if (source.hasRoom()) source.write(block(sent++));
      await world.pass(50);
    }
    // A window at the source's server, and one at the sink's.
    expect(sent).toBeLessThanOrEqual(22);
    expect(read(sink, 10)).toHaveLength(10);
    await world.pass(500);
    expect(source.hasRoom()).toBe(true);
  });

  it('confirms to the source what it has confirmed, and no more than it was given', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    const source = world.open(world.sids[0], id) as SourceEnd;
    const sink = world.openFar(sids[0], branches[0]);
    for (let n = 0; n < 5; n++) source.write(block(n));
    await world.pass(200);
    expect(read(sink)).toEqual([0, 1, 2, 3, 4]);
    expect(sink.confirm(6)).toMatchObject({ reason: 'FIELD_INVALID' });
    sink.confirm(3);
    await world.pass(200);
    expect(source.takeConfirmed()).toBe(3);
  });

  it('goes on after its servers were cut off from each other for less than 10 s, and misses nothing', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    const source = world.open(world.sids[0], id) as SourceEnd;
    const sink = world.openFar(sids[0], branches[0]);
    for (let n = 0; n < 5; n++) source.write(block(n));
    await world.pass(200);
    expect(read(sink, 3)).toEqual([0, 1, 2]);
    sink.confirm(2);
    world.cut();
    for (let n = 5; n < 8; n++) source.write(block(n));
    await world.pass(9_000);
    world.isCut = false;
    await world.pass(1_000);
    expect(read(sink)).toEqual([3, 4, 5, 6, 7]);
    sink.confirm(8);
    await world.pass(200);
    expect(source.takeConfirmed()).toBe(8);
  });

  it('keeps its call when it confirms after a redial what came over the link before, and the source hears of it', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    const source = world.open(world.sids[0], id) as SourceEnd;
    const sink = world.openFar(sids[0], branches[0]);
    for (let n = 0; n < 50; n++) source.write(block(n));
    await world.pass(1_000);
    expect(read(sink)).toHaveLength(50);
    world.cut();
    await world.pass(100);
    world.isCut = false;
    for (let ms = 0; ms < 500; ms += 10) {
      await world.pass(10);
      if (world.dials === 2) sink.confirm(50);
    }
    await world.pass(1_000);
    expect(sink.fault).toBeUndefined();
    expect(source.takeConfirmed()).toBe(50);
  });

  it('is told to open again when the servers are cut off from each other for 10 s', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1);
    world.open(world.sids[0], id);
    const sink = world.openFar(sids[0], branches[0]);
    await world.pass(200);
    world.cut();
    await world.pass(9_500);
    expect(sink.next()).toBeUndefined();
    await world.pass(1_000);
    expect(sink.next()).toMatchObject({ reason: 'SERVER_CUT_OFF', retryAfterMs: expect.any(Number) });
  });

  it('is not cut off as too slow while its server cannot be reached', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1);
    const source = world.open(world.sids[0], id) as SourceEnd;
    world.openFar(sids[0], branches[0]);
    await world.pass(200);
    world.cut();
    await world.pass(50);
    source.write(block(1));
    await world.pass(DEFAULT_RELAY_LIMITS.sinkStallMs + 5_000);
    expect(world.state.streams.get(branches[0])).toBeDefined();
    await world.pass(12_000);
    expect(world.state.streams.get(branches[0])).toBeUndefined();
  });

  it('is told to open again when the source moves, and the source too', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1);
    const source = world.open(world.sids[0], id) as SourceEnd;
    const sink = world.openFar(sids[0], branches[0]);
    await world.pass(200);
    world.move();
    expect([source.fault?.reason, sink.fault?.reason]).toEqual(['SERVER_CUT_OFF', 'SERVER_CUT_OFF']);
    expect(world.relay.open(world.sids[0], id)).toMatchObject({ reason: 'SERVER_CUT_OFF' });
  });

  it('is told OUT_OF_ORDER once its branch is opened for another server, and does not take it back', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1);
    world.open(world.sids[0], id);
    const sink = world.openFar(sids[0], branches[0]);
    await world.pass(200);
    world.sinksAt = 'third';
    const third = world.relay.openForPeer({ sid: sids[0], branchId: branches[0], blocks: 0 }, 'third');
    await world.pass(2_000);
    expect(sink.fault).toMatchObject({ reason: 'OUT_OF_ORDER' });
    expect(world.dials).toBe(1);
    expect(third).toMatchObject({ end: { fault: undefined } });
  });

  it('is refused its branch at a server that its session has left, whether or not that server knows it', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1);
    world.open(world.sids[0], id);
    world.sinksAt = 'third';
    const request = { sid: sids[0], branchId: branches[0], blocks: 0 };
    expect(world.relay.openForPeer(request, 'far')).toBe('elsewhere');
    expect(world.relay.openForPeer(request, 'third')).toMatchObject({ end: expect.any(SinkEnd) });
    expect(world.far.open(sids[0], branches[0])).toMatchObject({ reason: 'SERVER_CUT_OFF' });
  });

  it('is told to open again when its own session moves to another server', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1);
    world.open(world.sids[0], id);
    const sink = world.openFar(sids[0], branches[0]);
    await world.pass(200);
    world.far.moved(sids[0]);
    expect(sink.fault).toBeUndefined();
    world.sinksAt = 'third';
    world.far.moved(sids[0]);
    expect(sink.fault).toMatchObject({ reason: 'SERVER_CUT_OFF' });
  });

  it('gets nothing after its stream has stopped', async () => {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1);
    const source = world.open(world.sids[0], id) as SourceEnd;
    const sink = world.openFar(sids[0], branches[0]);
    source.write(block(1));
    await world.pass(200);
    world.do({ kind: 'StopStream', sid: world.sids[0], id, reason: 2 });
    await world.pass(200);
    expect(read(sink)).toEqual(['STREAM_STOPPED']);
  });

  it('loses and doubles nothing, whatever is cut and wherever the source moves, where the stream asks for confirmation', async () => {
    const often = ['write', 'write', 'write', 'read', 'read', 'confirm', 'blip', 'pass'];
    const step = fc.constantFrom(...often, 'cut', 'heal', 'move');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const world = new TwoServers();
        const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
        let [confirmed, sent, taken] = [0, 0, 0];
        const got: (number | string)[] = [];
        let source: SourceEnd | undefined;
        let sink: SinkEnd | undefined;
        const open = () => {
          if (source === undefined || source.fault !== undefined) {
            confirmed = source?.takeConfirmed() ?? confirmed;
            const opened = world.at(world.isSourceFar).open(world.sids[0], id, confirmed);
            if (isFault(opened)) throw new Error(opened.message);
            source = opened.end as SourceEnd;
            sent = source.takeConfirmed() ?? confirmed;
            confirmed = sent;
          }
          if (sink === undefined || sink.fault !== undefined) sink = world.openFar(sids[0], branches[0], taken);
        };
        const take = () => {
          open();
          for (const one of read(sink!)) {
            if (typeof one === 'string') continue;
            got.push(one);
            taken++;
          }
        };
        const settle = async () => {
          world.isCut = false;
          for (let round = 0; round < 20; round++) {
            take();
            sink!.confirm(taken);
            confirmed = source!.takeConfirmed() ?? confirmed;
            await world.pass(500);
          }
        };
        const written = new Set<number>();
        for (const one of steps) {
          open();
          if (one === 'write') {
            source!.write(block(sent));
            written.add(sent++);
          } else if (one === 'read') take();
          else if (one === 'confirm') sink!.confirm(taken);
          else if (one === 'cut') world.cut();
          else if (one === 'heal') world.isCut = false;
          else if (one === 'blip') {
            world.cut();
            await world.pass(100);
            world.isCut = false;
            await world.pass(400);
          } else if (one === 'move') world.move();
          else await world.pass(300);
          confirmed = source!.takeConfirmed() ?? confirmed;
        }
        await settle();
        open();
        while (sent < written.size) source!.write(block(sent++));
        await settle();
        expect(got).toEqual([...written].sort((x, y) => x - y));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a server that is behind', () => {
  /** A source whose channel went to `far`, was confirmed more there, and that is back before `near` knows that it had left. */
  function makeBehind() {
    const world = new TwoServers();
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    const source = world.open(world.sids[0], id, 0) as SourceEnd;
    const sink = world.open(sids[0], branches[0], 0) as SinkEnd;
    for (let n = 0; n < 3; n++) source.write(block(n));
    read(sink);
    sink.confirm(3);
    return { world, id, sid: sids[0], branch: branches[0] };
  }

  it('tells a source to open again that has been confirmed more than it knows, once it has heard where the source is', async () => {
    const { world, id } = makeBehind();
    world.onCurrent = () => world.move();
    expect(await world.relay.openCurrently(world.sids[0], id, 5)).toMatchObject({ reason: 'SERVER_CUT_OFF' });
  });

  it('refuses a source that says more than was confirmed, when it has everything that was acknowledged', async () => {
    const { world, id } = makeBehind();
    expect(await world.relay.openCurrently(world.sids[0], id, 5)).toMatchObject({ reason: 'FIELD_INVALID' });
  });

  it('leads a sink to the server of the channel that has been given more than it knows', async () => {
    const { world, id, sid, branch } = makeBehind();
    world.sinksAt = 'near';
    world.onCurrent = () => world.move();
    const opened = await world.relay.openCurrently(sid, branch, 5);
    world.at(true).open(world.sids[0], id, 5);
    await world.pass(500);
    expect(opened).toMatchObject({ channel: expect.any(BigInt), end: { fault: undefined } });
  });

  it('says that it is behind where it cannot become current, and refuses nothing for good', async () => {
    const { world, id } = makeBehind();
    world.behind = new Fault('BEHIND', 'behind', [], 500);
    expect(await world.relay.openCurrently(world.sids[0], id, 5)).toBe(world.behind);
    expect(await world.relay.openCurrently(world.sids[0], 1_000_000)).toBe(world.behind);
  });

  it('sends a peer elsewhere that asks for a branch of a channel that has left', async () => {
    const { world, sid, branch } = makeBehind();
    world.onCurrent = () => world.move();
    expect(await world.relay.openForPeer({ sid, branchId: branch, blocks: 5 }, 'far')).toBe('elsewhere');
  });

  it('opens an end of a stream that it did not know', async () => {
    const world = new TwoServers();
    const { id } = new TwoServers().bare(1);
    world.onCurrent = () => void world.bare(1);
    expect(await world.relay.openCurrently(world.sids[0], id)).toMatchObject({ stream: { id } });
  });

  it('opens nothing for a call that was given up while it made sure: the newer call keeps the stream', async () => {
    const world = new TwoServers();
    const { id } = new TwoServers().bare(1);
    const givenUp = new AbortController();
    let newer: SourceEnd | SinkEnd | undefined;
    world.onCurrent = () => {
      world.bare(1);
      newer = world.open(world.sids[0], id, 0);
      givenUp.abort();
    };
    const late = await world.relay.openCurrently(world.sids[0], id, 0, givenUp.signal);
    expect([late, newer?.fault]).toMatchObject([{ reason: 'STREAM_NOT_FOUND' }, undefined]);
  });

  it('opens nothing for a call that died without a word while it made sure: the newer call keeps the stream', async () => {
    const world = new TwoServers();
    const { id } = new TwoServers().bare(1);
    let newer: SourceEnd | SinkEnd | undefined;
    world.onCurrent = () => {
      world.bare(1);
      newer = world.open(world.sids[0], id, 0);
    };
    const late = await world.relay.openCurrently(world.sids[0], id, 0);
    expect([late, newer?.fault]).toMatchObject([{ reason: 'OUT_OF_ORDER' }, undefined]);
  });

  it('opens the newest of several calls that wait, whatever another session asks for meanwhile', async () => {
    const world = new TwoServers();
    const { id, sids } = new TwoServers().bare(1);
    const calls = [world.sids[0], world.sids[0], sids[0]].map((sid) => world.relay.openCurrently(sid, id, 0));
    world.bare(1);
    const [older, newer, foreign] = await Promise.all(calls);
    expect(older).toMatchObject({ reason: 'OUT_OF_ORDER' });
    expect(newer).toMatchObject({ end: { fault: undefined } });
    expect(foreign).toMatchObject({ reason: 'STREAM_NOT_FOUND' });
  });

  /** A peer's call for a branch that this server does not know yet; the stream comes, and then the call ends. */
  function askAndLeave(host: (world: TwoServers) => Partial<BranchHost>) {
    const world = new TwoServers();
    const { sids, branches } = new TwoServers().bare(1);
    const now = (call: () => void) => call();
    const owner = { opened: () => {}, took: () => {}, ended: () => {}, broken: () => {} } as unknown as BranchOwner;
    const asked = { request: { sid: sids[0], branchId: branches[0], blocks: 0 }, revision: 0, owner, server: 'far' };
    const open: BranchHost['open'] = (...request) => world.relay.openForPeer(...request);
    const wired = wireBranch({ reached: async () => undefined, open, waitMs: 5_000, ...host(world) }, asked, {
      there: now,
      back: now,
    });
    return { world, wired, sid: sids[0], branch: branches[0] };
  }

  const turns = () => new Promise((resolve) => setImmediate(resolve));

  it('opens no branch for a call of a peer that ended meanwhile: the newer call keeps it', async () => {
    const { world, wired, sid, branch } = askAndLeave(() => ({}));
    let newer: SourceEnd | SinkEnd | undefined;
    world.onCurrent = () => {
      world.bare(1);
      newer = world.open(sid, branch, 0);
      wired.link.close();
    };
    await turns();
    expect(newer).toMatchObject({ fault: undefined });
  });

  it('waits for a branch whose call ended just before its end was opened, as for one whose call broke', async () => {
    let opened: ((outcome: PeerOutcome) => void) | undefined;
    const open = () => new Promise<PeerOutcome>((resolve) => (opened = resolve));
    const { world, wired, sid, branch } = askAndLeave(() => ({ open }));
    await turns();
    world.bare(1);
    const outcome = world.relay.open(sid, branch, 0);
    if (isFault(outcome) || !(outcome.end instanceof SinkEnd)) throw new Error('no sink');
    const waits: (number | undefined)[] = [];
    const close = outcome.end.close.bind(outcome.end);
    outcome.end.close = (waitMs) => {
      waits.push(waitMs);
      close(waitMs);
    };
    wired.link.close();
    opened?.(outcome);
    await turns();
    expect(waits).toEqual([5_000]);
  });
});
