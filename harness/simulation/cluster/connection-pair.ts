import type { Connection } from '../../../src/core/model/connection.js';
import { Fault } from '../../../src/core/model/fault.js';
import type { Order } from '../../../src/core/model/order.js';
import type { Message } from '../../../src/replica/attachments.js';
import type { SeededRandom } from '../machine/random.js';
import { Asked } from './asked.js';
import { ClusterClient } from './client.js';
import { answering, type ClusterScene } from './place.js';
import type { ClusterServer } from './server.js';

const STEP_MS_MAX = 400;
/** How long a path is used until an end gives it up. */
const USED_MS_MAX = 8_000;
/** How many attempts come to something. */
const CONNECTED = 0.6;
/** How often an end asks another server than the one that it is attached at. */
const ASTRAY = 0.3;
/** For how long connections are asked for in a calm world: what they bring is over well before it ends. */
const CALM_ASKS_MS = 30_000;
/** A leader hears within so long who has attached at a follower: a beat, and two ways on a bad day. */
const TOLD_MS = 6_000;
/** Refusals of an answer or a report by which there is nothing more to say: the connection is over, or the order is settled. */
const SETTLED: ReadonlySet<string> = new Set([
  ...['ORDER_NOT_FOUND', 'CONNECTION_NOT_FOUND', 'PATH_FAILED', 'ORDER_DEADLINE', 'CONNECTION_CANCELLED'],
  ...['CONNECTION_REPLACED', 'PEER_LEFT', 'SESSION_NOT_FOUND', 'NODE_NOT_FOUND', 'OUT_OF_ORDER'],
]);

/** What a pair tells of its connections. */
export interface PairOwner {
  /** A caller was told that the peer has accepted. */
  acknowledged(connection: number, isBetweenServers: boolean): void;
  fail(text: string): void;
}

/** Two clients, of which the one asks for a connection to the other, again and again; both do what they are ordered. */
export class ConnectionPair {
  readonly #scene: ClusterScene;
  readonly #random: SeededRandom;
  readonly #owner: PairOwner;
  readonly #ends: readonly [ConnectionEndClient, ConnectionEndClient];
  readonly #asking = new Asked();
  /** Whether each attempt comes to something, by connection and number: both ends see the same. */
  readonly #attempts = new Map<string, boolean>();
  #calmFromMs: number | undefined;
  #isOver = false;

  constructor(scene: ClusterScene, random: SeededRandom, number: number, owner: PairOwner) {
    this.#scene = scene;
    this.#random = random;
    this.#owner = owner;
    const connects = (connection: Connection) => this.#connects(connection);
    const end = (at: number) => new ConnectionEndClient({ scene, random, owner, connects }, number * 2 + at);
    this.#ends = [end(0), end(1)];
    this.#step();
  }

  get isOver(): boolean {
    return this.#isOver || this.#ends.some(({ client }) => client.isOver);
  }

  end(): void {
    this.#isOver = true;
    for (const { client } of this.#ends) client.end();
  }

  #step(): void {
    this.#scene.scheduler.after(this.#random.between(1, STEP_MS_MAX), () => {
      if (this.isOver) return;
      for (const end of this.#ends) end.act();
      if (this.#ends.every(({ isIdle }) => isIdle) && this.#mayAsk()) this.#ask();
      this.#step();
    });
  }

  /** Also for a while in a calm world, in which servers have no reason to be uncertain. */
  #mayAsk(): boolean {
    const { isCalm, scheduler } = this.#scene;
    if (!isCalm) return true;
    this.#calmFromMs ??= scheduler.nowMs;
    return scheduler.nowMs - this.#calmFromMs < CALM_ASKS_MS;
  }

  #connects({ id, attempts }: Connection): boolean {
    const key = `${id} ${attempts.at(-1)?.number}`;
    const known = this.#attempts.get(key) ?? this.#random.chance(CONNECTED);
    this.#attempts.set(key, known);
    return known;
  }

  #ask(): void {
    const [caller, peer] = this.#ends.map(({ client }) => client) as [ClusterClient, ClusterClient];
    const { server } = caller;
    if (server === undefined || caller.sid === 0 || peer.sid === 0) return;
    const isBetweenServers = peer.server !== undefined && peer.server !== server;
    this.#asking.ask(
      server,
      () => server.brokering.ask(caller.sid, peer.sid),
      (asked) => {
        if (asked instanceof Fault) this.#refused(asked, server);
        else this.#owner.acknowledged(asked, isBetweenServers);
      },
    );
  }

  /** **Reached**: nobody is told that an end is not attached which has been for long enough for everybody to know. */
  #refused({ reason, message }: Fault, { name }: ClusterServer): void {
    const text = `a connection was refused at ${name}: ${message}`;
    if (reason === 'FIELD_INVALID' || reason === 'PEER_REFUSED') this.#owner.fail(text);
    if (reason === 'NOT_ATTACHED' && this.#ends.every(({ attachedMs }) => attachedMs > TOLD_MS)) this.#owner.fail(text);
  }
}

interface EndDeps {
  readonly scene: ClusterScene;
  readonly random: SeededRandom;
  readonly owner: PairOwner;
  readonly connects: (connection: Connection) => boolean;
}

interface Given {
  readonly order: Order;
  readonly connection?: Connection | undefined;
}

/** One end: what it was ordered and has not answered, and the path that it has. */
class ConnectionEndClient {
  readonly client: ClusterClient;
  readonly #deps: EndDeps;
  readonly #answering = new Asked();
  readonly #reporting = new Asked();
  /** What came on the attachment that it has. */
  readonly #given = new Set<string>();
  readonly #ended = new Set<number>();
  /** What is not answered. */
  readonly #orders = new Map<string, Given>();
  /** The connection that it has a path of, and when it gives that up. */
  #path: { readonly connection: Connection; readonly untilMs: number; isReported: boolean } | undefined;
  #attachedAtMs: number | undefined;

  constructor(deps: EndDeps, number: number) {
    this.#deps = deps;
    this.client = new ClusterClient(deps.scene, 1_000_000 + number);
    this.client.attached = () => {
      this.#given.clear();
      this.#ended.clear();
      this.#attachedAtMs = deps.scene.scheduler.nowMs;
    };
    this.client.received = (message) => this.#received(message);
  }

  get isIdle(): boolean {
    return this.#orders.size === 0 && this.#path === undefined;
  }

  /** How long it has been attached where it is; 0: it is not. */
  get attachedMs(): number {
    const { scheduler } = this.#deps.scene;
    return this.client.server?.isInTouch ? scheduler.nowMs - (this.#attachedAtMs ?? scheduler.nowMs) : 0;
  }

  act(): void {
    this.#judgeGiven();
    this.#answer();
    this.#report();
  }

  /** **Given**: an attachment has every order of its session that waits, as soon as its server knows it. */
  #judgeGiven(): void {
    const { server, sid } = this.client;
    if (server === undefined) return;
    for (const { id } of server.state.orders.of(sid)) {
      if (!this.#given.has(id)) this.#deps.owner.fail(`order ${id} was not given to ${sid} at ${server.name}`);
    }
  }

  #received(message: Message): void {
    if (message.kind === 'order') {
      const { id, sid } = message.order;
      if (this.#given.has(id)) this.#deps.owner.fail(`order ${id} was given to ${sid} twice on one attachment`);
      this.#given.add(id);
      this.#orders.set(id, message);
    } else if (message.kind === 'connectionEnded') {
      const { id } = message.connection;
      if (this.#ended.has(id)) this.#deps.owner.fail(`the end of c${id} was told twice on one attachment`);
      this.#ended.add(id);
      if (this.#path?.connection.id === id) this.#path = undefined;
    }
  }

  /** Answers the oldest order, where it is attached or elsewhere. */
  #answer(): void {
    const [given] = this.#orders.values();
    const server = this.#anyServer();
    if (given === undefined || server === undefined) return;
    const { order, connection } = given;
    const isPunch = connection !== undefined && connection.attempts.length > 0;
    const connected = isPunch && this.#deps.connects(connection);
    this.#answering.ask(
      server,
      () => server.brokering.answer(this.client.sid, order.id, connected),
      (fault) => {
        if (!this.#isSettled(fault, server, `its answer to ${order.id}`)) return;
        this.#orders.delete(order.id);
        if (fault === undefined && connected) this.#use(connection);
      },
    );
  }

  #use(connection: Connection): void {
    const { scene, random } = this.#deps;
    const untilMs = scene.scheduler.nowMs + random.between(500, USED_MS_MAX);
    this.#path = { connection, untilMs, isReported: false };
  }

  /** Says that its path stands, and after some time that it has given it up. */
  #report(): void {
    const path = this.#path;
    const server = this.#anyServer();
    if (path === undefined || server === undefined) return;
    const isDone = this.#deps.scene.scheduler.nowMs >= path.untilMs;
    if (path.isReported && !isDone) return;
    const { sid } = this.client;
    const { id, caller, peer } = path.connection;
    const other = caller.sid === sid ? peer.sid : caller.sid;
    this.#reporting.ask(
      server,
      () => server.brokering.report(sid, other, id, !isDone),
      (fault) => {
        if (!this.#isSettled(fault, server, `its report of c${id}`) || this.#path !== path) return;
        if (isDone || fault !== undefined) this.#path = undefined;
        else path.isReported = true;
      },
    );
  }

  /** Whether there is nothing more to say. What a client says as it was ordered is never wrong. */
  #isSettled(fault: Fault | undefined, { name }: ClusterServer, what: string): boolean {
    if (fault === undefined) return true;
    if (fault.reason === 'FIELD_INVALID') this.#deps.owner.fail(`${what} was refused at ${name}: ${fault.message}`);
    return SETTLED.has(fault.reason);
  }

  #anyServer(): ClusterServer | undefined {
    const { scene, random } = this.#deps;
    const there = random.chance(ASTRAY) ? answering(scene).filter(({ isInTouch }) => isInTouch) : [];
    return there.length > 0 ? random.pick(there) : this.client.server;
  }
}
