import type { Duplex } from 'node:stream';
import {
  type Connection,
  type ConnectionEnded,
  ConnectionFallback,
  ConnectionRole,
  GatherAnswer,
  PathKind,
  type RendezvousAddress,
} from '../../../gen/switchyard/v1/connection.js';
import type { LinkType } from '../../../gen/switchyard/v1/link.js';
import type { Clock, Random } from '../../base/clock.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import { CarriedDuplex } from '../carrier/carried-duplex.js';
import { DirectCarrier } from '../carrier/direct-carrier.js';
import type { Gathered } from '../direct/gather.js';
import type { Identity } from '../direct/identity.js';
import { type AttemptPlan, attemptPlan, type DirectPath, dialPlan } from '../direct/path.js';
import { durationOf } from '../duration.js';
import { Refusal } from '../instance/orders.js';
import type { RelayOptions, RelaySink, RelaySource } from '../relay/relay.js';
import { type BrokeredState, nextBrokered, nextSockets, type SocketsState } from './brokered-state.js';
import { canMove, openMovable, openPlain, RELAY_FIRST_FROM, RELAY_VERSION, type Relayed } from './open-relayed.js';
import { type PeerKeyCheck, UnendorsedPeerError } from './peer-key-check.js';
import type { PathFacts, PeerStream } from './peer-stream.js';
import { punchAnswer } from './punch-answer.js';
import { Upgrade } from './upgrade.js';

/** What a connection needs of the instance that it belongs to. */
export interface BrokeredDesk {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: Random;
  /** Endorses this end's key by that of its identity; undefined: it has none. */
  endorse(): Promise<Buffer | undefined>;
  /** Opens sockets. Without a `rendezvous` from an order, the session's is asked. */
  gather(link: LinkType, rendezvous?: readonly RendezvousAddress[]): Promise<Gathered>;
  openSource(id: number, options: RelayOptions): Promise<RelaySource>;
  openSink(branchId: number, options: RelayOptions): Promise<RelaySink>;
  /** Asks the server for one more attempt of a relayed connection. */
  askAgain(brokered: Brokered, gathered: Gathered): Promise<void>;
  /** Tells the server that the connection stands, or (failed: because its path is dead) does not any more. */
  report(brokered: Brokered, word: Word): void;
  /** It is over: nothing is left of it. */
  over(brokered: Brokered): void;
}

/** An end's report about its connection. */
export interface Word {
  readonly established: boolean;
  readonly failed: boolean;
  readonly path: PathKind;
  readonly roundTripMs?: number;
}

/** What is known of a connection from the start. */
export interface BrokeredFacts {
  readonly peerCvid: number;
  readonly link: LinkType;
  readonly incoming: boolean;
  /** When a relayed one is first tried again for a direct path; infinite: never. */
  readonly upgradeAfterMs: number;
  /** Whether this end wants no direct path. */
  readonly relayOnly: boolean;
  /** Whether and when it goes through the server. */
  readonly fallback: ConnectionFallback;
  /** Which keys of the peer are taken; undefined: what the server says is its. */
  readonly keys?: PeerKeyCheck | undefined;
  /** The trace that it belongs to; undefined: none. */
  readonly traceparent?: string | undefined;
}

/** What a server's word about a failed path is called in its reasons. */
const PATH_FAILED = 55;

/**
 * One end of a brokered connection, from its gathering to the end of its stream: carries out what is ordered about it.
 *
 * It owns the sockets that were opened for it, and gives them back when it is decided.
 */
export class Brokered {
  /** As the server named it; empty until it has. */
  connectionId = '';
  /** Whether this end asks for it itself: then it gets the stream, also of a connection that the peer asked for first. */
  isWanted = false;
  /** Resolves with the stream once there is one; rejects when it comes to nothing. */
  readonly stream: Promise<PeerStream>;
  readonly gathered: Promise<Gathered>;
  readonly #life = new AbortController();
  #settle!: { resolve(stream: PeerStream): void; reject(error: Error): void };
  #handedOut: Duplex | undefined;
  readonly #keys: PeerKeyCheck[];
  /** The last order whose key of the peer was used. */
  #keyOrder: Connection | undefined;
  #upgrade: Upgrade | undefined;
  #isControlling = false;
  #state: BrokeredState = 'making';
  #sockets: SocketsState = 'fresh';

  constructor(
    readonly facts: BrokeredFacts,
    private readonly desk: BrokeredDesk,
    rendezvous?: readonly RendezvousAddress[],
  ) {
    this.#keys = facts.keys === undefined ? [] : [facts.keys];
    this.stream = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever wants to hear of a failure awaits the stream itself.
    this.stream.catch(() => {});
    this.gathered = desk.gather(facts.link, rendezvous);
    // What goes through the server goes on without sockets of its own; an order to gather is refused then.
    this.gathered.catch((error: Error) => facts.fallback !== ConnectionFallback.IMMEDIATE && this.end(error));
  }

  /** Whether it is one that the peer asked for, and nobody has. */
  get isJoinable(): boolean {
    return this.facts.incoming && !this.isWanted && !this.stands;
  }

  isWith(peerCvid: number, link: LinkType): boolean {
    return this.facts.peerCvid === peerCvid && this.facts.link === link;
  }

  /** Whether its stream was handed out. */
  get stands(): boolean {
    return this.#handedOut !== undefined;
  }

  /** The answer to the order to gather. Where the relay comes first, it is given before anything is gathered. */
  async gather({ rendezvous, fallback }: Connection): Promise<Uint8Array> {
    const { candidates, roundTripMs } =
      fallback === ConnectionFallback.IMMEDIATE
        ? { candidates: [], roundTripMs: undefined }
        : await (this.#upgrade ? this.#upgrade.gather(rendezvous) : this.gathered);
    const { publicKey } = this.desk.identity;
    const roundTrip = roundTripMs === undefined ? undefined : durationOf(roundTripMs);
    const endorsement = await this.desk.endorse();
    const answer = { candidates: [...candidates], publicKey, endorsement, roundTrip, relayVersion: RELAY_VERSION };
    return GatherAnswer.encode(answer).finish();
  }

  /** Tries once to reach the peer, and answers with what came of it. */
  async punch(order: Connection): Promise<Uint8Array> {
    this.#checkKey(order);
    if (this.#upgrade) return this.#upgrade.punch(order);
    // A path that only this end had from the attempt before: the other end, an older one, knows nothing of it.
    this.#handedOut?.destroy(new Error('the peer has not found the same path'));
    this.#handedOut = undefined;
    this.#state = nextBrokered(this.#state, 'retry');
    this.#isControlling = order.role === ConnectionRole.PUNCH_CONTROLLING;
    this.#sockets = nextSockets(this.#sockets, 'punch');
    if (this.facts.relayOnly) return punchAnswer({ path: undefined, pairs: [], tookMs: 0 }, undefined);
    const { puncher } = await this.gathered;
    const plan = attemptPlan(order, this.desk.identity);
    const outcome = await puncher.attempt(plan, this.#life.signal);
    const stream = await this.#take(outcome.path, plan);
    const roundTripMs = stream ? undefined : await puncher.measure();
    return punchAnswer({ ...outcome, path: stream && outcome.path }, roundTripMs);
  }

  /** Dials a caller that listens. The answer goes out before: without the key that it brings nobody is let in. */
  async dial(order: Connection): Promise<Uint8Array> {
    await this.gathered;
    this.#checkKey(order);
    const endorsement = await this.desk.endorse();
    void this.meet(order);
    const { publicKey } = this.desk.identity;
    const answer = { candidates: [], publicKey, endorsement, roundTrip: undefined, relayVersion: 0 };
    return GatherAnswer.encode(answer).finish();
  }

  /** The dial itself, or the wait for it, as the role says. There is one attempt, and what comes of it is final. */
  async meet(order: Connection): Promise<void> {
    const problem = this.#keyProblem(order);
    if (problem !== undefined) return this.#endUnendorsed(problem);
    const { puncher } = await this.gathered;
    const plan = dialPlan(order, this.desk.identity);
    const { path } = await puncher.attempt(plan, this.#life.signal);
    const stream = await this.#take(path, plan);
    if (!stream) this.end(new Error('the peer could not get through to where the caller listens'), true);
    this.#letGo();
  }

  /** Opens the streams through the server. Where both ends know how, a direct path is looked for beside them. */
  async relay(order: Connection): Promise<void> {
    const { signal } = this.#life;
    this.#checkKey(order);
    if (!canMove(order)) return this.#handOutRelayed(await openPlain(order, this.desk, signal));
    const isFirst = order.relayVersion >= RELAY_FIRST_FROM && this.#sockets !== 'punched';
    if (order.relayVersion >= RELAY_FIRST_FROM) this.#isControlling = order.controlling;
    const upgrade = new Upgrade({
      ...this.desk,
      fresh: () => (isFirst ? this.#takeFresh() : undefined),
      gather: (rendezvous) => this.desk.gather(this.facts.link, rendezvous),
      ask: (gathered) => this.desk.askAgain(this, gathered),
    });
    this.#upgrade = upgrade;
    signal.addEventListener('abort', () => upgrade.end(), { once: true });
    const { upgradeAfterMs } = this.facts;
    const isTrying = this.#isControlling && upgradeAfterMs !== Number.POSITIVE_INFINITY;
    if (isTrying && isFirst) upgrade.tryNow();
    const relayed = await openMovable(order, this.desk, signal, () => this.#moved());
    relayed.duplex.once('close', () => upgrade.end());
    upgrade.carry(relayed.duplex);
    this.#handOutRelayed(relayed);
    if (isTrying && !relayed.duplex.destroyed) upgrade.begin(upgradeAfterMs);
  }

  /** Takes no other keys of the peer than these from now on, nor the one that is in use if it is another. */
  pin(keys: PeerKeyCheck): void {
    this.#keys.push(keys);
    const problem = this.#keyOrder && this.#keyProblem(this.#keyOrder);
    if (problem !== undefined) this.#endUnendorsed(problem);
  }

  /** Refuses an order whose key of the peer is not taken. */
  #checkKey(order: Connection): void {
    const problem = this.#keyProblem(order);
    if (problem === undefined) return;
    // The refusal says why it ends. One that stands goes on without the attempt.
    if (!this.stands) this.#state = nextBrokered(this.#state, 'part');
    this.#endUnendorsed(problem);
    throw new Refusal('PEER_REFUSED', 'your key is not endorsed as this end asks');
  }

  /** Why the peer's key of an order is not taken. */
  #keyProblem(order: Connection): string | undefined {
    this.#keyOrder = order;
    return this.#keys.map((keys) => keys.problemOf(order)).find((problem) => problem !== undefined);
  }

  /** Ends what has not come to stand. */
  #endUnendorsed(problem: string): void {
    if (!this.stands) this.end(new UnendorsedPeerError(this.facts.peerCvid, problem));
  }

  #handOutRelayed({ duplex, endToEnd }: Relayed): void {
    if (this.#keys.length > 0 && !endToEnd) {
      duplex.destroy();
      this.#endUnendorsed('it, or the server, is of a release that relays without encryption between the ends');
    } else this.#handOut(duplex, { path: 'relayed', roundTripMs: undefined, endToEnd });
  }

  /** The sockets that were opened with the connection, once: what was observed of them is true for one attempt. */
  #takeFresh(): Promise<Gathered> | undefined {
    const isFresh = this.#sockets === 'fresh';
    this.#sockets = nextSockets(this.#sockets, 'take');
    return isFresh ? this.gathered : undefined;
  }

  /** The server says that it is over. A stream that stands ends by itself, unless its path is dead. */
  ended({ reason, description }: ConnectionEnded, error: Error): void {
    this.#state = nextBrokered(this.#state, 'part');
    if (this.#handedOut === undefined) this.end(error);
    else if (reason === PATH_FAILED) this.#handedOut.destroy(new Error(description));
  }

  /** Gives it up; `failed`: because there is no path. */
  end(error: Error, failed = false): void {
    this.#life.abort(error);
    this.#settle.reject(error);
    this.#handedOut?.destroy(error);
    this.#letGo();
    this.#lose(failed);
    this.desk.over(this);
  }

  /** Both of this end's ways go over a direct path now. */
  #moved(): void {
    const { roundTripMs } = this.#upgrade!.path!;
    this.#upgrade!.end();
    const facts = { path: 'direct', roundTripMs, endToEnd: true } satisfies PathFacts;
    this.desk.report(this, wordOf(facts));
    Object.assign(this.#handedOut!, facts);
    this.#handedOut!.emit('path', facts);
  }

  /** Hands out a path that an attempt has found, if the other end has found the same. */
  async #take(path: DirectPath | undefined, { controlling }: AttemptPlan): Promise<Duplex | undefined> {
    if (path === undefined) return undefined;
    const carrier = new DirectCarrier(path.stream, { clock: this.desk.clock, flush: () => path.flush() });
    if (!controlling && !(await carrier.heard(CONNECTION_TIMES.nominateMs))) {
      carrier.close();
      return undefined;
    }
    const stream = new CarriedDuplex(carrier);
    this.#handOut(stream, { path: 'direct', roundTripMs: path.roundTripMs, endToEnd: true });
    return stream;
  }

  #handOut(duplex: Duplex, path: PathFacts): void {
    if (this.#life.signal.aborted) {
      duplex.destroy();
      return;
    }
    this.#handedOut = duplex;
    this.#state = nextBrokered(this.#state, 'handOut');
    const { peerCvid, incoming } = this.facts;
    const stream = Object.assign(duplex, { connectionId: this.connectionId, peerCvid, incoming, ...path });
    let failed = false;
    // Whoever has the stream hears of errors too; without this listener one that does not would be thrown.
    stream.on('error', () => {
      failed = true;
    });
    stream.once('close', () => {
      if (this.#handedOut !== duplex) return;
      this.#lose(failed);
      this.#letGo();
      this.desk.over(this);
    });
    // By then both ends have told that they have it, or another attempt is on its way.
    this.desk.clock.after(CONNECTION_TIMES.spareMs, () => this.#handedOut === duplex && this.#letGo());
    this.desk.report(this, wordOf(path));
    this.#settle.resolve(stream);
  }

  /** Nothing is left of it, which the server hears unless it has said so itself. One without a name may get one later. */
  #lose(failed: boolean): void {
    if (this.connectionId === '') return;
    const isNews = this.#state === 'making' || this.#state === 'standing';
    this.#state = nextBrokered(this.#state, 'end');
    if (isNews) this.desk.report(this, { established: false, failed, path: PathKind.UNSPECIFIED });
  }

  #letGo(): void {
    this.#sockets = nextSockets(this.#sockets, 'close');
    this.gathered.then(
      ({ puncher }) => puncher.close(),
      () => {},
    );
  }
}

function wordOf({ path, roundTripMs = 0 }: PathFacts): Word {
  const kind = path === 'direct' ? PathKind.DIRECT : PathKind.RELAYED;
  return { established: true, failed: false, path: kind, roundTripMs };
}
