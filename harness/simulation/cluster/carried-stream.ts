import { type Fault, isFault } from '../../../src/core/model/fault.js';
import { SinkEnd, SourceEnd } from '../../../src/relay/end.js';
import { Carriage } from '../clients/carriage.js';
import type { SeededRandom } from '../machine/random.js';
import { Asked } from './asked.js';
import type { ClusterClient } from './client.js';
import { answering, type ClusterScene } from './place.js';
import type { ClusterServer } from './server.js';

const BLOCK_BYTES_MAX = 200;
/** So long takes whoever has something to wait for: then it goes on, or the stream has ended. */
const STUCK_MS = 45_000;

/** An end of a stream as a client has it, and the server that it was opened at. */
interface Opened<End> {
  readonly end: End;
  readonly server: ClusterServer;
}

/** A stream that is there, and what is to be sent over it. */
export interface CarriedStreamDeps {
  readonly scene: ClusterScene;
  readonly random: SeededRandom;
  /** Its source and its sink. */
  readonly clients: readonly [ClusterClient, ClusterClient];
  readonly streamId: number;
  readonly branchId: number;
  readonly isConfirmed: boolean;
  /** Blocks. */
  readonly count: number;
}

/** A stream between two clients: whatever breaks, each end is opened again where its client is, and says where it stands. */
export class CarriedStream {
  readonly #deps: CarriedStreamDeps;
  readonly #carriage: Carriage;
  #source: Opened<SourceEnd> | undefined;
  #sink: Opened<SinkEnd> | undefined;
  #sent = 0;
  #confirmed = 0;
  #doneMs: number | undefined;
  #movedMs: number;
  readonly #sourceOpening = new Asked();
  readonly #sinkOpening = new Asked();
  #isOver = false;
  #wasRemote = false;

  constructor(deps: CarriedStreamDeps) {
    this.#deps = deps;
    this.#movedMs = deps.scene.scheduler.nowMs;
    this.#carriage = new Carriage(`stream ${deps.streamId}`, deps.count, deps.isConfirmed);
  }

  get isOver(): boolean {
    return this.#isOver || this.#carriage.isOver;
  }

  /** Blocks that its sink has. */
  get taken(): number {
    return this.#carriage.taken;
  }

  /** Whether its ends were at different servers. */
  get wasRemote(): boolean {
    return this.#wasRemote;
  }

  /** When its source was done; undefined: it is not. */
  get doneMs(): number | undefined {
    return this.#doneMs;
  }

  /** Each end does what it can. */
  act(): void {
    this.#send();
    this.#take();
  }

  close(): void {
    this.#isOver = true;
    this.#source?.end.close();
    this.#sink?.end.close();
  }

  /** Whatever is not over by now has stood still for long. */
  judgeRest(): void {
    const isStuck = this.#deps.scene.scheduler.nowMs - this.#movedMs > STUCK_MS;
    if (!isStuck || this.isOver) return;
    this.#fail(`stands still at ${this.taken} of ${this.#carriage.count} blocks, its source at ${this.#sent}`);
  }

  /** Some more blocks, at the end that stands or another. */
  #send(): void {
    const { clients, random, scene } = this.#deps;
    const end = this.#sourceAt(clients[0].server);
    const carriage = this.#carriage;
    if (end === undefined || this.#doneMs !== undefined) return;
    this.#confirmed = Math.max(this.#confirmed, end.takeConfirmed() ?? 0);
    for (let some = random.between(0, 4); some > 0 && this.#sent < carriage.count && end.hasRoom(); some--) {
      if (end.write(carriage.block(this.#sent, random.below(BLOCK_BYTES_MAX))) !== undefined) return;
      this.#sent++;
      this.#movedMs = scene.scheduler.nowMs;
    }
    if (this.#sent < carriage.count) return;
    carriage.isFinishing = true;
    end.finish();
    // A stream that was stopped has nothing more to carry: its source hears of that, as at the door.
    if (end.fault !== undefined || !end.isDone) return;
    this.#doneMs = scene.scheduler.nowMs;
    const wrong = carriage.delivered();
    if (wrong !== undefined) this.#fail(wrong);
  }

  #sourceAt(server: ClusterServer | undefined): SourceEnd | undefined {
    if (server === undefined) return undefined;
    if (this.#source?.server === server && this.#source.end.fault === undefined) return this.#source.end;
    const { clients, streamId, isConfirmed } = this.#deps;
    const blocks = isConfirmed ? this.#confirmed : this.#sent;
    this.#sourceOpening.ask(
      server,
      () => server.relay.openCurrently(clients[0].sid, streamId, blocks),
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
    const { scene, isConfirmed, clients } = this.#deps;
    const [source, { server }] = clients;
    const end = this.#sinkAt(server);
    const carriage = this.#carriage;
    if (server === undefined || end === undefined) return;
    this.#wasRemote ||= source.server !== undefined && source.server !== server;
    for (let next = end.next(); next !== undefined; next = end.next()) {
      if (isFault(next)) return this.#refused(next, server);
      const lost = end.takeLost();
      const wrong = next === 'ended' ? carriage.complete(lost) : carriage.give(next, lost);
      this.#movedMs = scene.scheduler.nowMs;
      if (wrong !== undefined) return this.#fail(wrong);
      if (next === 'ended') {
        carriage.isOver = true;
        return;
      }
      if (isConfirmed && end.confirm(end.takenBlocks) !== undefined) return;
    }
  }

  #sinkAt(server: ClusterServer | undefined): SinkEnd | undefined {
    if (server === undefined) return undefined;
    if (this.#sink?.server === server && this.#sink.end.fault === undefined) return this.#sink.end;
    const { clients, branchId } = this.#deps;
    this.#sinkOpening.ask(
      server,
      () => server.relay.openCurrently(clients[1].sid, branchId, this.taken),
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
    const { scene, streamId } = this.#deps;
    const knows = (one: ClusterServer) => one.revision > server.revision && one.state.streams.get(streamId);
    const other = answering(scene).find(knows);
    if (other !== undefined) this.#fail(`is told to be over at ${server.name}, and ${other.name} knows better`);
    this.#isOver = true;
    return undefined;
  }

  #fail(text: string): undefined {
    const { scene, streamId } = this.#deps;
    scene.verdict.fail('Carried', `stream ${streamId} ${text}`);
    return undefined;
  }
}
