import type { Instance } from '../../src/client/instance/instance.js';
import { Switchyard } from '../../src/client/switchyard.js';
import type { Limits } from '../../src/core/model/limits.js';
import type { Outcome } from '../simulation/check.js';
import { Kept } from '../simulation/checks/kept.js';
import { Once } from '../simulation/checks/once.js';
import { Sids } from '../simulation/checks/sids.js';
import type { Fleet, Member } from '../simulation/clients/fleet.js';
import { type Joining, join } from '../simulation/clients/joining.js';
import { type Reader, readClosed, readDeltas, readStreams, replicate } from '../simulation/clients/readers.js';
import type { SeededRandom } from '../simulation/machine/random.js';
import { Panel } from '../simulation/panel.js';
import { CLIENT_STEPS } from '../simulation/steps/clients.js';
import { Truth } from '../simulation/truth.js';
import { type Found, Verdict } from '../simulation/verdict.js';
import { type Ear, HeardChannel } from './channel.js';
import { Expiries } from './expiries.js';

/** The clients are in one process with what looks on, so a wait of a simulated world is cut to this part of itself. */
const WAIT_SCALE = 0.1;
/** The last so many lines of what happened are kept, for reports. */
const NOTES_MAX = 200;

/** Who there is, and where. */
export interface FleetOptions {
  readonly server: string;
  readonly adminToken: string;
  readonly random: SeededRandom;
  /** The bounds that the server runs with. */
  readonly limits: Limits;
  readonly hosts: number;
  /** How many of the hosts have the UUID of another. */
  readonly clones: number;
}

/** A real client in this process. */
class LocalMember implements Member {
  readonly client: Switchyard;
  readonly streams: number[] = [];
  readonly readers = new Set<Reader>();
  instance: Instance | undefined;

  constructor(
    readonly name: string,
    readonly uuid: string | undefined,
    { server, adminToken }: FleetOptions,
    ear: Ear,
  ) {
    const token = uuid === undefined ? adminToken : undefined;
    this.client = new Switchyard({ channel: new HeardChannel(server, ear), adminToken: token });
  }

  get sid(): number | undefined {
    return this.instance?.session?.cvid;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms * WAIT_SCALE));
  }
}

/**
 * Real clients of a real server, and the checks of the simulation upon what they hear.
 *
 * What is true is known only from the journal, and that is read while the server is down. So everything that is heard
 * waits until then, and is judged in the order in which it was heard.
 */
export class RealFleet implements Fleet {
  readonly verdict = new Verdict(() => this.nowMs);
  readonly truth: Truth;
  readonly expiries: Expiries;
  readonly hosts: readonly Member[];
  /** They only watch. */
  readonly observers: readonly Member[];
  readonly admin: Member;
  /** The last lines of what happened. */
  readonly notes: string[] = [];
  /** Calls by what came of them: `ok`, or the reason of the refusal, or the code of the failure. */
  readonly outcomes = new Map<string, number>();
  /** How many streams were created: each is a command of its own. */
  created = 0;
  /** How often a stream of messages broke, by method. */
  readonly breaks = new Map<string, number>();
  private readonly panel: Panel;
  private readonly unjudged: (() => void)[] = [];
  private readonly random: SeededRandom;
  private marks = 0;
  private knownServerSid = 0;
  private loading: NodeJS.Timeout | undefined;

  constructor(options: FleetOptions) {
    const { random, limits, hosts, clones } = options;
    this.random = random;
    this.truth = new Truth(
      limits,
      () => this.nowMs,
      (revision) => this.panel.tell('durable', revision),
    );
    const { truth, verdict } = this;
    this.expiries = new Expiries(truth, verdict);
    const scene = { truth, verdict, limits: { core: limits } };
    this.panel = new Panel([new Kept(scene), new Once(scene), new Sids(scene)]);
    const ear: Ear = {
      answered: (outcome, sentMs) => this.answered(outcome, sentMs),
      broke: (method) => count(this.breaks, method),
      sent: () => {},
    };
    const member = (name: string, uuid?: string) => new LocalMember(name, uuid, options, ear);
    this.hosts = Array.from({ length: hosts }, (_, at) => member(`i${at}`, uuidOf(at % (hosts - clones))));
    this.observers = [0, 1].map((at) => member(`w${at}`));
    this.admin = member('admin');
  }

  get nowMs(): number {
    return performance.now();
  }

  get serverSid(): number {
    this.knownServerSid ||= this.hosts.find(({ sid }) => sid !== undefined)?.instance?.session?.serverCvid ?? 0;
    return this.knownServerSid;
  }

  mark(): string {
    this.marks++;
    return `m${this.marks}`;
  }

  note(line: string): void {
    this.notes.push(`${this.nowMs.toFixed(0).padStart(8)} ${line}`);
    if (this.notes.length > NOTES_MAX) this.notes.shift();
  }

  judge(name: string, find: () => Found | undefined): void {
    this.unjudged.push(() => this.found(find(), `${name}: `));
  }

  /** Puts something that was found into the verdict. */
  found(found: Found | undefined, about = ''): void {
    if (found !== undefined) this.verdict.fail(found.check, `${about}${found.text}`);
  }

  join(member: Member, joining: Joining): void {
    if (member.uuid !== undefined) join(this, member, member.uuid, joining);
  }

  /** Judges all that was heard until now. Everything that it can be about has to be in the truth. */
  judgeAll(): void {
    for (const judge of this.unjudged.splice(0)) judge();
  }

  /** Every kind of watch begins, and every host joins. */
  begin(): void {
    for (const kind of READERS) kind(this);
    this.hosts.forEach((host, manner) => {
      this.join(host, { ttlMs: undefined, manner });
    });
  }

  /** From now on clients do things, each a little after the one before, until {@link rest}. */
  work(paceMs: number): void {
    this.loading = setTimeout(
      () => {
        this.step();
        this.work(paceMs);
      },
      this.random.fraction() * 2 * paceMs,
    );
  }

  /** From now on nobody begins anything. */
  rest(): void {
    clearTimeout(this.loading);
  }

  /** How many calls had this outcome. */
  countOf(outcome: string): number {
    return this.outcomes.get(outcome) ?? 0;
  }

  /** How many watches broke. */
  get brokenWatches(): number {
    return [...this.breaks].reduce((sum, [method, times]) => sum + (method.startsWith('Watch') ? times : 0), 0);
  }

  private step(): void {
    const { random } = this;
    if (random.chance(REWATCH_CHANCE)) {
      this.rewatch();
      return;
    }
    let left = random.fraction() * WEIGHTS;
    for (const { weight, act } of Object.values(CLIENT_STEPS)) {
      left -= weight;
      if (left >= 0) continue;
      act(this, [random.word(), random.word(), random.word()]);
      return;
    }
  }

  /** A watch ends, and another one of any kind begins from nothing; or a reader takes nothing for a while. */
  private rewatch(): void {
    const { random } = this;
    const readers = [...this.observers, this.admin].flatMap((member) => [...member.readers]);
    if (readers.length === 0) return;
    const reader = random.pick(readers);
    if (random.chance(0.5)) reader.idleUntilMs = this.nowMs + random.fraction() * 1_000;
    else {
      reader.stop();
      random.pick(READERS)(this);
    }
  }

  private answered(outcome: Outcome, sentMs: number): void {
    const { error, method } = outcome;
    count(this.outcomes, error === undefined ? 'ok' : (error.reason ?? String(error.code)));
    if (error === undefined && method === 'CreateStream') this.created++;
    if (error?.reason === 'INTERNAL') this.verdict.fail('Sound', `${method} answered: ${error.message}`);
    this.expiries.answered(outcome, sentMs);
    this.unjudged.push(() => this.panel.tell('heard', outcome));
  }
}

/** Every kind of watch, each begun by another observer. */
const READERS: readonly ((fleet: RealFleet) => void)[] = [
  (fleet) => readDeltas(fleet, fleet.observers[0], { coalesce: false, sids: new Set() }, 0),
  (fleet) => readDeltas(fleet, fleet.observers[1], { coalesce: true, sids: new Set() }, 0),
  (fleet) => readDeltas(fleet, fleet.observers[1], { coalesce: false, sids: new Set(someSids(fleet)) }, 0),
  (fleet) => replicate(fleet, fleet.observers[0], false),
  (fleet) => replicate(fleet, fleet.observers[1], true),
  (fleet) => readClosed(fleet, fleet.observers[0], []),
  (fleet) => readStreams(fleet, fleet.admin),
];
/** One step of so many is about a watch. */
const REWATCH_CHANCE = 0.08;
const WEIGHTS = Object.values(CLIENT_STEPS).reduce((sum, { weight }) => sum + weight, 0);

/** The server and some instances. */
function someSids({ hosts, serverSid }: RealFleet): number[] {
  return [serverSid, ...hosts.slice(0, 3).map(({ sid }) => sid ?? 0)].filter((sid) => sid !== 0);
}

function uuidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
