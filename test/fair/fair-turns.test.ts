import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../harness/seed.js';
import { Fault } from '../../src/core/model/fault.js';
import { FairTurns } from '../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS, type TurnLimits } from '../../src/fair/limits.js';

const SLICE_MS = 2;
const LIMITS: TurnLimits = {
  sliceMs: SLICE_MS,
  sharedSliceMs: SLICE_MS,
  callsPerAddressMax: 4,
  callsMax: 6,
  workPerAddressMax: 4,
  workMax: 6,
  unfinishedMax: 2,
};

/** An event loop whose turns are made by hand, in which only work takes time. */
class Loop {
  now = 0;
  #soon: (() => void)[] = [];

  nowMs = () => this.now;
  soon = (call: () => void) => void this.#soon.push(call);

  /** One turn. False: there was nothing to do in it. */
  turn(): boolean {
    const ready = this.#soon;
    this.#soon = [];
    for (const call of ready) call();
    return ready.length > 0;
  }

  /** As many turns as there are. */
  drain(): void {
    for (let turns = 0; this.turn(); turns++) if (turns > 100_000) throw new Error('turns without end');
  }
}

function make(limits: TurnLimits = DEFAULT_TURN_LIMITS) {
  const loop = new Loop();
  const turns = new FairTurns({ clock: loop, limits });
  const log: string[] = [];
  /** A piece of work of so many steps of so many ms, which writes down each. */
  const run = (key: string, name: string, steps: number, stepMs: number, isWanted?: () => boolean) => {
    let left = steps;
    const step = () => {
      loop.now += stepMs;
      log.push(name);
      return --left === 0 ? name : ('more' as const);
    };
    return turns.run<string>(key, step, isWanted);
  };
  const call = (key: string, name: string, ms: number) =>
    turns.enter(key, () => {
      loop.now += ms;
      log.push(name);
    });
  return { loop, turns, log, run, call };
}

describe('fair turns', () => {
  it('serve an address at once that has used nothing, however much waits of another', () => {
    const { log, run, call, loop } = make();
    for (let at = 0; at < 100; at++) void run('flood', 'flood', 10, 1);
    loop.turn();
    log.length = 0;
    call('other', 'call', 0.1);
    void run('other', 'work', 1, 0.5);
    expect(log).toEqual(['call', 'work']);
  });

  it('deal out one slice a turn of the event loop, and all of them to an address that is alone', () => {
    const { loop, log, run } = make();
    for (let at = 0; at < 10; at++) void run('alone', 'step', 10, 0.5);
    log.length = 0;
    loop.turn();
    // What it had used at once was its first slice.
    expect(log.length).toBe(SLICE_MS / 0.5);
    loop.turn();
    expect(log.length).toBe((2 * SLICE_MS) / 0.5);
    loop.drain();
    expect(loop.now).toBe(50);
  });

  it('make an address wait for as long as a piece of its took beyond its slice', () => {
    const { loop, log, run, turns } = make();
    turns.charge('a', 5 * SLICE_MS);
    for (let at = 0; at < 20; at++) void run('b', 'b', 1, SLICE_MS);
    void run('a', 'a', 1, 1);
    loop.drain();
    expect(log.indexOf('a')).toBeGreaterThanOrEqual(4);
    expect(log.indexOf('a')).toBeLessThanOrEqual(6);
  });

  it('do not hold up the calls of an address behind its own long search', () => {
    const { loop, log, run, call } = make();
    void run('a', 'search', 1_000, 0.5);
    for (let at = 0; at < 5; at++) call('a', `call ${at}`, 0.1);
    for (let turn = 0; turn < 6; turn++) loop.turn();
    expect(log.filter((one) => one !== 'search')).toEqual(['call 0', 'call 1', 'call 2', 'call 3', 'call 4']);
  });

  it('refuse what waits beyond the bound of one address, and of all, with when to ask again', async () => {
    const { loop, run, call } = make(LIMITS);
    void run('a', 'a', 1, 3);
    for (let at = 0; at < 4; at++) void run('a', 'a', 1, 1);
    const beyond = (await run('a', 'a', 1, 1)) as Fault;
    expect([beyond.reason, beyond.retryAfterMs]).toEqual(['RATE_LIMITED', 1_000]);
    expect(beyond.message).toBe('4 costly requests of one address wait already');
    void run('b', 'b', 1, 3);
    for (let at = 0; at < 2; at++) void run('b', 'b', 1, 1);
    expect(((await run('b', 'b', 1, 1)) as Fault).reason).toBe('OVERLOADED');
    for (let at = 0; at < 4; at++) expect(call('a', 'call', 1)).toBeUndefined();
    expect(call('a', 'call', 1)?.reason).toBe('RATE_LIMITED');
    for (let at = 0; at < 2; at++) expect(call('b', 'call', 1)).toBeUndefined();
    expect(call('b', 'call', 1)?.reason).toBe('OVERLOADED');
    loop.drain();
    expect(call('b', 'call', 1)).toBeUndefined();
  });

  it('refuse what cannot be done in one slice while as much as may rests half done, and do what can', async () => {
    const { loop, run } = make(LIMITS);
    const long = ['a', 'b'].map((key) => run(key, key, 100, 1));
    const refused = (await run('c', 'c', 100, 1)) as Fault;
    expect([refused.reason, refused.retryAfterMs]).toEqual(['OVERLOADED', 1_000]);
    expect(await run('d', 'd', 2, 0.5)).toBe('d');
    loop.drain();
    expect(await Promise.all(long)).toEqual(['a', 'b']);
    const again = run('c', 'c', 100, 1);
    loop.drain();
    expect(await again).toBe('c');
  });

  it('give up what is not wanted any more', async () => {
    const { loop, log, run } = make();
    let isWanted = true;
    const search = run('a', 'search', 1_000, 1, () => isWanted);
    loop.turn();
    const before = log.length;
    isWanted = false;
    loop.drain();
    expect(log.length).toBe(before);
    expect(await search).toBeInstanceOf(Fault);
  });

  it('reject when a step throws, and go on with the others', async () => {
    const { loop, run, turns } = make();
    void run('a', 'a', 1, 3);
    const broken = turns.run('a', () => {
      throw new Error('broken');
    });
    const next = run('a', 'next', 1, 1);
    loop.drain();
    await expect(broken).rejects.toThrow('broken');
    expect(await next).toBe('next');
  });

  it('go on with others, and with the same address, after a call or a reader that throws in its turn', () => {
    const loop = new Loop();
    const failures: unknown[] = [];
    const turns = new FairTurns({ clock: loop, limits: DEFAULT_TURN_LIMITS, failed: (error) => failures.push(error) });
    const begun: string[] = [];
    const fails = (what: string) => () => {
      throw what;
    };
    for (const key of ['a', 'b']) turns.charge(key, 5);
    turns.enter('a', fails('call'));
    turns.mayGoOn('a', fails('reader'));
    void turns.run('a', () => undefined, fails('unwanted')).catch((error) => failures.push(error));
    for (const key of ['a', 'b']) turns.enter(key, () => begun.push(key));
    loop.drain();
    expect(failures).toEqual(['call', 'reader']);
    expect(begun.sort()).toEqual(['a', 'b']);
    turns.charge('a', 5);
    turns.enter('a', () => begun.push('later'));
    loop.drain();
    expect(begun.at(-1)).toBe('later');
    expect([turns.addressCount, turns.waiting]).toEqual([0, 0]);
  });

  it('lose no address where nobody is told of what is thrown', () => {
    const { loop, turns, log, call } = make();
    turns.charge('a', 5);
    turns.enter('a', () => {
      throw new Error('broken');
    });
    call('a', 'next', 1);
    expect(() => loop.drain()).toThrow('broken');
    loop.drain();
    expect(log).toEqual(['next']);
  });

  it('wake what is read piece by piece when its address has its turn, unless it is over', () => {
    const { loop, turns } = make();
    const woken: string[] = [];
    const [one, other] = [() => void woken.push('one'), () => void woken.push('other')];
    expect(turns.mayGoOn('a', one)).toBe(true);
    turns.charge('a', 5);
    expect(turns.mayGoOn('a', one)).toBe(false);
    expect(turns.mayGoOn('a', other)).toBe(false);
    turns.forget('a', other);
    loop.drain();
    expect(woken).toEqual(['one']);
  });

  it('tell apart addresses, and connections only where the address is exempt', () => {
    const clock = new Loop();
    const turns = new FairTurns({ clock, limits: LIMITS, isExempt: (address) => address === '10.0.0.1' });
    const keyOf = (address: string, connection?: string) => turns.keyOf({ address, connection });
    expect(keyOf('10.0.0.2', 'x')).toBe(keyOf('::ffff:10.0.0.2', 'y'));
    expect(keyOf('2001:db8::1', 'x')).toBe(keyOf('2001:db8::2', 'y'));
    expect(keyOf('10.0.0.1', 'x')).not.toBe(keyOf('10.0.0.1', 'y'));
  });

  it('are short while another address asks for something, and long again when it has stopped', () => {
    const { loop, turns, call } = make();
    for (let at = 0; at < 10_000; at++) call('flood', 'call', 0.2);
    /** How long some turns of the event loop take, each with or without a call of another address. */
    const turnsTake = (isAsked: boolean) => {
      const fromMs = loop.now;
      for (let turn = 0; turn < 50; turn++) {
        if (isAsked) turns.enter('other', () => {});
        loop.turn();
      }
      return (loop.now - fromMs) / 50;
    };
    expect(turnsTake(false)).toBeGreaterThan(1.5);
    expect(turnsTake(true)).toBeLessThan(0.75);
    loop.now += 200;
    turnsTake(false);
    expect(turnsTake(false)).toBeGreaterThan(1.5);
  });

  it('are long among more addresses than may rest, so that what fits into one is done in it', async () => {
    const { loop, turns, run } = make({ ...DEFAULT_TURN_LIMITS, unfinishedMax: 3 });
    const keys = Array.from({ length: 12 }, (_, at) => `address ${at}`);
    // The first slice of each is used up.
    for (const key of keys) turns.charge(key, 2);
    const asked = keys.map((key) => run(key, 'search', 6, 0.25));
    loop.drain();
    expect(await Promise.all(asked)).toEqual(asked.map(() => 'search'));
  });

  it('hold nothing of addresses whose turn is over', () => {
    const { loop, turns, run } = make();
    for (let at = 0; at < 100; at++) void run(`address ${at}`, 'step', 3, 1);
    expect(turns.addressCount).toBe(100);
    loop.drain();
    expect([turns.addressCount, turns.waiting]).toEqual([0, 0]);
  });
});

describe('fair turns of many addresses', () => {
  const piece = fc.record({ steps: fc.integer({ min: 1, max: 6 }), stepMs: fc.integer({ min: 1, max: 40 }) });
  const queue = fc.array(piece, { minLength: 1, maxLength: 30 });
  const queues = fc.array(queue, { minLength: 2, maxLength: 6 });

  it(`give none more than another that waits has had, a slice and a step excepted (seed ${SEED})`, () => {
    fc.assert(
      fc.property(queues, (drawn) => {
        const { loop, turns } = make({ ...DEFAULT_TURN_LIMITS, unfinishedMax: 1_000 });
        const used = drawn.map(() => 0);
        const left = drawn.map((pieces) => pieces.length);
        const order = drawn.map((): number[] => []);
        const longest = Math.max(...drawn.flat().map(({ stepMs }) => stepMs / 10));
        drawn.forEach((pieces, address) => {
          pieces.forEach(({ steps, stepMs }, at) => {
            let stepsLeft = steps;
            const step = () => {
              loop.now += stepMs / 10;
              used[address] += stepMs / 10;
              if (--stepsLeft > 0) return 'more' as const;
              left[address]--;
              order[address].push(at);
              return undefined;
            };
            void turns.run(`address ${address}`, step);
          });
        });
        let longestTurn = 0;
        let ahead = 0;
        for (let busy = true; busy; ) {
          const before = loop.now;
          busy = loop.turn();
          longestTurn = Math.max(longestTurn, loop.now - before);
          const waiting = used.filter((_, address) => left[address] > 0);
          if (waiting.length > 0) ahead = Math.max(ahead, Math.max(...used) - Math.min(...waiting));
        }
        // One slice in a turn of the event loop, which its last step may pass.
        expect(longestTurn).toBeLessThanOrEqual(2 * SLICE_MS + longest + 1e-6);
        expect(ahead).toBeLessThanOrEqual(SLICE_MS + longest + 1e-6);
        // Nobody starved, and each address was served in its order.
        expect(order).toEqual(drawn.map((pieces) => pieces.map((_, at) => at)));
        expect(loop.now).toBeCloseTo(used.reduce((sum, ms) => sum + ms, 0));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
