import { type Connection, ConnectionRole, RETURN_FROM } from '../../../src/core/model/connection.js';
import { Fault } from '../../../src/core/model/fault.js';
import type { Order } from '../../../src/core/model/order.js';
import type { Message } from '../../../src/replica/attachments.js';
import type { SeededRandom } from '../machine/random.js';
import { Asked } from './asked.js';
import { CarriedStream } from './carried-stream.js';
import { ClusterClient } from './client.js';
import { answering, type ClusterScene } from './place.js';
import type { ClusterServer } from './server.js';

const STEP_MS_MAX = 400;
/** How long a path is used until an end gives it up. */
const USED_MS_MAX = 8_000;
/** How many attempts come to something. */
const CONNECTED = 0.6;
/** Of a form in which a relay comes as the last resort. */
const RELAY_LATE = 2;
/** How often a direct path is looked for while the relay is used, per step; and how often a dead one is gone back from. */
const UPGRADES = 0.05;
const RETURNS = 0.5;
/** Blocks of each way of a relay. */
const BLOCKS_MAX = 24;
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
  readonly usesRelays: boolean;
  /** A caller was told that the peer has accepted. */
  acknowledged(connection: number, isBetweenServers: boolean): void;
  /** One way of a relayed connection is over, which has carried so many blocks. */
  carried(blocks: number, isBetweenServers: boolean): void;
  fail(text: string): void;
}

/** Two clients, of which the one asks for a connection to the other, again and again; both do what they are ordered. */
export class ConnectionPair {
  readonly #scene: ClusterScene;
  readonly #random: SeededRandom;
  readonly #owner: PairOwner;
  readonly #ends: readonly [ConnectionEndClient, ConnectionEndClient];
  readonly #asking = new Asked();
  readonly #upgrading = new Asked();
  /** The newest form of relayed bytes that both ends know. */
  readonly #relayVersion: number;
  /** The streams of relays that are used, and all that there were. */
  #relays: CarriedStream[] = [];
  readonly #relayed = new Set<number>();
  /** Whether each attempt comes to something, by connection and number: both ends see the same. */
  readonly #attempts = new Map<string, boolean>();
  #calmFromMs: number | undefined;
  #isOver = false;

  constructor(scene: ClusterScene, random: SeededRandom, number: number, owner: PairOwner) {
    this.#scene = scene;
    this.#random = random;
    this.#owner = owner;
    this.#relayVersion = owner.usesRelays && random.chance(1 / 2) ? RETURN_FROM : RELAY_LATE;
    const relayVersion = this.#relayVersion;
    const connects = (connection: Connection) => this.#connects(connection);
    const relayed = (connection: Connection, server: ClusterServer) => this.#relay(connection, server);
    const deps = { scene, random, owner, connects, relayed, relayVersion };
    const end = (at: number) => new ConnectionEndClient(deps, number * 2 + at);
    this.#ends = [end(0), end(1)];
    this.#step();
  }

  get isOver(): boolean {
    return this.#isOver || this.#ends.some(({ client }) => client.isOver);
  }

  end(): void {
    this.#isOver = true;
    for (const stream of this.#relays.splice(0)) this.#drop(stream);
    for (const { client } of this.#ends) client.end();
  }

  /** Whatever is not over by now has stood still for long. */
  judgeRest(): void {
    if (!this.isOver) for (const stream of this.#relays) stream.judgeRest();
  }

  #step(): void {
    this.#scene.scheduler.after(this.#random.between(1, STEP_MS_MAX), () => {
      if (this.isOver) return;
      for (const end of this.#ends) end.act();
      for (const stream of this.#relays) stream.act();
      for (const stream of this.#relays) if (stream.isOver) this.#drop(stream);
      this.#relays = this.#relays.filter(({ isOver }) => !isOver);
      this.#upgrade();
      if (this.#ends.every(({ isIdle }) => isIdle) && this.#mayAsk()) this.#ask();
      this.#step();
    });
  }

  /** Both ends were given streams through the server: each sends over its own. An order that comes again brings the same. */
  #relay({ caller, relay }: Connection, server: ClusterServer): void {
    const [one, other] = this.#ends.map(({ client }) => client) as [ClusterClient, ClusterClient];
    if (relay === undefined || this.#relayed.has(relay.fromCaller.streamId) || caller.sid !== one.sid) return;
    const { fromCaller, fromPeer } = relay;
    const stream = server.state.streams.get(fromCaller.streamId);
    if (stream === undefined) return;
    const isConfirmed = stream.params.deliveryConfirmation;
    this.#relayed.add(fromCaller.streamId);
    for (const [clients, ids] of [[[one, other], fromCaller] as const, [[other, one], fromPeer] as const]) {
      const [scene, random] = [this.#scene, this.#random];
      const count = random.between(1, BLOCKS_MAX);
      this.#relays.push(new CarriedStream({ ...ids, scene, random, clients, count, isConfirmed }));
    }
  }

  #drop(stream: CarriedStream): void {
    stream.close();
    this.#owner.carried(stream.taken, stream.wasRemote);
  }

  /** Asks for a direct path of a connection that goes through the server, now and then. */
  #upgrade(): void {
    const [caller, peer] = this.#ends;
    const { relayedOver } = caller;
    const { server } = caller.client;
    if (server === undefined || relayedOver === undefined || !this.#mayAsk() || !this.#random.chance(UPGRADES)) return;
    this.#upgrading.ask(
      server,
      () => server.brokering.ask(caller.client.sid, peer.client.sid, this.#relayVersion, relayedOver),
      (asked) => {
        if (asked instanceof Fault) this.#refused(asked, server);
      },
    );
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
      () => server.brokering.ask(caller.sid, peer.sid, this.#relayVersion),
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
  /** It was given streams of a connection through the server, and asks this one next. */
  readonly relayed: (connection: Connection, server: ClusterServer) => void;
  readonly relayVersion: number;
}

/** The path that an end has: direct, or through the server. */
interface Path {
  readonly connection: Connection;
  readonly isDirect: boolean;
  readonly untilMs: number;
  /** Whether a direct path that is dead is gone back from. */
  readonly returns: boolean;
  isReported: boolean;
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
  #path: Path | undefined;
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

  /** The connection that it has a path of through the server, by its number. */
  get relayedOver(): number | undefined {
    return this.#path?.isDirect === false ? this.#path.connection.id : undefined;
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
    const role = order.body.kind === 'connection' ? order.body.role : undefined;
    const { owner, relayVersion } = this.#deps;
    const isRelay = owner.usesRelays && role === ConnectionRole.RELAY;
    const isPunch = connection !== undefined && connection.attempts.length > 0 && !isRelay;
    const connected = isPunch && this.#deps.connects(connection);
    if (isRelay && connection !== undefined) this.#deps.relayed(connection, server);
    this.#answering.ask(
      server,
      () => server.brokering.answer(this.client.sid, order.id, { connected, relayVersion }),
      (fault) => {
        if (!this.#isSettled(fault, server, `its answer to ${order.id}`)) return;
        this.#orders.delete(order.id);
        if (fault === undefined && connected) this.#use(connection, true);
        if (fault === undefined && isRelay && connection?.relay !== undefined) this.#use(connection, false);
      },
    );
  }

  #use(connection: Connection, isDirect: boolean): void {
    const { scene, random, relayVersion } = this.#deps;
    const untilMs = scene.scheduler.nowMs + random.between(500, USED_MS_MAX);
    const returns = isDirect && relayVersion >= RETURN_FROM && random.chance(RETURNS);
    this.#path = { connection, isDirect, untilMs, returns, isReported: !isDirect };
  }

  /** Says that its direct path stands; and after some time that it has given it up, or goes on through the server. */
  #report(): void {
    const path = this.#path;
    const server = this.#anyServer();
    if (path === undefined || server === undefined) return;
    const isDone = this.#deps.scene.scheduler.nowMs >= path.untilMs;
    if (path.isReported && !isDone) return;
    const { sid } = this.client;
    const done = path.returns ? 'lost' : 'closed';
    const said = isDone ? done : 'stands';
    const { id, caller, peer } = path.connection;
    const other = caller.sid === sid ? peer.sid : caller.sid;
    this.#reporting.ask(
      server,
      () => server.brokering.report(sid, other, id, said),
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
