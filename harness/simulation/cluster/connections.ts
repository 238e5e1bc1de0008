import type { Change } from '../../../src/core/model/change.js';
import { type Connection, ConnectionState, isOver } from '../../../src/core/model/connection.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import type { Order } from '../../../src/core/model/order.js';
import type { SeededRandom } from '../machine/random.js';
import { ConnectionPair, type PairOwner } from './connection-pair.js';
import { answering, type ClusterScene } from './place.js';

/** How often a new pair is made, and how many are under way at most. */
const EVERY_MS = 5_000;
const UNDERWAY_MAX = 3;
/** How long an order waits in a calm world: its deadline, and a term that begins meanwhile. */
const WAITS_MS_MAX = 45_000;

/**
 * Pairs of clients who connect to each other, each at some server and now and then at another: directly, or through the server, first or as a
 * last resort. Over both streams of a relay they send each other blocks, of which none may be lost, doubled or late: **Carried**, as
 * {@link CarriedStream} has it.
 *
 * **Brokered**: a caller is told of a connection that is in the log and that its peer has accepted; each connection has one outcome, each
 * order is given once on every attachment until it is settled once, and what an end says as it was ordered is not refused. Nobody is told that
 * an end is not attached which is. No order waits for ever.
 */
export class ClusterConnections implements PairOwner {
  readonly #scene: ClusterScene;
  readonly #random: SeededRandom;
  readonly #usesRelays: boolean;
  readonly #known = new Map<number, Connection>();
  /** When each order was placed that is not settled. */
  readonly #waiting = new Map<string, number>();
  #pairs: ConnectionPair[] = [];
  #made = 0;
  #revision = 0;
  /** To which revision etcd was restored last: which orders of before wait again is not known. */
  #restoredTo = 0;
  #acknowledged = 0;
  #betweenServers = 0;
  #carried = 0;
  #carriedBetween = 0;

  constructor(scene: ClusterScene, random: SeededRandom, usesRelays: boolean) {
    this.#scene = scene;
    this.#random = random;
    this.#usesRelays = usesRelays;
  }

  /** Whether ends send over the streams that they are given through the server, and know the newest form of them. */
  get usesRelays(): boolean {
    return this.#usesRelays;
  }

  /**
   * Connections that callers were told of, and how many of these were between instances at different servers; blocks that connections carried
   * through the server, and how many of these on ways that led between servers.
   */
  get counts() {
    return {
      ...{ connections: this.#acknowledged, remoteConnections: this.#betweenServers },
      ...{ relayed: this.#carried, remoteRelayed: this.#carriedBetween },
    };
  }

  begin(): void {
    const { scheduler, isCalm, isRestoring } = this.#scene;
    if (this.#usesRelays && !isCalm && !isRestoring) this.#confirm();
    for (const pair of this.#pairs) if (pair.isOver) pair.end();
    this.#pairs = this.#pairs.filter(({ isOver }) => !isOver);
    if (!isCalm && !isRestoring && this.#pairs.length < UNDERWAY_MAX) {
      this.#pairs.push(new ConnectionPair(this.#scene, this.#random, ++this.#made, this));
    }
    scheduler.after(EVERY_MS, () => this.begin());
  }

  /** Streams of relays are to be confirmed, as at a server's start; a network begins without. */
  #confirm(): void {
    const { relayConfirmedFrom } = DEFAULT_LIMITS;
    for (const { state, member, replica } of answering(this.#scene)) {
      const isDone = state.revision === 0 || state.limits.relayConfirmedFrom === relayConfirmedFrom;
      if (member.role !== 'leading' || isDone) continue;
      void replica.submit({ kind: 'SetLimits', limits: { ...state.limits, relayConfirmedFrom } });
    }
  }

  /** A server has applied a revision: the first one that has says what came of it. */
  applied(revision: number, changes: readonly Change[]): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    for (const change of changes) {
      if (change.kind === 'ConnectionPut') this.#put(change.connection);
      else if (change.kind === 'OrderPlaced') this.#waiting.set(keyOf(change.order), this.#scene.scheduler.nowMs);
      else if (change.kind === 'OrderSettled') this.#settle(change.order);
      else if (change.kind === 'SessionClosed') this.#forget(change.session.sid);
    }
  }

  /** Etcd was restored: what came after this revision never was. */
  restored(revision: number): void {
    for (const pair of this.#pairs.splice(0)) pair.end();
    this.#known.clear();
    this.#waiting.clear();
    this.#revision = Math.min(this.#revision, revision);
    this.#restoredTo = revision;
  }

  /** Everything had time to come to rest. */
  judgeRest(): void {
    const { nowMs } = this.#scene.scheduler;
    for (const pair of this.#pairs) pair.judgeRest();
    for (const [key, sinceMs] of this.#waiting) {
      if (nowMs - sinceMs > WAITS_MS_MAX) this.fail(`order ${key} waits for ${nowMs - sinceMs} ms`);
    }
  }

  acknowledged(id: number, isBetweenServers: boolean): void {
    this.#acknowledged++;
    if (isBetweenServers) this.#betweenServers++;
    const state = this.#known.get(id)?.state;
    const isAccepted = state !== undefined && state !== ConnectionState.ASKED && state !== ConnectionState.ORDERED;
    if (!isAccepted) this.fail(`c${id} was acknowledged, and is in state ${state ?? 'none'} in the log`);
  }

  carried(blocks: number, isBetweenServers: boolean): void {
    this.#carried += blocks;
    if (isBetweenServers) this.#carriedBetween += blocks;
  }

  fail(text: string): void {
    this.#scene.verdict.fail('Brokered', text);
  }

  #put(connection: Connection): void {
    const before = this.#known.get(connection.id);
    this.#known.set(connection.id, connection);
    if (before !== undefined && isOver(before)) {
      this.fail(`c${connection.id} was over with ${before.reason}, and then in state ${connection.state}`);
    }
  }

  #settle(order: Order): void {
    const key = keyOf(order);
    // An order is named after its revision.
    const isOld = Number(order.id.slice(1)) <= this.#restoredTo;
    if (!this.#waiting.delete(key) && !isOld) this.fail(`order ${key} was settled and did not wait`);
  }

  #forget(sid: number): void {
    for (const key of this.#waiting.keys()) if (key.startsWith(`${sid} `)) this.#waiting.delete(key);
  }
}

function keyOf({ sid, id }: Order): string {
  return `${sid} ${id}`;
}
