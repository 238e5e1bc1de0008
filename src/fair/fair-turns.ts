import { addressKey } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { Fault } from '../core/model/fault.js';
import type { Origin } from '../shares/origin.js';
import { Flow, type Work } from './flow.js';
import type { TurnLimits } from './limits.js';
import { Queue } from './queue.js';
import { TurnCost } from './turn-cost.js';

/** What a call counts at least, in ms: what it takes on a quiet machine with all that node:http2 and grpc-js do for it. */
const CALL_MS = 0.1;
/** What a step counts at least, so that one which no clock can measure costs something, too. */
const STEP_MS = 0.02;
/** When to ask again: what waits is done within some hundred milliseconds. */
const RETRY_MS = 1_000;
/** For how long after another address has come slices are short, in ms: dozens of turns, and no time for who is alone. */
const SHARED_MS = 100;
/** How many kinds of things wait in a flow. */
const LANES = 3;

/** What fair turns stand on. */
export interface FairTurnsDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'soon'>;
  readonly limits: TurnLimits;
  /** Whether an address stands for many clients: each of its connections has turns of its own. */
  readonly isExempt?: (address: string) => boolean;
  /** Called for what is refused because too much waits. */
  readonly refused?: ((what: RefusedKind) => void) | undefined;
  /**
   * Called with what a piece of work throws in its turn; absent: it is thrown. Whoever brings work ends its own peer when it fails,
   * and this is behind them: whatever one address brings, the others have their turns.
   */
  readonly failed?: ((error: unknown) => void) | undefined;
}

/** What is refused when too much of it waits. */
export type RefusedKind = 'call' | 'work';

/**
 * Deals out the time of the event loop among addresses, so that a flood from one of them delays the calls of others by one
 * slice and not by all that it asks for.
 *
 * It is deficit round robin over measured time. An address that has not used up its slice is served at once, without
 * waiting for anybody: so a client that asks now and then feels nothing. One that has waits until every other address that
 * waits has had a slice, and what it used beyond its own is taken off the next. A turn of the event loop deals out one
 * slice, so that sockets are read in between; when one address alone has something waiting, it gets all of them. Slices are
 * short while other addresses ask for something, too: their calls pass several turns.
 *
 * Within an address, calls that begin, costly requests and watches that read a snapshot take turns, each in the order in
 * which they came: a long search does not hold up the neighbours behind the same NAT.
 */
export class FairTurns {
  readonly #deps: FairTurnsDeps;
  readonly #flows = new Map<string, Flow>();
  /** Addresses that came since their last slice was over; served before the others. */
  readonly #fresh = new Queue<string>();
  readonly #others = new Queue<string>();
  readonly #cost = new TurnCost();
  #isPlanned = false;
  /** The address whose turn it is. */
  #current: Flow | undefined;
  #calls = 0;
  #work = 0;
  #unfinished = 0;
  /** Until when slices are short. */
  #sharedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(deps: FairTurnsDeps) {
    this.#deps = deps;
  }

  /** What callers are told apart by: their address (of IPv6, its /64), or their connection where the address is exempt. */
  keyOf({ address, connection }: Origin): string {
    return connection !== undefined && this.#deps.isExempt?.(address) ? connection : addressKey(address);
  }

  /** How many calls and costly requests wait. */
  get waiting(): number {
    return this.#calls + this.#work;
  }

  /** How many addresses have something waiting, or have used time just now. */
  get addressCount(): number {
    return this.#flows.size;
  }

  /** Begins a call at once or when it is the address's turn. Answers with the refusal when too many wait. */
  enter(key: string, begin: () => void): Fault | undefined {
    const flow = this.#reach(key);
    if (flow.creditMs > 0 && flow.calls.size === 0) {
      this.#spend(flow, () => this.#timed(begin, CALL_MS));
      return undefined;
    }
    const { callsPerAddressMax, callsMax } = this.#deps.limits;
    const refusal =
      flow.calls.size >= callsPerAddressMax
        ? new Fault('RATE_LIMITED', `${callsPerAddressMax} calls of one address wait already`, [], RETRY_MS)
        : this.#calls >= callsMax
          ? new Fault('OVERLOADED', `${callsMax} calls wait already`, [], RETRY_MS)
          : undefined;
    if (refusal !== undefined) {
      this.#deps.refused?.('call');
      return refusal;
    }
    this.#calls++;
    flow.calls.push(begin);
    return undefined;
  }

  /**
   * Does a costly request in steps, each some tenths of a millisecond long if that can be, and resolves with what the last
   * of them answers; or with a refusal when too many wait. The first step is taken at once when it is the address's turn.
   *
   * Rejects when a step throws. What is not wanted any more is given up, and resolves with a refusal that nobody reads.
   */
  run<T>(key: string, step: () => T | 'more', isWanted: () => boolean = () => true): Promise<T | Fault> {
    const flow = this.#reach(key);
    const { workPerAddressMax, workMax } = this.#deps.limits;
    if (flow.work.size >= workPerAddressMax) {
      const message = `${workPerAddressMax} costly requests of one address wait already`;
      return Promise.resolve(this.#refuseWork(new Fault('RATE_LIMITED', message, [], RETRY_MS)));
    }
    if (this.#work >= workMax) {
      const message = `${workMax} costly requests wait already`;
      return Promise.resolve(this.#refuseWork(new Fault('OVERLOADED', message, [], RETRY_MS)));
    }
    return new Promise((resolve, reject) => {
      const work: Work = {
        hasBegun: false,
        isUnfinished: false,
        step: () => {
          try {
            if (!isWanted()) {
              resolve(new Fault('RATE_LIMITED', 'given up by its caller'));
              return true;
            }
            const answer = step();
            if (answer === 'more') return false;
            resolve(answer);
          } catch (error) {
            reject(error);
          }
          return true;
        },
        refuse: resolve,
      };
      this.#work++;
      flow.work.push(work);
      // In the midst of a turn, that turn goes on with it.
      if (this.#current !== undefined || flow.work.size > 1 || flow.creditMs <= 0) return;
      this.#spend(flow, () => this.#stepWhileOnCredit(flow));
    });
  }

  /** Counts time that an address has used without having waited for its turn. Within a turn it is counted anyway. */
  charge(key: string, ms: number): void {
    if (this.#current !== undefined) return;
    this.#reach(key).creditMs -= this.#cost.of(ms);
  }

  /**
   * For something that is read piece by piece: whether it may go on now. If not, `wake` is called when it may; what wakes
   * up is bounded by whoever lets it begin.
   */
  mayGoOn(key: string, wake: () => void): boolean {
    const flow = this.#reach(key);
    if (this.#current === flow || (flow.creditMs > 0 && flow.wakes.size === 0)) return true;
    flow.wakes.add(wake);
    return false;
  }

  /** Whether an address has used up its slice and has to wait. Costs next to nothing for one that has not. */
  isBehind(key: string): boolean {
    const flow = this.#flows.get(key);
    return flow !== undefined && flow !== this.#current && flow.creditMs <= 0;
  }

  /** What waited to go on is over. */
  forget(key: string, wake: () => void): void {
    this.#flows.get(key)?.wakes.delete(wake);
  }

  /** Among more addresses than may leave something half done each has to get done what it can. */
  get #sliceMs(): number {
    const { sliceMs, sharedSliceMs, unfinishedMax } = this.#deps.limits;
    const isShared = this.#flows.size <= unfinishedMax && this.#deps.clock.nowMs() < this.#sharedUntilMs;
    return isShared ? sharedSliceMs : sliceMs;
  }

  #reach(key: string): Flow {
    const known = this.#flows.get(key);
    if (known !== undefined) return known;
    if (this.#flows.size > 0) this.#sharedUntilMs = this.#deps.clock.nowMs() + SHARED_MS;
    const flow = new Flow(this.#deps.limits.sliceMs);
    this.#flows.set(key, flow);
    this.#fresh.push(key);
    this.#plan();
    return flow;
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#deps.clock.soon(() => {
      this.#isPlanned = false;
      this.#cost.turn(this.#deps.clock.nowMs());
      try {
        this.#deal();
      } finally {
        if (this.#flows.size > 0) this.#plan();
        else this.#cost.rest();
      }
    });
  }

  /** Deals out one slice, to one address or to several that use less. */
  #deal(): void {
    const sliceMs = this.#sliceMs;
    // Everybody once at most: what an address alone owes is worked off in turns in which sockets are read, too.
    let visits = this.#fresh.size + this.#flows.size;
    for (let spentMs = 0; spentMs < sliceMs && visits > 0; visits--) {
      const fresh = this.#fresh.shift();
      const key = fresh ?? this.#others.shift();
      if (key === undefined) throw new Error('an address is in the map and in no queue');
      const flow = this.#flows.get(key)!;
      if (fresh === undefined) flow.creditMs = Math.min(flow.creditMs + sliceMs, sliceMs);
      try {
        spentMs += this.#serve(flow);
      } finally {
        if (fresh === undefined && flow.isIdle && flow.creditMs > 0) this.#flows.delete(key);
        else this.#others.push(key);
      }
    }
  }

  /** Does what waits in a flow while it has credit. Answers with the time that takes. */
  #serve(flow: Flow): number {
    let spentMs = 0;
    while (flow.creditMs > 0) {
      const takenMs = this.#spend(flow, () => this.#tryNext(flow));
      if (takenMs === undefined) break;
      spentMs += takenMs;
    }
    this.#rest(flow);
    return spentMs;
  }

  /** Takes what a piece costs off the credit. */
  #spend<T extends number | undefined>(flow: Flow, piece: () => T): T {
    const before = this.#current;
    this.#current = flow;
    try {
      const ms = piece();
      flow.creditMs -= ms ?? 0;
      return ms;
    } finally {
      this.#current = before;
    }
  }

  /** Does one thing of the flow. One that throws is over, and costs as much as a call. */
  #tryNext(flow: Flow): number | undefined {
    try {
      return this.#doNext(flow);
    } catch (error) {
      if (this.#deps.failed === undefined) throw error;
      this.#deps.failed(error);
      return CALL_MS;
    }
  }

  /** Does one thing of the lane that comes next and has one. Answers with its cost; undefined when nothing waits. */
  #doNext(flow: Flow): number | undefined {
    for (let tried = 0; tried < LANES; tried++) {
      const lane = flow.lane;
      flow.lane = (lane + 1) % LANES;
      const ms = lane === 0 ? this.#beginCall(flow) : lane === 1 ? this.#stepWork(flow) : this.#wakeOne(flow);
      if (ms !== undefined) return ms;
    }
    return undefined;
  }

  #beginCall(flow: Flow): number | undefined {
    const begin = flow.calls.shift();
    if (begin === undefined) return undefined;
    this.#calls--;
    return this.#timed(begin, CALL_MS);
  }

  #wakeOne(flow: Flow): number | undefined {
    for (const wake of flow.wakes) {
      flow.wakes.delete(wake);
      return this.#timed(wake, STEP_MS);
    }
    return undefined;
  }

  #stepWork(flow: Flow): number | undefined {
    const work = flow.work.first;
    if (work === undefined) return undefined;
    let isDone = false;
    const ms = this.#timed(() => {
      isDone = work.step();
    }, STEP_MS);
    work.hasBegun = true;
    if (isDone) this.#end(flow, work);
    return ms;
  }

  /** The first steps of a request for which nothing had to wait. */
  #stepWhileOnCredit(flow: Flow): number {
    let ms = 0;
    while (ms < flow.creditMs && flow.work.size > 0) ms += this.#stepWork(flow)!;
    this.#rest(flow);
    return ms;
  }

  /** The slice is over: what is begun and not done is held from now on, if there is room for it. */
  #rest(flow: Flow): void {
    const work = flow.work.first;
    if (work === undefined || work.isUnfinished || !work.hasBegun) return;
    const { unfinishedMax } = this.#deps.limits;
    if (this.#unfinished < unfinishedMax) {
      work.isUnfinished = true;
      this.#unfinished++;
      return;
    }
    this.#end(flow, work);
    const message = `${unfinishedMax} requests are under way already that take longer than ${this.#deps.limits.sliceMs} ms`;
    work.refuse(this.#refuseWork(new Fault('OVERLOADED', message, [], RETRY_MS)));
  }

  #end(flow: Flow, work: Work): void {
    flow.work.shift();
    this.#work--;
    if (work.isUnfinished) this.#unfinished--;
  }

  #refuseWork(fault: Fault): Fault {
    this.#deps.refused?.('work');
    return fault;
  }

  #timed(piece: () => void, leastMs: number): number {
    const { clock } = this.#deps;
    const fromMs = clock.nowMs();
    piece();
    return this.#cost.of(Math.max(leastMs, clock.nowMs() - fromMs));
  }
}
