import type { Clock, Random, Timer } from '../base/clock.js';
import type { Applied } from '../core/decide/apply.js';
import type { Command } from '../core/model/command.js';
import { Fault, isFault } from '../core/model/fault.js';
import { encodeRecord } from '../journal/format/record.js';
import type { SeenLeader } from '../log/shared-log.js';
import type { CommandRoute } from '../replica/replica.js';
import { COUNT_MAX, drawIncarnation } from './incarnation.js';
import {
  BEAT_MS,
  LEASE_SLACK_MS,
  LINK_SILENCE_MS,
  MESSAGE_ITEMS_MAX,
  REDIAL_MS_MAX,
  REDIAL_MS_MIN,
  SILENCE_MS,
} from './limits.js';
import type { LocalNews } from './local-news.js';
import type { DialLeader, LeaderLink, LeaderMessage } from './peers.js';
import type { ServerAddresses } from './server-addresses.js';
import { type Fates, takeUnsent, type Waiting } from './waiting.js';

const RETRY_MS = 1_000;

/** What a {@link Forwarder} stands on. */
export interface ForwarderDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Where others reach this server. */
  readonly address: string;
  readonly dial: DialLeader;
  /** What this server is to the others, and what the leader says of all. */
  readonly roster: ServerAddresses;
  /** What the leader has to know besides commands. */
  readonly news: LocalNews;
  /** Commands that may wait here. The server's own may be twice as many. */
  readonly pendingMax: number;
  /** For how long nothing is heard of a leader until commands are refused. */
  readonly cutOffMs: number;
  /** The revision that is applied here. */
  readonly revision: () => number;
  /** What would become of a command here and now. */
  readonly tryOut: (command: Command) => Applied | Fault;
}

/**
 * Forwards the commands of a follower to the leader, each bound to the leader's term, and reads what became of them from the log.
 *
 * A command that was sent under a term is in the log of that term or nowhere. It is sent under another one only when a batch of a later
 * term was applied here without it: by then nothing of the earlier term can land any more. So it happens once.
 */
export class Forwarder implements Pick<CommandRoute, 'carry'> {
  readonly fates: Fates = { settled: 0, again: 0, refused: 0 };
  /** Told how long each command took from its client's asking until its outcome was known here. */
  timed: ((ms: number) => void) | undefined;
  /** Whether the leader is told that this server renews nothing more. */
  isLeaving = false;
  readonly #deps: ForwarderDeps;
  readonly #waiting = new Map<number, Waiting>();
  #incarnation: number;
  #count = 0;
  #leader: SeenLeader | undefined;
  #link: LeaderLink | undefined;
  #beat: Timer | undefined;
  #redial: Timer | undefined;
  #redialMs = REDIAL_MS_MIN;
  /** When the leader was last heard of. */
  #heardMs: number;
  /** When the present link was dialled. */
  #dialledMs = 0;
  #isPlanned = false;
  #isOver = false;

  constructor(deps: ForwarderDeps) {
    this.#deps = deps;
    this.#heardMs = deps.clock.nowMs();
    this.#incarnation = drawIncarnation(deps.random);
    deps.news.changed = () => this.#plan();
    this.#scheduleBeat();
  }

  /** For how long nothing was heard of the leader. */
  get silentMs(): number {
    return this.#deps.clock.nowMs() - this.#heardMs;
  }

  /** For how long nothing was heard over the present link. One that was just dialled has its time to be answered. */
  get #linkSilentMs(): number {
    return Math.min(this.silentMs, this.#deps.clock.nowMs() - this.#dialledMs);
  }

  /** The name of the leader that this server hears of; undefined while it hears of none. */
  get leaderName(): string | undefined {
    const isHeard = this.#link !== undefined && this.#heardMs >= this.#dialledMs && this.silentMs <= SILENCE_MS;
    return isHeard ? this.#leader?.name : undefined;
  }

  /** The names of the servers that this one hears of: none has the empty name, which a founder that is alone has. */
  get reachedNames(): readonly string[] {
    const { leaderName } = this;
    return leaderName === undefined ? [] : [leaderName];
  }

  /** Whether the leader was heard of for so long over one link that it has said what was renewed elsewhere. */
  get knowsRenewals(): boolean {
    return this.leaderName !== undefined && this.#deps.clock.nowMs() - this.#dialledMs >= LEASE_SLACK_MS;
  }

  /** Commands whose outcome is not known here yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  carry(command: Command, urgent: boolean): Promise<Applied | Fault> {
    const { pendingMax, cutOffMs } = this.#deps;
    if (this.#isOver || (this.silentMs > cutOffMs && this.#link === undefined)) {
      return Promise.resolve(unavailable('no server leads that this one can reach'));
    }
    if (this.#waiting.size >= (urgent ? 2 : 1) * pendingMax || !this.#hasCount()) {
      return Promise.resolve(
        new Fault('OVERLOADED', `${this.#waiting.size} commands wait for the leader`, [], RETRY_MS),
      );
    }
    const { bytes: record } = encodeRecord(1, command);
    const fresh = { term: 0n, sentOver: undefined, refusal: undefined, sinceMs: this.#deps.clock.nowMs() };
    return new Promise((resolve) => {
      this.#waiting.set(++this.#count, { command, record, urgent, resolve, ...fresh });
      this.#plan();
    });
  }

  /** Called before the first batch of a term is applied: what was sent under an earlier one and has not come, never will. */
  entered(term: bigint): void {
    // The leader of an earlier term would take them again, and could still answer.
    if (this.#leader !== undefined && this.#leader.term < term) this.#drop();
    for (const waiting of this.#waiting.values()) {
      if (waiting.term === 0n || waiting.term >= term) continue;
      waiting.term = 0n;
      waiting.refusal = undefined;
      this.fates.again++;
    }
    this.#plan();
  }

  /** Called with every command of the log that has a tag, once it is applied. */
  applied(tag: bigint, outcome: Applied | Fault): void {
    if (Number(tag >> 32n) !== this.#incarnation) return;
    if (this.#settle(Number(tag & 0xffff_ffffn), outcome)) this.fates.settled++;
  }

  /** Called when the log was read to an end: who leads as of then, and what is refused by what is applied now. */
  reached(leader: SeenLeader | undefined): void {
    this.#answerRefused();
    if (leader?.term === this.#leader?.term) return;
    this.#drop();
    this.#leader = leader;
    this.#redialMs = REDIAL_MS_MIN;
    this.#connect();
  }

  /** This server leads now. The result are the commands that are in no log, to be taken here. */
  lead(): readonly Pick<Waiting, 'command' | 'urgent' | 'resolve'>[] {
    this.#over();
    const rest = [...this.#waiting.values()];
    if (rest.some(({ term }) => term !== 0n)) throw new Error('a command of an earlier term has no fate');
    this.#waiting.clear();
    return rest;
  }

  /** Tells the leader what was renewed here, and that nothing more will be. False: it cannot be told now. */
  leave(): boolean {
    this.isLeaving = true;
    this.#flush(true);
    return this.#link !== undefined;
  }

  /** Answers everybody who still waits: nothing more is learnt. */
  giveUp(): void {
    this.#over();
    const unknown = new Fault('OUTCOME_UNKNOWN', 'the server ends before it knows whether the command was stored');
    for (const [count, { term }] of this.#waiting) {
      this.#settle(count, term === 0n ? unavailable('the server ends; nothing was stored') : unknown);
    }
  }

  #over(): void {
    this.#isOver = true;
    this.#beat?.cancel();
    this.#drop();
  }

  #drop(): void {
    this.#redial?.cancel();
    this.#link?.close();
    this.#link = undefined;
  }

  #connect(): void {
    const leader = this.#leader;
    const { dial, news, address, clock } = this.#deps;
    if (leader === undefined || leader.address === '' || this.#isOver) return;
    // This very process, which has won and does not lead yet, or one before it.
    if (leader.address === address) return;
    const link = dial(leader, {
      received: (message) => {
        // It lay unread while this process stood still: the leader may have given the link up long ago.
        if (this.#link === link && this.#linkSilentMs > LINK_SILENCE_MS + BEAT_MS) this.#reconnect();
        if (this.#link === link) this.#received(message);
      },
      broken: () => {
        if (this.#link === link) this.#reconnect();
      },
    });
    this.#link = link;
    this.#dialledMs = clock.nowMs();
    news.tellAll();
    this.#flush(true);
  }

  /** What is sent over a link that is silent may never arrive. */
  #reconnect(): void {
    if (this.#link === undefined) return;
    this.#drop();
    this.#redial = this.#deps.clock.after(this.#redialMs, () => this.#connect());
    this.#redialMs = Math.min(REDIAL_MS_MAX, 2 * this.#redialMs);
  }

  #received({ refusals, ...told }: LeaderMessage): void {
    const { news, clock, roster } = this.#deps;
    this.#heardMs = clock.nowMs();
    this.#redialMs = REDIAL_MS_MIN;
    for (const refusal of refusals) {
      const waiting = this.#waiting.get(refusal.count);
      if (waiting !== undefined && waiting.term === this.#leader?.term) waiting.refusal = refusal;
    }
    roster.learn(told.roster);
    news.heard(told);
    if (refusals.length > 0) this.#answerRefused();
  }

  /** Answers what the leader refused by a revision that is applied here: no answer is ahead of what this server shows. */
  #answerRefused(): void {
    const { revision, tryOut } = this.#deps;
    for (const [count, waiting] of this.#waiting) {
      const { refusal, command } = waiting;
      if (refusal === undefined || refusal.revision > revision()) continue;
      const outcome = refusal.fault ?? tryOut(command);
      if (isFault(outcome) || !outcome.changes.some(({ kind }) => kind !== 'RequestRepeated')) {
        this.fates.refused++;
        this.#settle(count, outcome);
      } else {
        // All was so already when it was decided, and is not any more. It is in no log.
        waiting.refusal = undefined;
        waiting.term = 0n;
        this.#again(count, waiting);
      }
    }
  }

  /** Under another count: the leader knows what it has answered to this one. */
  #again(count: number, waiting: Waiting): void {
    this.#waiting.delete(count);
    if (!this.#hasCount()) waiting.resolve(unavailable('too many commands were forwarded at once'));
    else this.#waiting.set(++this.#count, { ...waiting, sentOver: undefined });
    this.#plan();
  }

  #settle(count: number, outcome: Applied | Fault): boolean {
    const waiting = this.#waiting.get(count);
    if (waiting === undefined) return false;
    this.#waiting.delete(count);
    this.timed?.(this.#deps.clock.nowMs() - waiting.sinceMs);
    waiting.resolve(outcome);
    return true;
  }

  /** What comes in one turn of the event loop goes in one message. */
  #plan(): void {
    if (this.#isPlanned || this.#isOver) return;
    this.#isPlanned = true;
    this.#deps.clock.soon(() => {
      this.#isPlanned = false;
      this.#flush(false);
    });
  }

  #scheduleBeat(): void {
    this.#beat = this.#deps.clock.after(BEAT_MS, () => {
      if (this.#isOver) return;
      this.#refuseUnsent();
      if (this.#linkSilentMs > LINK_SILENCE_MS) this.#reconnect();
      this.#flush(true);
      this.#scheduleBeat();
    });
  }

  /** What was never sent, or is known to be in no log, need not wait for a leader that does not come. */
  #refuseUnsent(): void {
    if (this.silentMs <= this.#deps.cutOffMs) return;
    for (const [count, { term }] of this.#waiting) {
      if (term === 0n) this.#settle(count, unavailable('no server leads that this one can reach; nothing was stored'));
    }
  }

  /** Sends what the leader has not been sent over this link. `isDue`: also when there is nothing. */
  #flush(isDue: boolean): void {
    const { news, revision, roster } = this.#deps;
    for (let isFirst = isDue; ; isFirst = false) {
      const [link, leader] = [this.#link, this.#leader];
      if (link === undefined || leader === undefined) return;
      const commands = takeUnsent(this.#waiting, link, leader.term);
      const told = news.take(MESSAGE_ITEMS_MAX, isFirst);
      if (!isFirst && commands.length === 0 && told === undefined) return;
      const { name: server, ...facts } = roster.self;
      link.send({
        ...{ server, ...facts, term: leader.term, incarnation: this.#incarnation, floor: this.#floor() },
        ...{ commands, revision: revision(), heard: news.heardAtBeat, leaves: this.isLeaving },
        ...(told ?? { renewed: [], attached: [], attachedMs: [], detached: [], usedStreams: [], asked: [] }),
      });
      news.sent();
    }
  }

  /** The lowest count that is waited for. Counts ascend in the order of the map. */
  #floor(): number {
    const [first] = this.#waiting.keys();
    return first ?? this.#count + 1;
  }

  /** Whether there is another count. A new incarnation begins when nothing of the present one waits. */
  #hasCount(): boolean {
    if (this.#count < COUNT_MAX - 1) return true;
    if (this.#waiting.size > 0) return false;
    this.#incarnation = drawIncarnation(this.#deps.random);
    this.#count = 0;
    return true;
  }
}

function unavailable(message: string): Fault {
  return new Fault('JOURNAL_UNAVAILABLE', message, [], RETRY_MS);
}
