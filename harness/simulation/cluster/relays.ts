import { type Fault, isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_STREAM_PARAMS } from '../../../src/core/model/stream.js';
import { SinkEnd, SourceEnd } from '../../../src/relay/end.js';
import { Carriage } from '../clients/carriage.js';
import { ClusterClient } from './client.js';
import type { ClusterScene } from './place.js';
import type { ClusterServer } from './server.js';

/** How often a new pair is made, and how many are under way at most. */
const EVERY_MS = 4_000;
const UNDERWAY_MAX = 4;
const BLOCKS_MAX = 80;
const BLOCK_BYTES_MAX = 200;
/** How often each end looks at what it can do. */
const STEP_MS_MAX = 400;
/** How long the stream stays when its source is done: a sink whose call breaks then waits for what nobody sends again. */
const LINGER_MS = 15_000;
/** So long takes whoever has something to wait for: then it goes on, or the stream has ended. */
const STUCK_MS = 45_000;

/** An end of a stream as a client has it, and the server that it was opened at. */
interface Opened<End> {
  readonly end: End;
  readonly server: ClusterServer;
}

/**
 * Pairs of clients with a stream between them, each at some server and now and then at another: whatever breaks, each end is opened again
 * where it stands.
 *
 * **Carried**: each block comes once and in order, what a sink is told is lost is lost, with delivery confirmation nothing is, and an end of
 * the data is told only when the source has ended it and everything before it has come. No stream stands still once nothing is wrong.
 */
export class ClusterRelays {
  readonly #scene: ClusterScene;
  #underway: RelayPair[] = [];
  #made = 0;
  #taken = 0;
  #remote = 0;

  constructor(scene: ClusterScene) {
    this.#scene = scene;
  }

  /** Blocks that sinks have taken, of streams that are over. */
  get taken(): number {
    return this.#taken;
  }

  /** Of the streams that are over, how many had their ends at different servers. */
  get remote(): number {
    return this.#remote;
  }

  begin(): void {
    const { scheduler } = this.#scene;
    this.#tidy();
    if (!this.#scene.isCalm && !this.#scene.isRestoring && this.#underway.length < UNDERWAY_MAX) {
      this.#underway.push(new RelayPair(this.#scene, ++this.#made));
    }
    scheduler.after(EVERY_MS, () => this.begin());
  }

  /** Etcd was restored: what clients had is not there any more. */
  restored(_revision: number): void {
    for (const pair of this.#underway.splice(0)) pair.end();
  }

  /** Everything had time to come to rest. */
  judgeRest(): void {
    this.#tidy();
    for (const pair of this.#underway) pair.judgeRest();
  }

  #tidy(): void {
    for (const pair of this.#underway) {
      if (!pair.isOver) continue;
      pair.end();
      this.#taken += pair.taken;
      if (pair.wasRemote) this.#remote++;
    }
    this.#underway = this.#underway.filter(({ isOver }) => !isOver);
  }
}

/** One stream, and the clients at its ends. */
class RelayPair {
  readonly #scene: ClusterScene;
  readonly #isConfirmed: boolean;
  readonly #count: number;
  readonly #clients: readonly [ClusterClient, ClusterClient];
  #carriage: Carriage | undefined;
  #streamId = 0;
  #branchId = 0;
  #source: Opened<SourceEnd> | undefined;
  #sink: Opened<SinkEnd> | undefined;
  #sent = 0;
  #confirmed = 0;
  /** When the source was done; undefined: it is not. */
  #doneMs: number | undefined;
  #movedMs: number;
  #isCreating = false;
  #isStopping = false;
  #isOver = false;
  wasRemote = false;

  constructor(scene: ClusterScene, number: number) {
    this.#scene = scene;
    const { random, scheduler } = scene;
    this.#isConfirmed = random.chance(1 / 2);
    this.#count = random.between(1, BLOCKS_MAX);
    this.#movedMs = scheduler.nowMs;
    this.#clients = [new ClusterClient(scene, 2 * number), new ClusterClient(scene, 2 * number + 1)];
    this.#step();
  }

  get isOver(): boolean {
    return this.#isOver || this.#clients.some((client) => client.isOver) || (this.#carriage?.isOver ?? false);
  }

  get taken(): number {
    return this.#carriage?.taken ?? 0;
  }

  end(): void {
    this.#isOver = true;
    this.#source?.end.close();
    this.#sink?.end.close();
    for (const client of this.#clients) client.end();
  }

  /** Whatever is not over by now has stood still for long. */
  judgeRest(): void {
    const carriage = this.#carriage;
    const isStuck = this.#scene.scheduler.nowMs - this.#movedMs > STUCK_MS;
    if (carriage === undefined || !isStuck) return;
    const at = `${carriage.taken} of ${carriage.count} blocks, its source at ${this.#sent}`;
    this.#fail(`stands still at ${at}`);
  }

  #step(): void {
    const { random, scheduler } = this.#scene;
    scheduler.after(random.between(1, STEP_MS_MAX), () => {
      if (this.isOver) return;
      if (this.#streamId === 0) void this.#create();
      else {
        this.#send();
        this.#take();
        this.#stop();
      }
      this.#step();
    });
  }

  async #create(): Promise<void> {
    const [source, sink] = this.#clients;
    const { server } = source;
    if (server === undefined || sink.sid === 0 || source.sid === 0 || this.#isCreating) return;
    this.#isCreating = true;
    const params = { ...DEFAULT_STREAM_PARAMS, deliveryConfirmation: this.#isConfirmed };
    const outcome = await server.replica.submit({ kind: 'CreateStream', sid: source.sid, params, sinks: [sink.sid] });
    this.#isCreating = false;
    if (!server.process.isAlive || isFault(outcome)) return;
    for (const change of outcome.changes) {
      if (change.kind !== 'StreamPut') continue;
      const { id, sinks } = change.stream;
      this.#streamId = id;
      this.#branchId = sinks[0].id;
      this.#carriage = new Carriage(`stream ${id}`, this.#count, this.#isConfirmed);
    }
  }

  /** Some more blocks, at the end that stands or another. */
  #send(): void {
    const [client] = this.#clients;
    const end = this.#sourceAt(client.server);
    const carriage = this.#carriage;
    if (end === undefined || carriage === undefined || this.#doneMs !== undefined) return;
    this.#confirmed = Math.max(this.#confirmed, end.takeConfirmed() ?? 0);
    const { random } = this.#scene;
    for (let some = random.between(0, 4); some > 0 && this.#sent < carriage.count && end.hasRoom(); some--) {
      if (end.write(carriage.block(this.#sent, random.below(BLOCK_BYTES_MAX))) !== undefined) return;
      this.#sent++;
      this.#movedMs = this.#scene.scheduler.nowMs;
    }
    if (this.#sent < carriage.count) return;
    carriage.isFinishing = true;
    end.finish();
    if (!end.isDone) return;
    this.#doneMs = this.#scene.scheduler.nowMs;
    const wrong = carriage.delivered();
    if (wrong !== undefined) this.#fail(wrong);
  }

  #sourceAt(server: ClusterServer | undefined): SourceEnd | undefined {
    if (server === undefined) return undefined;
    if (this.#source?.server === server && this.#source.end.fault === undefined) return this.#source.end;
    const blocks = this.#isConfirmed ? this.#confirmed : this.#sent;
    const opened = server.relay.open(this.#clients[0].sid, this.#streamId, blocks);
    if (isFault(opened)) return this.#refused(opened, server);
    if (!(opened.end instanceof SourceEnd)) return undefined;
    this.#source = { end: opened.end, server };
    this.#sent = blocks;
    return opened.end;
  }

  /** What has come, at the end that stands or another. */
  #take(): undefined {
    const [source, client] = this.#clients;
    const { server } = client;
    const end = this.#sinkAt(server);
    const carriage = this.#carriage;
    if (end === undefined || carriage === undefined) return;
    this.wasRemote ||= source.server !== undefined && source.server !== server;
    for (let next = end.next(); next !== undefined; next = end.next()) {
      if (isFault(next)) return;
      const lost = end.takeLost();
      const wrong = next === 'ended' ? carriage.complete(lost) : carriage.give(next, lost);
      this.#movedMs = this.#scene.scheduler.nowMs;
      if (wrong !== undefined) return this.#fail(wrong);
      if (next === 'ended') {
        carriage.isOver = true;
        return;
      }
      if (this.#isConfirmed && end.confirm(end.takenBlocks) !== undefined) return;
    }
  }

  #sinkAt(server: ClusterServer | undefined): SinkEnd | undefined {
    if (server === undefined) return undefined;
    if (this.#sink?.server === server && this.#sink.end.fault === undefined) return this.#sink.end;
    const opened = server.relay.open(this.#clients[1].sid, this.#branchId, this.taken);
    if (isFault(opened)) return this.#refused(opened, server);
    if (!(opened.end instanceof SinkEnd)) return undefined;
    this.#sink = { end: opened.end, server };
    return opened.end;
  }

  /** A server that is behind does not know the stream, or its end: it is opened again. What an end says of where it stands is right. */
  #refused({ reason, message }: Fault, server: ClusterServer): undefined {
    if (reason === 'FIELD_INVALID') this.#fail(`was refused where an end stands: ${message}`);
    if (reason === 'STREAM_NOT_FOUND') void this.#lookFor(server);
    return undefined;
  }

  /** A stream that is not there by a server that is up to date has ended, as with one of its sessions. */
  async #lookFor(server: ClusterServer): Promise<void> {
    const isKnown = (await server.isCurrent()) && server.process.isAlive;
    if (isKnown && server.state.streams.get(this.#streamId) === undefined) this.#isOver = true;
  }

  /** The source ends its stream some time after it is done: a sink that has not heard the end by then never does. */
  #stop(): void {
    const [client] = this.#clients;
    const { scheduler } = this.#scene;
    if (this.#doneMs === undefined || scheduler.nowMs - this.#doneMs < LINGER_MS || this.#isStopping) return;
    const { server } = client;
    if (server === undefined) return;
    this.#isStopping = true;
    void server.replica.submit({ kind: 'TerminateStream', sid: client.sid, id: this.#streamId }).then((outcome) => {
      this.#isStopping = false;
      const isGone = !isFault(outcome) || outcome.reason === 'STREAM_NOT_FOUND';
      if (server.process.isAlive && isGone) this.#isOver = true;
    });
  }

  #fail(text: string): undefined {
    this.#scene.verdict.fail('Carried', `stream ${this.#streamId} ${text}`);
    return undefined;
  }
}
