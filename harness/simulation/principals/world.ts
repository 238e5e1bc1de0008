import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { apply } from '../../../src/core/decide/apply.js';
import { INITIAL_LIMITS } from '../../../src/core/model/limits.js';
import { State } from '../../../src/core/store/state.js';
import { decodeRecord } from '../../../src/journal/format/record.js';
import { MemoryDisk } from '../../../src/journal/storage/memory.js';
import { Process } from '../machine/process.js';
import { SeededRandom } from '../machine/random.js';
import { Scheduler } from '../machine/scheduler.js';
import { type CallAs, type Method, NetworksCaller } from '../networks/caller.js';
import { ADMIN_TOKEN, NetworksServer, type NetworksTampering } from '../networks/server.js';
import { Trace } from '../trace.js';
import { Verdict, type Violation } from '../verdict.js';
import { Attempts, type Callable } from './attempts.js';
import { type Member, makeMembers, NETWORKS } from './member.js';
import { type Actor, Rights } from './rights.js';

/** The longest that members do nothing: some of what only time brings happens meanwhile. */
const PAUSE_MS = 100;
/** A call that has no answer by then, as one that waits for its peer, goes on without its caller. */
const PATIENCE_MS = 50;
/** The administrator's token. */
const ADMINISTRATOR: Actor = { network: '', uuid: '', keyIds: new Set(), role: 'administrator' };
const AS_ADMINISTRATOR: CallAs = { admin: ADMIN_TOKEN, peer: '192.0.2.250:1' };

/** How a world went. */
export interface PrincipalsResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** The same for two runs of one seed. */
  readonly hash: string;
  /** How many commands of each kind were stored, all networks together. */
  readonly commands: Readonly<Record<string, number>>;
  /** How many calls of members were answered, and how many refused. */
  readonly answered: number;
  readonly refused: number;
}

/** What a network's journal said so far, applied. */
interface Ledger {
  readonly state: State;
  readonly rights: Rights;
  judged: number;
}

/**
 * One server in the mode `required` with two networks, and identities in both that do what they may and try what they may not.
 *
 * **Owned**: every command that is stored is its maker's to make, as {@link Rights} says. Calls are made one at a time, so it is certain
 * whose each command is.
 */
export class PrincipalsWorld implements Callable {
  readonly #scheduler = new Scheduler();
  readonly #process = new Process(this.#scheduler);
  readonly #trace: Trace;
  readonly #verdict = new Verdict(() => this.#scheduler.nowMs);
  readonly #random: SeededRandom;
  readonly #disk = new MemoryDisk();
  readonly #ledgers = new Map<string, Ledger>();
  readonly #members = makeMembers();
  readonly #commands: Record<string, number> = {};
  readonly #outcomes = { answered: 0, refused: 0 };
  readonly #tamper: NetworksTampering;
  #caller: NetworksCaller | undefined;
  #actor: Actor | undefined;

  constructor(
    readonly seed: number,
    tamper: NetworksTampering = {},
    follow?: (line: string) => void,
  ) {
    this.#tamper = tamper;
    this.#trace = new Trace(this.#scheduler, follow);
    this.#random = new SeededRandom(seed).fork(2);
  }

  /** Lets so much time pass, or as much as nothing is wrong. */
  async run(minutes: number): Promise<PrincipalsResult> {
    this.#play().catch((error) => this.#verdict.fail('Sound', String(error)));
    await this.#scheduler.run(minutes * 60_000, () => this.#verdict.violation !== undefined);
    this.#process.kill();
    const { violation } = this.#verdict;
    return { seed: this.seed, violation, hash: this.#trace.hash, commands: this.#commands, ...this.#outcomes };
  }

  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    as: CallAs,
  ): Promise<Response | undefined> {
    const [answer, cancel] = await this.#begun(method, request, as, () => {});
    // One that is answered may be on its way yet: cancelled then, it would be taken back.
    if (answer === undefined) cancel();
    await this.#settle();
    return answer;
  }

  async follow<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    as: CallAs,
    told: (response: Response) => void,
  ): Promise<(() => void) | undefined> {
    const [answer, cancel] = await this.#begun(method, request, as, told);
    await this.#settle();
    if (answer === undefined) cancel();
    return answer && cancel;
  }

  /** Resolves with the first answer, and how to give the call up; without one when it is refused, or waits for too long. */
  async #begun<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    as: CallAs,
    told: (response: Response) => void,
  ): Promise<readonly [Response | undefined, () => void]> {
    let cancel = () => {};
    const answer = await new Promise<Response | undefined>((resolve) => {
      const hear = (response: Response) => {
        told(response);
        resolve(response);
      };
      const ended = (reason: string) => {
        if (reason !== '') this.#trace.note(reason);
        resolve(undefined);
      };
      cancel = this.#caller?.call(method, request, as, { told: hear, ended }) ?? cancel;
      this.#process.clock.after(PATIENCE_MS, () => resolve(undefined));
    });
    this.#outcomes[answer === undefined ? 'refused' : 'answered'] += 1;
    this.#trace.note(`${method.path} as ${this.#actor?.uuid}: ${answer !== undefined}`);
    return [answer, cancel];
  }

  /** What a call has left behind for this very moment is done, too, and what is stored is judged. */
  async #settle(): Promise<void> {
    await this.#process.wait(1);
    this.#judge();
  }

  async #play(): Promise<void> {
    await this.#begin();
    const attempts = new Attempts(this.#random.fork(1), this.#members, this);
    for (const member of this.#members) await this.#as(member, () => attempts.arrive(member));
    for (;;) {
      await this.#process.wait(this.#random.between(1, PAUSE_MS));
      this.#judge();
      const actor = this.#random.pick(this.#members);
      await this.#as(actor, () => attempts.tryOne(actor));
    }
  }

  async #begin(): Promise<void> {
    const fatal = (error: unknown) => this.#verdict.fail('Sound', String(error));
    const tamper = this.#tamper;
    const { clock } = this.#process;
    const server = await NetworksServer.start({
      ...{ clock, random: this.#random.fork(0), disk: this.#disk, tamper, fatal, flags: { auth: 'required' } },
    });
    this.#caller = new NetworksCaller({ server, process: this.#process, tamper, unsound: fatal });
    await this.#as(ADMINISTRATOR, async () => {
      for (const name of NETWORKS.slice(1)) {
        await this.call(Identities.createNetwork, { name, sessionsMax: 0 }, AS_ADMINISTRATOR);
      }
      for (const member of this.#members) await this.#admit(member);
    });
  }

  async #admit({ uuid, key, kind, role, network }: Member): Promise<void> {
    const as = { ...AS_ADMINISTRATOR, network };
    await this.call(Identities.bindKey, { identityUuid: uuid, publicKey: key.publicKey }, as);
    const described = { kind, roles: [role], name: '', labels: {}, updateMask: ['kind', 'roles'] };
    await this.call(Identities.updateIdentity, { identityUuid: uuid, ...described }, as);
  }

  /** Whatever is stored until this is done came of what this actor did. */
  async #as(actor: Actor, act: () => Promise<void>): Promise<void> {
    this.#actor = actor;
    await act();
    this.#actor = undefined;
  }

  /** Holds what was stored since against who was at work. */
  #judge(): void {
    this.#judgeJournal('default', this.#disk);
    for (const { network, disk } of this.#disk.networks.values()) this.#judgeJournal(network.name, disk);
  }

  #judgeJournal(network: string, disk: MemoryDisk): void {
    const state = () => new State(disk.initialLimits ?? INITIAL_LIMITS);
    const ledger = this.#ledgers.get(network) ?? { state: state(), rights: new Rights(), judged: 0 };
    this.#ledgers.set(network, ledger);
    for (; ledger.judged < disk.last; ledger.judged++) {
      const revision = ledger.judged + 1;
      const bytes = disk.records.get(revision);
      if (bytes === undefined)
        throw new Error(`the record ${revision} of ${network} was compacted before it was judged`);
      const command = decodeRecord({ revision, bytes });
      this.#commands[command.kind] = (this.#commands[command.kind] ?? 0) + 1;
      const wrong = this.#trespass(network, (actor) => ledger.rights.judge(command, ledger.state, actor));
      if (wrong !== undefined)
        this.#verdict.fail('Owned', `${network}, revision ${revision}, ${command.kind}: ${wrong}`);
      apply(ledger.state, command);
    }
  }

  #trespass(network: string, judge: (actor: Actor | undefined) => string | undefined): string | undefined {
    const actor = this.#actor;
    const isHere = actor === undefined || actor === ADMINISTRATOR || actor.network === network;
    const wrong = judge(isHere ? actor : undefined);
    if (wrong === undefined || actor === undefined) return wrong;
    const who = actor === ADMINISTRATOR ? 'the administrator' : `${actor.uuid}, ${actor.role} of ${actor.network},`;
    return `${who} was at work, and ${wrong}`;
  }
}
