import type { CallStatus } from '../../../src/client/error.js';
import type { Scheduler } from './scheduler.js';

/** A call as it reaches a server. */
export interface Asked {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
  readonly timeoutMs: number | undefined;
  /** The client's address: one for each connection. */
  readonly peer: string;
}

/** The end of a call that asked. */
export interface Caller {
  message(bytes: Uint8Array): void;
  /** The server has taken so many bytes of requests; only of a call that goes both ways. */
  taken?(bytes: number): void;
  end(status: CallStatus): void;
}

/** The end of a call that answers. */
export interface Callee {
  /** The client is gone, or does not want the answer any more. */
  cancel(): void;
  /** The client has taken so many bytes: the window is open for as many. */
  credit(bytes: number): void;
  /** One more request of a call that goes both ways. */
  push?(bytes: Uint8Array): void;
  /** The client has said all that it has to say, and still listens. */
  halfClose?(): void;
}

/** Takes calls in. What it says to the caller travels; it never arrives at once. */
export interface Listener {
  accept(asked: Asked, caller: Caller): Callee;
  /** A connection is over for this end. */
  left(peer: string): void;
}

/** Which way something travels: up to the server, or down to the client. */
export type Direction = 'up' | 'down';

/** Why a connection does not answer: a way that swallows, an end that stands still, a machine that lost its power. */
export type Impairment = Direction | 'client' | 'server' | 'power';

/** A client pings after 20 s of silence and waits 10 s (src/client/limits.ts). */
const CLIENT_NOTICES_MS = 30_000;
/** A server pings after 30 s of silence and waits 10 s (src/grpc/door.ts). */
const SERVER_NOTICES_MS = 40_000;
const UNAVAILABLE = 14;

/** One call on a connection, with each end for as long as it takes part. */
interface Leg {
  caller: Caller | undefined;
  callee: Callee | undefined;
  /** The server has said its last word. */
  answered: boolean;
  /** When the last of what is on its way arrives: nothing overtakes within a call. */
  readonly dueMs: Record<Direction, number>;
}

/**
 * One connection of HTTP/2 as seen from outside: every call keeps its order, calls overtake each other, and either way can
 * swallow everything without anybody being told.
 *
 * An end that hears nothing for long gives the connection up, each by its own keepalive; so one of them can hold for dead
 * what the other still believes in.
 */
export class Connection {
  private readonly legs = new Set<Leg>();
  private readonly held: Readonly<Record<Direction, (() => void)[]>> = { up: [], down: [] };
  private readonly impairments = new Set<Impairment>();
  private impairedSinceMs: number | undefined;
  private clientIsThere = true;
  private serverIsThere = true;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly latencyMs: () => number,
    private readonly listener: Listener,
    readonly peer: string,
    /** Told when neither end believes in it any more. */
    private readonly gone: (connection: Connection) => void,
  ) {}

  /** Whether new calls of the client go over it. */
  get isUsable(): boolean {
    return this.clientIsThere;
  }

  /** Makes a call. What the callee gets to hear afterwards goes through the answer. */
  call(asked: Omit<Asked, 'peer'>, caller: Caller): Callee {
    const leg: Leg = { caller, callee: undefined, answered: false, dueMs: { up: 0, down: 0 } };
    this.legs.add(leg);
    const answers: Caller = {
      message: (bytes) => this.carry(leg, 'down', () => leg.caller?.message(bytes)),
      taken: (bytes) => this.carry(leg, 'down', () => leg.caller?.taken?.(bytes)),
      end: (status) => {
        leg.callee = undefined;
        leg.answered = true;
        this.carry(leg, 'down', () => this.endCaller(leg, status));
      },
    };
    this.carry(leg, 'up', () => {
      const callee = this.listener.accept({ ...asked, peer: this.peer }, answers);
      if (leg.answered) return;
      leg.callee = callee;
      // The caller may have given up while the call was on its way; the callee has to hear of it all the same.
      this.legs.add(leg);
    });
    return {
      cancel: () => {
        if (leg.caller === undefined) return;
        leg.caller = undefined;
        this.carry(leg, 'up', () => this.endCallee(leg));
      },
      credit: (bytes) => this.carry(leg, 'up', () => leg.callee?.credit(bytes)),
      push: (bytes) => this.carry(leg, 'up', () => leg.callee?.push?.(bytes)),
      halfClose: () => this.carry(leg, 'up', () => leg.callee?.halfClose?.()),
    };
  }

  /** Breaks one call that is under way, for both ends; the one that began `nth`. */
  breakCall(nth: number): void {
    const leg = [...this.legs][nth % Math.max(1, this.legs.size)];
    if (leg === undefined) return;
    this.carry(leg, 'down', () => this.endCaller(leg, { code: UNAVAILABLE, message: 'the call was reset' }));
    this.carry(leg, 'up', () => this.endCallee(leg));
  }

  /** Breaks the connection; each end hears of it in its own time. */
  reset(): void {
    this.scheduler.after(this.latencyMs(), () => this.loseClient('the connection was reset'));
    this.scheduler.after(this.latencyMs(), () => this.loseServer());
  }

  /** From now on something does not get through, or does not react. */
  impair(by: Impairment): void {
    if (this.impairments.has(by)) return;
    this.impairments.add(by);
    if (this.impairedSinceMs !== undefined) return;
    const sinceMs = this.scheduler.nowMs;
    this.impairedSinceMs = sinceMs;
    const unless = (call: () => void) => () => {
      if (this.impairedSinceMs === sinceMs) call();
    };
    this.scheduler.after(
      CLIENT_NOTICES_MS,
      unless(() => this.loseClient('keepalive failed')),
    );
    this.scheduler.after(
      SERVER_NOTICES_MS,
      unless(() => this.loseServer()),
    );
  }

  /** It gets through again, with everything that was sent meanwhile. */
  repair(by: Impairment): void {
    if (!this.impairments.delete(by)) return;
    if (this.impairments.size === 0) this.impairedSinceMs = undefined;
    if (by === 'up' || by === 'down') this.deliverHeld(by);
  }

  /** The server's process died. If its machine lives on, the client hears of it. */
  serverDied(loudly: boolean): void {
    this.serverIsThere = false;
    for (const leg of this.legs) leg.callee = undefined;
    if (loudly) {
      const tell = () => this.loseClient('the connection was reset by the server');
      this.scheduler.after(this.latencyMs(), () => this.arrive('down', tell));
    } else this.impair('power');
    this.tidy();
  }

  /** The client's process died. If its machine lives on, the server hears of it. */
  clientDied(loudly: boolean): void {
    this.clientIsThere = false;
    for (const leg of this.legs) leg.caller = undefined;
    if (loudly) this.scheduler.after(this.latencyMs(), () => this.arrive('up', () => this.loseServer()));
    else this.impair('power');
    this.tidy();
  }

  private carry(leg: Leg, way: Direction, deliver: () => void): void {
    const dueMs = Math.max(leg.dueMs[way], this.scheduler.nowMs + this.latencyMs());
    leg.dueMs[way] = dueMs;
    this.scheduler.at(dueMs, () => this.arrive(way, deliver));
  }

  private arrive(way: Direction, deliver: () => void): void {
    if (!this.isHeardAt(way)) return;
    // What was held up comes first.
    if (this.impairments.has(way) || this.held[way].length > 0) this.held[way].push(deliver);
    else deliver();
  }

  /** Delivers what was held up, each in an event of its own, unless the way swallows again. */
  private deliverHeld(way: Direction): void {
    const held = this.held[way];
    if (held.length === 0) return;
    this.scheduler.after(0, () => {
      if (this.impairments.has(way)) return;
      const deliver = held.shift();
      if (this.isHeardAt(way)) deliver?.();
      this.deliverHeld(way);
    });
  }

  private isHeardAt(way: Direction): boolean {
    return (way === 'up' ? this.serverIsThere : this.clientIsThere) && !this.impairments.has('power');
  }

  private loseClient(message: string): void {
    if (!this.clientIsThere) return;
    this.clientIsThere = false;
    for (const leg of this.legs) this.endCaller(leg, { code: UNAVAILABLE, message });
    this.scheduler.after(this.latencyMs(), () => this.arrive('up', () => this.loseServer()));
    this.tidy();
  }

  private loseServer(): void {
    if (!this.serverIsThere) return;
    this.serverIsThere = false;
    for (const leg of this.legs) this.endCallee(leg);
    this.listener.left(this.peer);
    const tell = () => this.loseClient('the server closed the connection');
    this.scheduler.after(this.latencyMs(), () => this.arrive('down', tell));
    this.tidy();
  }

  private endCaller(leg: Leg, status: CallStatus): void {
    const { caller } = leg;
    leg.caller = undefined;
    this.forget(leg);
    caller?.end(status);
  }

  private endCallee(leg: Leg): void {
    const { callee } = leg;
    leg.callee = undefined;
    this.forget(leg);
    callee?.cancel();
  }

  private forget(leg: Leg): void {
    if (leg.caller === undefined && leg.callee === undefined) this.legs.delete(leg);
  }

  private tidy(): void {
    if (!this.clientIsThere && !this.serverIsThere) this.gone(this);
  }
}
