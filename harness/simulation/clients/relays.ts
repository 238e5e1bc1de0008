import { RelayRequest, type RelayResponse, StreamServiceService } from '../../../gen/switchyard/v1/stream_service.js';
import type { Caller } from '../../../src/client/channel/caller.js';
import { SwitchyardError } from '../../../src/client/error.js';
import type { Instance } from '../../../src/client/instance/instance.js';
import type { RelaySource } from '../../../src/client/relay/relay.js';
import { StatusCode } from '../../../src/client/status.js';
import type { SeededRandom } from '../machine/random.js';
import { Carriage } from './carriage.js';
import type { Fleet, Member } from './fleet.js';

/** How often a new stream is begun, and how many are under way at most. */
const EVERY_MS = 2_500;
const UNDERWAY_MAX = 6;
const BLOCKS_MAX = 60;
const BLOCK_BYTES_MAX = 1_500;
/** Before an end that broke is opened again: longer than a server needs to begin anew, now and then. */
const RETRY_MS = 700;

/** How long a stream stays when its source is done. */
const LINGER_MS = 15_000;

/** One end of a stream: where it is, and the life in which it is there. */
interface End {
  readonly member: Member;
  readonly instance: Instance;
  readonly random: SeededRandom;
}

/** How the sink reads: with the client, or in a call whose own side it has closed at once. */
type Reading = AsyncIterable<{ readonly block: Uint8Array; readonly lost: number }>;

/**
 * Pairs of instances with a stream between them, whose data goes over every fault of a run: each end opens its call again
 * where it stands, until all data has come, or the stream or a session has ended.
 *
 * **Carried**: each block comes once and in order, what a sink is told is lost is lost, and an end of the data is told only
 * when the source has ended it and everything before it has come.
 */
export class Relays {
  readonly #underway = new Map<Carriage, readonly [End, End]>();
  #isOver = false;

  constructor(
    private readonly fleet: Fleet,
    private readonly later: (delayMs: number, call: () => void) => void,
    private readonly random: SeededRandom,
  ) {}

  begin(): void {
    if (this.#isOver) return;
    this.#tidy();
    if (this.#underway.size < UNDERWAY_MAX) void this.#start();
    this.later(EVERY_MS, () => this.begin());
  }

  /** No more are begun; those under way go on. */
  end(): void {
    this.#isOver = true;
  }

  /** Streams whose ends are both there and that have not come to an end. */
  unfinished(): string[] {
    this.#tidy();
    return [...this.#underway.keys()].map(({ name, taken, count }) => `${name} stands at ${taken} of ${count} blocks`);
  }

  /** Forgets those that are over, and those that have lost a machine or an instance. */
  #tidy(): void {
    for (const [carriage, ends] of this.#underway) {
      const isThere = ends.every(({ member, instance }) => member.instance === instance && instance.state !== 'ended');
      if (carriage.isOver || !isThere) this.#underway.delete(carriage);
    }
  }

  async #start(): Promise<void> {
    const { fleet, random } = this;
    const there = fleet.hosts.flatMap((member) => {
      const { instance } = member;
      return instance?.state === 'attached' ? [{ member, instance, random: random.fork(random.word()) }] : [];
    });
    if (there.length < 2) return;
    const source = random.pick(there);
    const sink = random.pick(there.filter(({ instance }) => instance !== source.instance));
    const isConfirmed = random.chance(1 / 2);
    const isHalfClosed = !isConfirmed && random.chance(1 / 2);
    const name = fleet.mark();
    const count = random.between(1, BLOCKS_MAX);
    try {
      const settings = { name, deliveryConfirmation: isConfirmed };
      const { stream } = await source.instance.createStream([sink.member.sid!], settings);
      source.member.streams.push(stream.id);
      const carriage = new Carriage(`stream ${stream.id} (${name})`, count, isConfirmed);
      this.#underway.set(carriage, [source, sink]);
      const branch = stream.sinks[0].id;
      const sent = this.#keep(carriage, source, (at) => this.#send(carriage, source, stream.id, at));
      void sent.then(() => this.#stop(source, stream.id));
      void this.#keep(carriage, sink, () => this.#take(carriage, sink, branch, isHalfClosed));
    } catch {
      // Refused, or the call broke: another one comes.
    }
  }

  /** The source is done with its stream: a sink whose call breaks now would wait for ever for what nobody sends again. */
  async #stop({ member, instance }: End, id: number): Promise<void> {
    await member.wait(LINGER_MS);
    await instance.stopStream(id).catch(() => {});
  }

  /** Does something with one end, again and again while only its call breaks. `at` is where the last try left it. */
  async #keep(carriage: Carriage, { member }: End, attempt: (at: number) => Promise<number | 'done'>): Promise<void> {
    for (let at: number | 'done' = 0; at !== 'done' && !carriage.isOver; ) {
      try {
        at = await attempt(at);
      } catch (error) {
        if (!(error instanceof SwitchyardError)) this.fleet.verdict.fail('Sound', `a relay threw ${String(error)}`);
        // The stream is over, or its end is another's: no call of this session comes through to it any more.
        carriage.isOver = true;
      }
      if (at !== 'done') await member.wait(RETRY_MS);
    }
  }

  /** The source's end, over one call. Answers with how many blocks it has sent and, where that is asked for, are confirmed. */
  async #send(carriage: Carriage, end: End, id: number, at: number): Promise<number | 'done'> {
    const { instance, member, random } = end;
    let source: RelaySource | undefined;
    try {
      source = await instance.openSource(id, { blocks: at });
      for (let number = source.sentBlocks; number < carriage.count; number++) {
        await source.write(carriage.block(number, random.below(BLOCK_BYTES_MAX)));
        if (random.chance(1 / 4)) await member.wait(random.fraction() * 2_000);
      }
      carriage.isFinishing = true;
      await source.finish();
      this.#judge(carriage, carriage.delivered());
      return 'done';
    } catch (error) {
      if (!isBroken(error)) throw error;
      if (source === undefined) return at;
      return carriage.isConfirmed ? source.confirmedBlocks : source.sentBlocks;
    }
  }

  /** The sink's end, over one call. */
  async #take(carriage: Carriage, end: End, branch: number, isHalfClosed: boolean): Promise<number | 'done'> {
    const { member, random } = end;
    try {
      const reading = isHalfClosed ? this.#readHalfClosed(end, branch, carriage) : this.#read(end, branch, carriage);
      for await (const { block, lost } of reading) {
        if (block.length === 0) {
          this.#judge(carriage, carriage.complete(lost));
          carriage.isOver = true;
          return 'done';
        }
        this.#judge(carriage, carriage.give(block, lost));
        if (random.chance(1 / 4)) await member.wait(random.fraction() * 1_500);
      }
    } catch (error) {
      if (!isBroken(error)) throw error;
    }
    return carriage.taken;
  }

  /** As the client reads. The last one is an empty block: the end. */
  async *#read({ instance }: End, branch: number, carriage: Carriage): Reading {
    const sink = await instance.openSink(branch, { blocks: carriage.taken });
    let lost = 0;
    const news = () => {
      const more = sink.lostBlocks - lost;
      lost = sink.lostBlocks;
      return more;
    };
    for await (const block of sink) yield { block, lost: news() };
    yield { block: Buffer.of(), lost: news() };
  }

  /** By a call whose own side is closed as soon as it has said which branch it is. */
  async *#readHalfClosed({ instance }: End, branch: number, carriage: Carriage): Reading {
    // What the client's own calls are made of.
    const { caller } = instance as unknown as { readonly caller: Caller };
    const gone = new AbortController();
    const call = { metadata: await caller.credentials(gone.signal), signal: gone.signal };
    const open = { id: branch, blocks: BigInt(carriage.taken) };
    const requests = (async function* () {
      yield RelayRequest.fromPartial({ open });
    })();
    const answers: AsyncIterable<RelayResponse> = caller.channel.duplex(StreamServiceService.relay, requests, call);
    let lost = 0;
    for await (const { opened, block, lostBlocks } of answers) {
      lost += Number(lostBlocks);
      if (opened !== undefined || block.length === 0) continue;
      yield { block, lost };
      lost = 0;
    }
    yield { block: Buffer.of(), lost };
  }

  #judge(carriage: Carriage, wrong: string | undefined): void {
    if (wrong !== undefined) this.fleet.verdict.fail('Carried', `${carriage.name} ${wrong}`);
  }
}

/** Whether a call has broken, so that another one goes on where it was. */
function isBroken(error: unknown): boolean {
  return error instanceof SwitchyardError && RETRIED.has(error.code);
}

const RETRIED: ReadonlySet<number> = new Set([
  StatusCode.UNAVAILABLE,
  StatusCode.DEADLINE_EXCEEDED,
  StatusCode.RESOURCE_EXHAUSTED,
]);
