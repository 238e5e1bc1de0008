import type { Applied } from '../../../src/core/decide/apply.js';
import { type Fault, isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_STREAM_PARAMS } from '../../../src/core/model/stream.js';
import { Asked } from './asked.js';
import { CarriedStream } from './carried-stream.js';
import { ClusterClient } from './client.js';
import type { ClusterScene } from './place.js';

/** How often a new pair is made, and how many are under way at most. */
const EVERY_MS = 4_000;
const UNDERWAY_MAX = 4;
const BLOCKS_MAX = 80;
/** How often each end looks at what it can do. */
const STEP_MS_MAX = 400;
/** How long the stream stays when its source is done: a sink whose call breaks then waits for what nobody sends again. */
const LINGER_MS = 15_000;

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
  #stream: CarriedStream | undefined;
  #streamId = 0;
  readonly #creating = new Asked();
  readonly #stopping = new Asked();
  #isOver = false;

  constructor(scene: ClusterScene, number: number) {
    this.#scene = scene;
    const { random } = scene;
    this.#isConfirmed = random.chance(1 / 2);
    this.#count = random.between(1, BLOCKS_MAX);
    this.#clients = [new ClusterClient(scene, 2 * number), new ClusterClient(scene, 2 * number + 1)];
    this.#step();
  }

  get isOver(): boolean {
    return this.#isOver || this.#clients.some((client) => client.isOver) || (this.#stream?.isOver ?? false);
  }

  get taken(): number {
    return this.#stream?.taken ?? 0;
  }

  get wasRemote(): boolean {
    return this.#stream?.wasRemote ?? false;
  }

  end(): void {
    this.#isOver = true;
    this.#stream?.close();
    for (const client of this.#clients) client.end();
  }

  /** Whatever is not over by now has stood still for long. */
  judgeRest(): void {
    this.#stream?.judgeRest();
  }

  #step(): void {
    const { random, scheduler } = this.#scene;
    scheduler.after(random.between(1, STEP_MS_MAX), () => {
      if (this.isOver) return;
      if (this.#stream === undefined) this.#create();
      else {
        this.#stream.act();
        this.#stop(this.#stream);
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
      const { id: streamId, sinks } = change.stream;
      const [scene, clients] = [this.#scene, this.#clients];
      const [isConfirmed, count] = [this.#isConfirmed, this.#count];
      const stream = { streamId, branchId: sinks[0].id, isConfirmed, count };
      this.#streamId = streamId;
      this.#stream = new CarriedStream({ scene, random: scene.random, clients, ...stream });
    }
  }

  /** The source ends its stream some time after it is done: a sink that has not heard the end by then never does. */
  #stop({ doneMs }: CarriedStream): void {
    const [client] = this.#clients;
    const { scheduler } = this.#scene;
    if (doneMs === undefined || scheduler.nowMs - doneMs < LINGER_MS) return;
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
}
