import type { Socket } from 'node:net';
import { plainAddress } from '../../base/address.js';
import type { Clock } from '../../base/clock.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { Endpoint } from '../../stun/address.js';
import { type Candidate, CandidateType, familyOf, hostAddresses, ordered } from './candidate.js';
import { PUNCH_LIMITS } from './limits.js';
import type { PortMapper } from './nat-pmp.js';
import { openAll } from './open-all.js';
import type { Outcome } from './outcome.js';
import type { AttemptOutcome, AttemptPlan, DirectPath, PairOutcome, Puncher } from './path.js';
import { PathRace, type Winner } from './race.js';
import { notDialled, Reach } from './reach.js';
import { TcpFamily } from './tcp-family.js';

/**
 * Reaches a peer over TCP: dials everything that the peer may be reached at, and takes what dials here.
 *
 * The peer's own addresses are dialled as soon as the order is there, because that is either the same network or a
 * peer without a NAT (connection reversal, as DCUtR does it first). What lies behind a NAT is dialled at the ordered
 * moment, so that each side's first SYN leaves before the other's arrives and both routers see an answer in it.
 */
export class TcpPunch implements Puncher {
  readonly candidates: readonly Candidate[];
  readonly #families: readonly TcpFamily[];
  readonly #clock: Clock;
  /** Connections that came while no attempt was running: the peer's order arrived before ours. */
  readonly #early = new Set<Socket>();
  readonly #reach: Reach;
  #race: PathRace<Socket> | undefined;
  /** What came of the dials of an attempt, and of connections that came: the winner first. */
  #pairs: PairOutcome[] = [];
  #came: PairOutcome[] = [];
  /** Of connections that came: done once what came of them is noted. */
  readonly #noted = new WeakMap<Socket, Promise<void>>();

  private constructor(families: readonly TcpFamily[], clock: Clock) {
    this.#families = families;
    this.#clock = clock;
    this.candidates = ordered(families.flatMap(({ candidates }) => candidates));
    this.#reach = new Reach(this.candidates);
    for (const { server } of families) server.on('connection', (socket) => this.#accept(socket));
  }

  /**
   * Opens the sockets and learns what others see of them. `rendezvous`: one address of each family at most; `port`: where
   * to listen, if it is free; `mapper`: who asks the router to let strangers in there.
   */
  static async gather(
    rendezvous: readonly Endpoint[],
    clock: Clock,
    port?: number,
    mapper?: PortMapper,
  ): Promise<TcpPunch> {
    const families = ([6, 4] as const).filter((family) => family === 4 || hostAddresses(family).length > 0);
    const open = (family: 4 | 6) =>
      TcpFamily.open(
        { family, clock, mapper },
        rendezvous.find(({ host }) => familyOf(host) === family),
        port,
      );
    return new TcpPunch(await openAll(families.map(open), (opened) => opened.close()), clock);
  }

  get roundTripMs(): number | undefined {
    return this.#families.find(({ roundTripMs }) => roundTripMs !== undefined)?.roundTripMs;
  }

  listensAt(port: number): boolean {
    return this.#families.every(({ listenPort }) => listenPort === port);
  }

  async measure(): Promise<number | undefined> {
    const measured = await Promise.all(this.#families.map((family) => family.measure()));
    return measured.find((roundTripMs) => roundTripMs !== undefined);
  }

  async attempt(plan: AttemptPlan, signal?: AbortSignal): Promise<AttemptOutcome> {
    const beforeMs = this.#clock.nowMs();
    const startAfterMs = Math.min(Math.max(plan.startAfterMs, 0), CONNECTION_TIMES.startAfterMaxMs);
    const race = new PathRace<Socket>(plan, this.#clock, (socket) => socket.resetAndDestroy());
    this.#race = race;
    this.#pairs = [];
    this.#came = [];
    const end = () => race.end();
    const timer = this.#clock.after(startAfterMs + CONNECTION_TIMES.attemptMs, end);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
    for (const socket of this.#early) this.#enterAccepted(race, socket);
    this.#early.clear();
    const dials = ordered(plan.candidates).map((to) =>
      this.#reach.dials(to.host) ? this.#dialUntilOver(race, to, startAfterMs) : this.#pairs.push(notDialled(to)),
    );
    const winner = await race.winner;
    race.end();
    timer.cancel();
    signal?.removeEventListener('abort', end);
    await Promise.all([...dials, winner && this.#noted.get(winner.raw)]);
    this.#race = undefined;
    // Strangers may come, so the dials and the winner are first of what the server takes.
    const pairs = [...this.#pairs, ...this.#came].slice(0, PUNCH_LIMITS.pairsMax);
    return { path: winner && pathOf(winner), pairs, tookMs: this.#clock.nowMs() - beforeMs };
  }

  close(): void {
    this.#race?.end();
    for (const family of this.#families) family.close();
    for (const socket of this.#early) socket.destroy();
    this.#early.clear();
  }

  /** Dials one address until it answers, there is no sense in trying, or the race is over. */
  async #dialUntilOver(race: PathRace<Socket>, to: Candidate, startAfterMs: number): Promise<void> {
    const family = this.#families.find((one) => one.family === familyOf(to.host));
    if (family === undefined || this.#isOwn(family, to)) return;
    const local = { host: hostAddresses(family.family)[0] ?? '', port: family.dialPort };
    let outcome: Outcome = 'no answer';
    if (to.type !== CandidateType.HOST) await race.wait(startAfterMs);
    for (let dialled = 0; !race.over && dialled < PUNCH_LIMITS.redialsMax; dialled += 1) {
      const dial = await this.#dialOnce(race, family, to);
      outcome = dial.outcome;
      if (dial.final) break;
      await race.wait(CONNECTION_TIMES.redialMs);
    }
    this.#pairs.push({ local, remote: to, outcome });
  }

  #dialOnce(race: PathRace<Socket>, family: TcpFamily, to: Endpoint): Promise<Dial> {
    return new Promise((resolve) => {
      const socket = family.dial(to);
      void race.winner.then((winner) => {
        if (winner?.raw !== socket) socket.destroy();
        resolve({ outcome: 'no answer', final: true });
      });
      socket.once('error', (error: NodeJS.ErrnoException) => {
        socket.destroy();
        resolve(failure(error));
      });
      socket.once('connect', () => {
        // Closed before the peer has proved itself: it may have had no room for one more.
        resolve(race.enter(socket).then((outcome) => ({ outcome, final: outcome !== 'closed in the handshake' })));
      });
    });
  }

  /** A candidate of the peer that is one's own address: both sides may use the same private network. */
  #isOwn(family: TcpFamily, to: Endpoint): boolean {
    return to.port === family.dialPort && hostAddresses(family.family).includes(to.host);
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    if (this.#race && !this.#race.over) {
      this.#enterAccepted(this.#race, socket);
      return;
    }
    if (this.#early.size >= PUNCH_LIMITS.acceptedMax) this.#evictEarly();
    this.#early.add(socket);
    socket.on('close', () => this.#early.delete(socket));
  }

  /** Which of them is the peer is not known: half of those that are kept came first, and half last. Reset, it dials again. */
  #evictEarly(): void {
    const middle = [...this.#early][PUNCH_LIMITS.acceptedMax / 2];
    if (middle === undefined) return;
    this.#early.delete(middle);
    middle.resetAndDestroy();
  }

  #enterAccepted(race: PathRace<Socket>, socket: Socket): void {
    const { local, remote } = endsOf(socket);
    const noted = race.enterAccepted(socket).then((outcome) => {
      const pair: PairOutcome = { local, remote, outcome: `dialled by it: ${outcome}` };
      if (outcome === 'connected') this.#came.unshift(pair);
      else if (this.#came.length < PUNCH_LIMITS.pairsMax) this.#came.push(pair);
    });
    this.#noted.set(socket, noted);
  }
}

/** What came of one dial, and whether trying again within the same attempt is pointless. */
interface Dial {
  readonly outcome: Outcome;
  readonly final: boolean;
}

/** What a failed dial means, and whether trying again within the same attempt is pointless. */
function failure(error: NodeJS.ErrnoException): Dial {
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'ECONNRESET':
      return { outcome: 'refused', final: false };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { outcome: 'unreachable', final: false };
    case 'ETIMEDOUT':
      return { outcome: 'no answer', final: false };
    case 'EADDRNOTAVAIL':
    case 'EADDRINUSE':
      // The very same connection exists already: the peer's dial has arrived, or the last one has just ended.
      return { outcome: 'in use', final: false };
    default:
      return { outcome: 'the connection failed', final: true };
  }
}

function pathOf({ raw, stream, roundTripMs }: Winner<Socket>): DirectPath {
  // Looked for by the kernel: one probe a second from then on, and the path is dead after ten without an answer.
  raw.setKeepAlive(true, CONNECTION_TIMES.aliveMs);
  return { stream, ...endsOf(raw), flush: async () => {}, roundTripMs };
}

function endsOf(socket: Socket): { local: Endpoint; remote: Endpoint } {
  const local = { host: plainAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 };
  return { local, remote: { host: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 } };
}
