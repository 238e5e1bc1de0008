import type { Duplex } from 'node:stream';
import {
  type Connection,
  type ConnectionEnded,
  ConnectionFallback,
  ConnectionRole,
  PathKind,
  type RendezvousAddress,
} from '../../../gen/switchyard/v1/connection.js';
import { Reason } from '../../../gen/switchyard/v1/error.js';
import type { LinkType } from '../../../gen/switchyard/v1/link.js';
import { RELAY_FIRST_FROM } from '../../core/model/connection.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import { CarriedDuplex } from '../carrier/carried-duplex.js';
import type { Carrier } from '../carrier/carrier.js';
import { isLoss } from '../carrier/lost-path.js';
import type { GatheredPaths } from '../direct/gather.js';
import { attemptPlan, type DirectPath, dialPlan } from '../direct/path.js';
import { Refusal } from '../instance/orders.js';
import type { BrokeredDesk, BrokeredFacts, Word } from './brokered-desk.js';
import { type BrokeredState, nextBrokered } from './brokered-state.js';
import { CarriedOrders } from './carried-orders.js';
import { gatherAnswer, type Known, NOT_GATHERED } from './connection-request.js';
import { canMove, openAgain, openMovable, openPlain, RELAY_VERSION, type Relayed } from './open-relayed.js';
import { OwnSockets } from './own-sockets.js';
import { carrierOfPath, mayReturn } from './path-carrier.js';
import { kindOf, wordOf } from './path-report.js';
import { type PeerKeyCheck, UnendorsedPeerError } from './peer-key-check.js';
import { PeerKeys } from './peer-keys.js';
import type { PathFacts, PeerStream } from './peer-stream.js';
import { punchAnswer } from './punch-answer.js';
import { Upgrade } from './upgrade.js';
import { WayBack } from './way-back.js';

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
  readonly gathered: Promise<GatheredPaths>;
  readonly orders = new CarriedOrders();
  readonly isStill = ({ path }: Word) => this.#state === 'standing' && kindOf(this.#path) === path;
  readonly #life = new AbortController();
  #settle!: { resolve(stream: PeerStream): void; reject(error: Error): void };
  #handedOut: Duplex | undefined;
  readonly #keys: PeerKeys;
  #upgrade: Upgrade | undefined;
  #isControlling = false;
  #state: BrokeredState = 'making';
  readonly #sockets: OwnSockets;
  /** The stream, where it may move. */
  #carried: CarriedDuplex | undefined;
  readonly #wayBack: WayBack;
  /** Whether the server gives the relay again when a direct path has died. */
  #mayReturn = false;
  /** What the server was told last. */
  #path: PathFacts['path'] | undefined;

  constructor(
    readonly facts: BrokeredFacts,
    private readonly desk: BrokeredDesk,
    rendezvous?: readonly RendezvousAddress[],
  ) {
    this.#keys = new PeerKeys(facts.keys);
    this.#wayBack = new WayBack(desk, this);
    this.stream = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever wants to hear of a failure awaits the stream itself.
    this.stream.catch(() => {});
    this.#life.signal.addEventListener('abort', () => this.#upgrade?.end(), { once: true });
    this.gathered = desk.gather(facts.link, rendezvous);
    this.#sockets = new OwnSockets(this.gathered, desk.clock);
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
    if (fallback === ConnectionFallback.IMMEDIATE) return this.#answer(NOT_GATHERED, RELAY_VERSION);
    return this.#answer(await (this.#upgrade?.gather(rendezvous) ?? this.gathered), RELAY_VERSION);
  }

  /** Tries once to reach the peer, and answers with what came of it. */
  async punch(order: Connection): Promise<Uint8Array> {
    this.#checkKey(order);
    if (this.#upgrade) return this.#upgrade.punch(order);
    this.#leaveOwnPath();
    this.#isControlling = order.role === ConnectionRole.PUNCH_CONTROLLING;
    this.#sockets.punch();
    if (this.facts.relayOnly) return punchAnswer({ path: undefined, pairs: [], tookMs: 0 }, undefined);
    const { puncher } = await this.gathered;
    const plan = attemptPlan(order, this.desk.identity);
    const outcome = await puncher.attempt(plan, this.#life.signal);
    const stream = await this.#take(outcome.path, plan.controlling, order);
    const roundTripMs = stream ? undefined : await puncher.measure();
    return punchAnswer({ ...outcome, path: stream && outcome.path }, roundTripMs);
  }

  /** Dials a caller that listens. The answer goes out before: without the key that it brings nobody is let in. */
  async dial(order: Connection): Promise<Uint8Array> {
    await this.gathered;
    this.#checkKey(order);
    const answer = await this.#answer(NOT_GATHERED, 0);
    void this.meet(order);
    return answer;
  }

  async #answer(known: Known, relayVersion: number): Promise<Uint8Array> {
    const { publicKey } = this.desk.identity;
    return gatherAnswer({ publicKey, endorsement: await this.desk.endorse(), relayVersion }, known);
  }

  /** The dial itself, or the wait for it, as the role says. There is one attempt, and what comes of it is final. */
  async meet(order: Connection): Promise<void> {
    const problem = this.#keys.problemOf(order)?.problem;
    if (problem !== undefined) return this.#endUnendorsed(problem);
    const { puncher } = await this.gathered;
    const plan = dialPlan(order, this.desk.identity);
    const { path } = await puncher.attempt(plan, this.#life.signal);
    const stream = await this.#take(path, plan.controlling, order);
    if (!stream) this.end(new Error('the peer could not get through to where the caller listens'), true);
    this.#sockets.close();
  }

  /** Opens the streams through the server. Where both ends know how, a direct path is looked for beside them. */
  async relay(order: Connection): Promise<void> {
    this.#checkKey(order);
    this.#mayReturn = mayReturn(order);
    if (this.#carried !== undefined) {
      if (order.relayVersion >= RELAY_FIRST_FROM) return this.#goOn(order, this.#carried);
      // The program has the stream of a path that the peer has never had, and older forms say nothing of what was read.
      return this.end(new Error('the peer has not found the same path'), true);
    }
    const { signal } = this.#life;
    if (!canMove(order)) return this.#handOutRelayed(await openPlain(order, this.desk, signal));
    const isFirst = order.relayVersion >= RELAY_FIRST_FROM && !this.#sockets.arePunched;
    if (order.relayVersion >= RELAY_FIRST_FROM) this.#isControlling = order.controlling;
    const upgrade = this.#newUpgrade(() => (isFirst ? this.#sockets.takeFresh() : undefined));
    if (this.#isTrying && isFirst) upgrade.tryNow();
    const moves = { onMoved: () => this.#moved(), onLost: (error: Error) => this.#lost(error) };
    const relayed = await openMovable(order, this.desk, signal, moves);
    this.#carry(upgrade, relayed.duplex);
    this.#handOutRelayed(relayed);
  }

  /** Leaves a path that only this end had from the attempt before: the other end knows nothing of it. Its stream waits for another one. */
  #leaveOwnPath(): void {
    this.#wayBack.stop('another attempt is ordered');
    this.#path = undefined;
    if (this.#carried !== undefined) this.#wayBack.leave(this.#carried);
  }

  #newUpgrade(fresh: () => Promise<GatheredPaths> | undefined): Upgrade {
    this.#upgrade?.end();
    this.#upgrade = new Upgrade({
      ...this.desk,
      fresh,
      gather: (rendezvous) => this.desk.gather(this.facts.link, rendezvous),
      ask: (gathered) => this.desk.askAgain(this, gathered),
    });
    return this.#upgrade;
  }

  get #isTrying(): boolean {
    return this.#isControlling && this.facts.upgradeAfterMs !== Number.POSITIVE_INFINITY;
  }

  /** The relay is open. */
  #carry(upgrade: Upgrade, duplex: CarriedDuplex): void {
    this.#carried = duplex;
    upgrade.carry(duplex);
    if (this.#isTrying && !duplex.destroyed) upgrade.begin(this.facts.upgradeAfterMs);
  }

  /** What carries the stream has failed. True: a path was lost, by no word of the peer's, and the stream waits for another. */
  #lost(error: Error): boolean {
    if (this.#path !== 'direct' || this.#state !== 'standing' || !isLoss(error)) return false;
    const known = { mayReturn: this.#mayReturn, mayBeAlone: this.#sockets.areSpare };
    return this.#wayBack.lost(error, known, () => this.#carried?.destroy(error));
  }

  /** The direct path is dead, as this end or the other has found: the stream goes on through the server, and looks for another one. */
  async #goOn(order: Connection, duplex: CarriedDuplex): Promise<void> {
    // No attempt follows the relay that could use them.
    this.#sockets.close();
    this.#isControlling = order.controlling;
    const upgrade = this.#newUpgrade(() => undefined);
    if (this.#isTrying) upgrade.tryNow();
    const isOpen = await this.#wayBack.open(duplex, (signal) =>
      openAgain(order, duplex, this.desk, AbortSignal.any([this.#life.signal, signal])),
    );
    if (!isOpen || duplex.destroyed) return;
    this.#tellPath({ path: 'relayed', roundTripMs: undefined, endToEnd: true });
    this.#carry(upgrade, duplex);
  }

  /** Takes no other keys of the peer than these from now on, nor the one that is in use if it is another. */
  pin(keys: PeerKeyCheck): void {
    const problem = this.#keys.pin(keys)?.problem;
    if (problem !== undefined) this.#endUnendorsed(problem);
  }

  /** Refuses an order whose key of the peer is not taken. */
  #checkKey(order: Connection): void {
    const problem = this.#keys.problemOf(order);
    if (problem === undefined) return;
    // The refusal says why it ends. One that stands goes on without the attempt.
    if (!this.stands) this.#state = nextBrokered(this.#state, 'part');
    this.#endUnendorsed(problem.problem);
    throw new Refusal('PEER_REFUSED', problem.refusal);
  }

  #endUnendorsed(problem: string): void {
    this.endUnlessCarried(new UnendorsedPeerError(this.facts.peerCvid, problem));
  }

  /** Ends what has not come to stand, or has nothing to stand on until another order comes. A stream that has a path goes on. */
  endUnlessCarried(error: Error): void {
    if (!this.stands) this.end(error);
    else if (this.#carried?.isWaiting) this.#carried.destroy(error);
  }

  #handOutRelayed({ duplex, endToEnd }: Relayed): void {
    if (this.#keys.areChecked && !endToEnd) {
      duplex.destroy();
      this.#endUnendorsed('it, or the server, is of a release that relays without encryption between the ends');
    } else this.#handOut(duplex, { path: 'relayed', roundTripMs: undefined, endToEnd });
  }

  /** The server says that it is over. A stream that stands ends by itself, unless its path is dead. */
  ended({ reason, description }: ConnectionEnded, error: Error): void {
    this.#state = nextBrokered(this.#state, 'part');
    if (this.#handedOut === undefined) this.end(error);
    else if (reason === Reason.PATH_FAILED || this.#carried?.isWaiting) this.#handedOut.destroy(new Error(description));
  }

  /** Gives it up; `failed`: because there is no path. */
  end(error: Error, failed = false): void {
    this.#life.abort(error);
    this.#settle.reject(error);
    this.#handedOut?.destroy(error);
    this.#sockets.close();
    this.#lose(failed);
    this.desk.over(this);
  }

  /** Both of this end's ways go over a direct path now. */
  #moved(): void {
    if (this.#handedOut?.destroyed) return;
    const { roundTripMs } = this.#upgrade!.path!;
    this.#upgrade!.end();
    this.#tellPath({ path: 'direct', roundTripMs, endToEnd: true });
  }

  /** The stream goes another way: the server and the program hear of it. */
  #tellPath(facts: PathFacts): void {
    this.#path = facts.path;
    const before = facts.path === 'direct' ? this.orders.relayAnswered : Promise.resolve();
    void before.then(() => this.desk.report(this, wordOf(facts)));
    Object.assign(this.#handedOut!, facts);
    this.#handedOut!.emit('path', facts);
  }

  /** Hands out a path that an attempt has found, if the other end has found the same. */
  async #take(path: DirectPath | undefined, controlling: boolean, order: Connection): Promise<Duplex | undefined> {
    if (path === undefined) return undefined;
    const carrier = carrierOfPath(path, order, this.desk);
    if (!controlling && !(await carrier.heard(CONNECTION_TIMES.nominateMs))) {
      carrier.close();
      return undefined;
    }
    this.#mayReturn = mayReturn(order);
    const facts = { path: 'direct', roundTripMs: path.roundTripMs, endToEnd: true } as const;
    if (this.#carried !== undefined) return this.#goOnDirectly(this.#carried, carrier, facts);
    // There may be another attempt, as this end may have the path alone. Where the caller listens, there is one.
    const hasMore = order.attempt > 0;
    const onLost = hasMore ? (error: Error) => this.#lost(error) : undefined;
    const stream = new CarriedDuplex(carrier, () => this.#moved(), onLost);
    this.#carried = hasMore ? stream : undefined;
    this.#handOut(stream, facts);
    return stream;
  }

  /** The stream of a path that only this end had goes on over one that both have. The peer has read nothing of it. */
  #goOnDirectly(duplex: CarriedDuplex, carrier: Carrier, facts: PathFacts): Duplex | undefined {
    this.#wayBack.stop('another path is there');
    duplex.goOn(carrier, 0).catch((error: Error) => duplex.destroy(error));
    if (duplex.destroyed) return undefined;
    this.#sockets.keepSpare();
    this.#tellPath(facts);
    return duplex;
  }

  #handOut(duplex: Duplex, path: PathFacts): void {
    if (this.#life.signal.aborted) return void duplex.destroy();
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
      this.#upgrade?.end();
      this.#wayBack.stop('the stream has closed');
      this.#lose(failed);
      this.#sockets.close();
      this.desk.over(this);
    });
    this.#sockets.keepSpare();
    this.#path = path.path;
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
}
