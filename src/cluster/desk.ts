import { type Fault, isFault } from '../core/model/fault.js';
import type { LeaseWitness } from '../replica/leases.js';
import type { Forwarded, Replica } from '../replica/replica.js';
import { problemOf } from './check-message.js';
import {
  type EarlyAttachment,
  FollowerSessions,
  type FollowerSessionsDeps,
  type SessionFollower,
} from './follower-sessions.js';
import { commandOf } from './forwarded-command.js';
import { KnownUntil } from './known-until.js';
import { CALM_MS, EARLY_MAX, LEASE_SLACK_MS, ROSTER_MAX, SILENCE_MS, TELL_MS, unheardMs } from './limits.js';
import { hasRoom, type KnownForwarder, Origins } from './origins.js';
import type { CommandRefused, FollowerHandler, FollowerLink, FollowerMessage, ForwardedCommand } from './peers.js';
import type { RosterServer } from './server-addresses.js';
import { UnheardRenewals } from './unheard-renewals.js';

/** What a {@link LeaderDesk} stands on. */
export interface LeaderDeskDeps extends FollowerSessionsDeps {
  /** In which this server leads. */
  readonly term: bigint;
  /** Takes a command that a follower has forwarded. */
  readonly take: (forwarded: Forwarded) => void;
  /** What this server is to the others. */
  readonly self: () => RosterServer;
  /** A stream has carried data somewhere. */
  readonly used: (streamId: number) => void;
  /** How long a leader may be silent before another can win. */
  readonly leaderTtlMs: number;
  /** Whether there are other servers, which followed the leader before. */
  readonly hasOthers: boolean;
}

interface Follower extends SessionFollower {
  /** By which its process is known; 0 until it has said it. */
  incarnation: number;
  heardMs: number;
  readonly known: KnownUntil;
  refusals: CommandRefused[];
  isPlanned: boolean;
  /** It has said that it renews nothing more. */
  hasLeft: boolean;
  /** What it said of itself last. */
  facts: RosterServer | undefined;
}

/** A command that is about more than this server has applied. */
interface Undecided {
  readonly forwarded: Forwarded;
  /** What its follower had applied. */
  readonly asOf: number;
}

/**
 * What a leader does for its followers in one term: takes their commands, each once, and knows which sessions are attached and
 * renewed there, so that no lease ends of a session that lives.
 */
export class LeaderDesk implements LeaseWitness {
  readonly #deps: LeaderDeskDeps;
  readonly #origins = new Origins();
  readonly #followers = new Set<Follower>();
  readonly #sessions: FollowerSessions;
  readonly #unheard: UnheardRenewals;
  /** A follower's link broke: until then it may come back, and what it knows with it. */
  #calmUntilMs = Number.NEGATIVE_INFINITY;
  /** From then on every follower has said who is attached there: those of the leader before come over one after the other. */
  #knowsFromMs: number;
  /** Commands that were taken and are not decided yet. As many as {@link Origins} let in. */
  #undecided: Undecided[] = [];

  constructor(deps: LeaderDeskDeps) {
    this.#deps = deps;
    this.#sessions = new FollowerSessions(deps, this.#followers);
    const nowMs = deps.clock.nowMs();
    this.#knowsFromMs = nowMs + CALM_MS;
    this.#unheard = new UnheardRenewals(unheardMs(deps.leaderTtlMs));
    if (deps.hasOthers) this.#unheard.begun(nowMs);
  }

  /** How many servers follow. */
  get count(): number {
    return this.#followers.size;
  }

  /** Whether of every follower is known what it renewed, but for what leases live longer than they say. */
  get mayExpire(): boolean {
    const nowMs = this.#deps.clock.nowMs();
    for (const { known } of this.#followers) if (nowMs - known.untilMs > LEASE_SLACK_MS) return false;
    return true;
  }

  /** Until when servers that do not follow now may have renewed sessions. */
  get unheardUntilMs(): number {
    return this.#unheard.untilMs;
  }

  /** Whether a session is attached at a follower. */
  isHeld(sid: number): boolean {
    return this.#sessions.isHeld(sid);
  }

  /** Whether a session is attached at a follower, as far as that is known: one that has not said so yet may have it. */
  mayBeHeld(sid: number): boolean {
    return this.isHeld(sid) || this.#deps.clock.nowMs() < Math.max(this.#knowsFromMs, this.#calmUntilMs);
  }

  /** The names of the servers that are heard of. */
  get names(): string[] {
    return [...this.#followers].flatMap(({ name }) => (name === '' ? [] : [name]));
  }

  /** The servers that live. Those that followed the leader before come over one after the other. */
  get roster(): readonly RosterServer[] {
    const followers = [...this.#followers].flatMap(({ facts }) => (facts === undefined ? [] : [facts]));
    return [this.#deps.self(), ...followers].slice(0, ROSTER_MAX);
  }

  /** A session was renewed here. */
  renewed(sid: number): void {
    this.#sessions.renewed(sid);
  }

  /** A session is at another server: what is known of its attachment is of the one before. */
  moved(sid: number): void {
    this.#sessions.moved(sid);
  }

  /** A session has ended. */
  closed(sid: number): void {
    this.#sessions.closed(sid);
  }

  /** A revision was applied here: what waited for it is decided. */
  applied(): void {
    if (this.#undecided.length === 0) return;
    const revision = this.#deps.revision();
    const ready = this.#undecided.filter(({ asOf }) => asOf <= revision);
    if (ready.length === 0) return;
    this.#undecided = this.#undecided.filter(({ asOf }) => asOf > revision);
    // Not in the middle of a batch that is being applied.
    this.#deps.clock.soon(() => {
      for (const { forwarded } of ready) this.#deps.take(forwarded);
    });
  }

  /** A session got an attachment here: the one that it had at a follower is over. */
  held(sid: number, isHeld: boolean): void {
    this.#sessions.held(sid, isHeld);
  }

  /** A server has connected. */
  accept(link: FollowerLink): FollowerHandler {
    const { clock } = this.#deps;
    const early = new Map<number, EarlyAttachment>();
    const known = new KnownUntil();
    const follower: Follower = {
      ...{
        link: known.counted(link, clock),
        known,
        name: '',
        incarnation: 0,
        heardMs: clock.nowMs(),
        refusals: [],
        isPlanned: false,
        hasLeft: false,
        early,
        facts: undefined,
      },
      renewed: new Set(),
    };
    this.#followers.add(follower);
    this.#knowsFromMs = Math.max(this.#knowsFromMs, clock.nowMs() + TELL_MS);
    return {
      received: (message) => this.#received(follower, message),
      closed: () => this.#left(follower),
    };
  }

  #received(follower: Follower, message: FollowerMessage): void {
    if (!this.#followers.has(follower)) return;
    if (message.term !== this.#deps.term) {
      follower.link.refuse();
      return;
    }
    const problem =
      problemOf(message, this.#deps.revision()) ??
      follower.known.problemOf(message) ??
      this.#nameProblem(message) ??
      this.#take(follower, message);
    if (problem !== undefined) {
      follower.link.reject(problem);
      return;
    }
    follower.heardMs = this.#deps.clock.nowMs();
    follower.known.received(message.heard, follower.heardMs);
    const { server: name, peerAddress, addresses, attachedCount } = message;
    follower.name = name;
    follower.incarnation = message.incarnation;
    follower.hasLeft = message.leaves === true;
    follower.facts = { name, peerAddress, addresses, attachedCount };
    for (const sid of message.usedStreams) this.#deps.used(sid);
    this.#sessions.note(follower, message);
    // The first message over a link has all that was renewed and may be unknown here.
    this.#unheard.back(follower, follower.heardMs);
    if (follower.early.size > EARLY_MAX) {
      follower.link.reject(`attached: more than ${EARLY_MAX} sessions that are not here`);
      return;
    }
    const { asked } = message;
    const isThere = (sid: number) => this.#deps.attachedSinceMs(sid) !== undefined || this.mayBeHeld(sid);
    const [attached, absent] = [asked.filter(isThere), asked.filter((sid) => !isThere(sid))];
    // Also when there is nothing to say: so a follower knows that it is heard.
    const renewed = [...follower.renewed];
    follower.renewed.clear();
    const told = { attached, absent, renewed, roster: this.roster, elsewhere: this.#sessions.report(follower) };
    follower.link.send({ refusals: follower.refusals.splice(0), replaced: [], ...told });
  }

  /**
   * Why who sends cannot have its name: this server has it, or another process that was heard of lately. What is known of sessions is known by
   * name: of two servers with one name, each would be taken for the other. A process that comes back has its old incarnation.
   */
  #nameProblem({ server, incarnation }: FollowerMessage): string | undefined {
    if (server === this.#deps.self().name) return `server: ${server} is the name of the server that leads`;
    const nowMs = this.#deps.clock.nowMs();
    for (const other of this.#followers) {
      if (other.name !== server || other.incarnation === incarnation || nowMs - other.heardMs > SILENCE_MS) continue;
      return `server: another process that follows is called ${server}`;
    }
    return undefined;
  }

  /** Takes what is forwarded, each once. The result is what no follower sends. */
  #take(follower: Follower, message: FollowerMessage): string | undefined {
    const { incarnation, commands } = message;
    const origin = this.#origins.of(message);
    if (origin === undefined) return `incarnation: ${incarnation} is another server's, or one too many in this term`;
    for (const command of commands) {
      // A late repetition of what the log has told long ago.
      if (command.count < origin.floor) continue;
      if (origin.taken.has(command.count)) {
        const refusal = origin.taken.get(command.count);
        if (refusal !== undefined) this.#refuse(follower, refusal);
      } else if (!hasRoom(origin)) return `commands: ${origin.taken.size} wait already`;
      else this.#takeOne(follower, { incarnation, origin, asOf: message.revision }, command);
    }
    return undefined;
  }

  #takeOne(
    follower: Follower,
    {
      incarnation,
      origin,
      asOf,
    }: { readonly incarnation: number; readonly origin: KnownForwarder; readonly asOf: number },
    { count, record, urgent }: ForwardedCommand,
  ): void {
    const refused = (fault: Fault | undefined) => {
      const refusal = { count, revision: this.#deps.revision(), fault };
      if (origin.taken.has(count)) origin.taken.set(count, refusal);
      this.#refuse(follower, refusal);
    };
    origin.taken.set(count, undefined);
    const command = commandOf(record);
    if (isFault(command)) refused(command);
    else this.#decide({ command, tag: (BigInt(incarnation) << 32n) | BigInt(count), urgent, refused }, asOf);
  }

  /**
   * Decides a command once everything is applied here that its follower had applied: a follower hears of an append from the store,
   * perhaps before this server has its answer, and a client's next command may be about what that append brought.
   */
  #decide(forwarded: Forwarded, asOf: number): void {
    if (asOf <= this.#deps.revision()) this.#deps.take(forwarded);
    else this.#undecided.push({ forwarded, asOf });
  }

  #refuse(follower: Follower, refusal: CommandRefused): void {
    follower.refusals.push(refusal);
    if (follower.isPlanned) return;
    follower.isPlanned = true;
    this.#deps.clock.soon(() => {
      follower.isPlanned = false;
      const refusals = follower.refusals.splice(0);
      if (refusals.length > 0 && this.#followers.has(follower)) {
        follower.link.send({ refusals, replaced: [], attached: [], absent: [], renewed: [] });
      }
    });
  }

  #left(follower: Follower): void {
    if (!this.#followers.delete(follower)) return;
    const nowMs = this.#deps.clock.nowMs();
    this.#calmUntilMs = nowMs + CALM_MS;
    const { name, incarnation } = follower;
    const isBack = [...this.#followers].some((other) => other.name === name && other.incarnation === incarnation);
    if (incarnation !== 0 && !isBack && !follower.hasLeft) this.#unheard.gone(follower, nowMs);
    this.#sessions.left(follower);
  }
}

/** The desk of a server that begins to lead, by which its leases end from now on. */
export function deskOf(
  replica: Replica,
  given: Pick<LeaderDeskDeps, 'term' | 'clock' | 'self' | 'leaderTtlMs'>,
): LeaderDesk {
  const { state, leases, deadlines, attachments, homes } = replica;
  const desk = new LeaderDesk({
    ...given,
    leases,
    hasOthers: [...state.servers.all()].some(({ sid }) => sid !== homes.own),
    take: (forwarded) => replica.takeForwarded(forwarded),
    revision: () => state.revision,
    has: (sid) => state.sessions.has(sid),
    attachedSinceMs: (sid) => attachments.sinceMs(sid),
    attached: () => attachments.sids(),
    elsewhere: attachments.others,
    replace: (sid) => attachments.replace(sid),
    homeName: (sid) => homes.nameElsewhere(sid),
    used: (id) => deadlines.used(id),
  });
  leases.witness = desk;
  leases.mayExpire = () => desk.mayExpire;
  leases.unheardUntilMs = () => desk.unheardUntilMs;
  return desk;
}
