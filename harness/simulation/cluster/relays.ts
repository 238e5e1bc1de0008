import type { Applied } from '../../../src/core/decide/apply.js';
import { type Fault, isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_STREAM_PARAMS } from '../../../src/core/model/stream.js';
import { SinkEnd, SourceEnd } from '../../../src/relay/end.js';
import { Carriage } from '../clients/carriage.js';
import { Asked } from './asked.js';
import { ClusterClient } from './client.js';
import { answering, type ClusterScene } from './place.js';
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
 * the data is told only when the source has ended it and everything before it has come. No client is told that its stream is over, or that it
 * cannot stand where it does, when that is not so. No stream stands still once nothing is wrong.
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
  readonly #creating = new Asked();
  readonly #stopping = new Asked();
  readonly #sourceOpening = new Asked();
  readonly #sinkOpening = new Asked();
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
      if (this.#streamId === 0) this.#create();
      else {
        this.#send();
        this.#take();
        this.#stop();
      }
      this.#step();
    });
  }

  #create(): void {
    const [source, sink] = this.#clients;
    const { server } = source;
    if (server === undefined || sink.sid === 0 || source.sid === 0) return;
    const params = { ...DEFAULT_STREAM_PARAMS, deliveryConfirmation: this.#isConfirmed };
    const command = { kind: 'CreateStream', sid: source.sid, params, sinks: [sink.sid] } as const;
    this.#creating.ask(
      server,
      () => server.replica.submit(command),
      (outcome) => this.#created(outcome),
    );
  }

  #created(outcome: Applied | Fault): void {
    if (isFault(outcome)) return;
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
    this.#sourceOpening.ask(
      server,
      () => server.relay.openCurrently(this.#clients[0].sid, this.#streamId, blocks),
      (opened) => {
        if (isFault(opened)) this.#refused(opened, server);
        else if (opened.end instanceof SourceEnd) {
          this.#source = { end: opened.end, server };
          this.#sent = blocks;
        }
      },
    );
    return undefined;
  }

  /** What has come, at the end that stands or another. */
  #take(): undefined {
    const [source, client] = this.#clients;
    const { server } = client;
    const end = this.#sinkAt(server);
    const carriage = this.#carriage;
    if (server === undefined || end === undefined || carriage === undefined) return;
    this.wasRemote ||= source.server !== undefined && source.server !== server;
    for (let next = end.next(); next !== undefined; next = end.next()) {
      if (isFault(next)) return this.#refused(next, server);
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
    this.#sinkOpening.ask(
      server,
      () => server.relay.openCurrently(this.#clients[1].sid, this.#branchId, this.taken),
      (opened) => {
        if (isFault(opened)) this.#refused(opened, server);
        else if (opened.end instanceof SinkEnd) this.#sink = { end: opened.end, server };
      },
    );
    return undefined;
  }

  /** What an end says of where it stands is right, and what a client is told to be over is over. */
  #refused({ reason, message }: Fault, server: ClusterServer): undefined {
    if (reason === 'FIELD_INVALID') return this.#fail(`was refused where an end stands: ${message}`);
    if (reason !== 'STREAM_NOT_FOUND' && reason !== 'STREAM_STOPPED') return undefined;
    const knows = (one: ClusterServer) => one.revision > server.revision && one.state.streams.get(this.#streamId);
    const other = answering(this.#scene).find(knows);
    if (other !== undefined) this.#fail(`is told to be over at ${server.name}, and ${other.name} knows better`);
    this.#isOver = true;
    return undefined;
  }

  /** The source ends its stream some time after it is done: a sink that has not heard the end by then never does. */
  #stop(): void {
    const [client] = this.#clients;
    const { scheduler } = this.#scene;
    if (this.#doneMs === undefined || scheduler.nowMs - this.#doneMs < LINGER_MS) return;
    const { server } = client;
    if (server === undefined) return;
    const command = { kind: 'TerminateStream', sid: client.sid, id: this.#streamId } as const;
    this.#stopping.ask(
      server,
      () => server.replica.submit(command),
      (outcome) => {
        if (!isFault(outcome) || outcome.reason === 'STREAM_NOT_FOUND') this.#isOver = true;
      },
    );
  }

  #fail(text: string): undefined {
    this.#scene.verdict.fail('Carried', `stream ${this.#streamId} ${text}`);
    return undefined;
  }
}
