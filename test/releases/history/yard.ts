import { InstanceFlavor, InstanceType } from '../../../gen/switchyard/v1/instance.js';
import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { SeededRandom } from '../../../harness/simulation/machine/random.js';
import { LmdbJournal } from '../../../src/journal/storage/lmdb.js';
import { ask, type Running, refusalOf, run } from '../../grpc/running.js';
import { HistoryClock } from './clock.js';
import { Member } from './member.js';

/** Names as fleets have them: several scripts, a combining accent, characters outside the basic plane, and none. */
const NAMES = ['', 'gateway', 'Zürich-07', 'Łódź', 'Кассиопея', '東京-3', 'θάλασσα', 'cafe\u0301', '🛰 relay', 'مرفأ'];
const LABEL_KEYS = ['region', 'rack/row', 'os.version', 'owner', 'a-b_c'];
const LABEL_VALUES = ['', 'eu-west', 'Ümlaut & <tags>', '値', 'x'.repeat(255), '🚂'];
/** Seconds; 0: the server's default. */
const TTLS = [0, 5, 60, 3_600, 86_400];
/** The clock moves by this: never past two looks at the leases, of which the second would repeat what the first has begun. */
const STEP_MS = 200;
/** Turns of the event loop from a timer to the append of what it decides. */
const TURNS = 4;

/** A server with a data folder, and the fleet that makes its history. */
export class Yard {
  readonly random: SeededRandom;
  readonly members: Member[] = [];
  /** Calls that were refused, by reason: a history without them would not show much. */
  readonly refused = new Map<string, number>();
  readonly #clock = new HistoryClock();
  readonly #serverRandom: SeededRandom;
  readonly #folder: string;
  #running: Running | undefined;
  #instances = 0;
  /** Appends under way. */
  #appending = 0;

  constructor(folder: string, seed: number) {
    this.#folder = folder;
    this.random = new SeededRandom(seed);
    this.#serverRandom = this.random.fork(1);
  }

  get at(): Running {
    if (this.#running === undefined) throw new Error('the server is down');
    return this.#running;
  }

  async start(): Promise<void> {
    const journal = await LmdbJournal.open(this.#folder);
    const append = journal.append.bind(journal);
    journal.append = (records) => {
      this.#appending += 1;
      return append(records).finally(() => {
        this.#appending -= 1;
      });
    };
    const parts = { clock: this.#clock, random: this.#serverRandom, journal };
    this.#running = await run({ 'rendezvous-listen': '127.0.0.1:0' }, parts);
    for (const member of this.members) if (member.orders !== undefined) await member.attach(this.at);
  }

  async stop(): Promise<void> {
    await this.at.stop();
    this.#running = undefined;
  }

  /** Opens a session; of an instance that has one, it supersedes it. */
  async open(uuid = this.#newUuid()): Promise<Member> {
    const { random } = this;
    const ttl = random.pick(TTLS);
    const request = {
      instanceUuid: uuid,
      instanceType: random.between(InstanceType.AGENT, 7),
      instanceFlavor: random.between(InstanceFlavor.UNSPECIFIED, 31),
      ttl: ttl === 0 ? undefined : { seconds: BigInt(ttl), nanos: 0 },
      name: random.pick(NAMES),
      labels: this.labels(),
    };
    const { instanceSid, sessionToken } = await ask(this.at, Sessions.session, request);
    const member = new Member(uuid, instanceSid, sessionToken);
    this.forget(this.members.find((one) => one.uuid === uuid));
    this.members.push(member);
    return member;
  }

  labels(): Record<string, string> {
    const { random } = this;
    const count = random.below(4);
    return Object.fromEntries(
      Array.from({ length: count }, () => [random.pick(LABEL_KEYS), random.pick(LABEL_VALUES)]),
    );
  }

  name(): string {
    return this.random.pick(NAMES);
  }

  /** No more is asked of it. */
  forget(member: Member | undefined): void {
    if (member !== undefined) this.members.splice(this.members.indexOf(member), 1);
  }

  /** Some members, each once; undefined when there are not so many. */
  some(count: number, fits: (member: Member) => boolean = () => true): Member[] | undefined {
    const left = this.members.filter(fits);
    if (left.length < count) return undefined;
    return Array.from({ length: count }, () => left.splice(this.random.below(left.length), 1)[0]!);
  }

  /** Waits for a call that may be refused; the member is forgotten when its session turns out to be over. */
  async may<A>(call: Promise<A>, by?: Member): Promise<A | undefined> {
    try {
      return await call;
    } catch (error) {
      const { reason } = refusalOf(error);
      if (reason === undefined) throw error;
      this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
      if (by !== undefined && /^SESSION_/.test(reason) && this.members.includes(by)) this.forget(by);
      return undefined;
    }
  }

  /**
   * Lets several calls become commands of one batch: those after the first are judged by the state before it, so they can
   * lose their ground only when they are applied. GetNode comes last and needs no journal: its answer says that all have arrived.
   */
  async together(calls: () => readonly Promise<unknown>[]): Promise<void> {
    this.#clock.hold();
    const answers = calls().map((call) => this.may(call));
    await this.may(ask(this.at, Network.getNode, { cvid: 1 }));
    this.#clock.release();
    await Promise.all(answers);
  }

  /** Lets time pass in small steps, and the server do at each what it does about it, however slow the disk is. */
  async pass(seconds: number): Promise<void> {
    for (let left = seconds * 1_000; left > 0; left -= STEP_MS) {
      this.#clock.advance(STEP_MS);
      do for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
      while (this.#appending > 0);
    }
  }

  #newUuid(): string {
    const hex = Buffer.from(this.random.bytes(9)).toString('hex');
    const number = (++this.#instances).toString(16).padStart(4, '0');
    return `${hex.slice(0, 8)}-${number}-4${hex.slice(8, 11)}-8${hex.slice(11, 14)}-${hex.slice(6, 18)}`;
  }
}
