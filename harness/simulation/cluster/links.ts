import type { BranchHost } from '../../../src/cluster/door/branch-calls.js';
import type { DialLeader, FollowerHandler, FollowerLink, FollowerMessage } from '../../../src/cluster/peers.js';
import type { SeenLeader } from '../../../src/log/shared-log.js';
import type { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';
import type { Scheduler } from '../machine/scheduler.js';

/** How long a message takes, on a good day and on a bad one. */
const LATENCY_MS_MAX = 4;
const SLOW_MS_MAX = 2_000;
/** How long it takes until an end hears that its link is gone, at most. */
const BREAK_MS_MAX = 3_000;

/** One server, as a link sees it. */
export interface LinkPlace {
  readonly name: string;
  readonly process: Process;
  /** The revision that it has applied. */
  readonly revision: number;
  /** Where branches of streams are asked for; undefined until it has joined the others. */
  readonly branchHost: BranchHost | undefined;
  accept(link: FollowerLink, from: LinkPlace): FollowerHandler | undefined;
}

/** Finds who is at an address now. */
export type FindPlace = (address: string) => LinkPlace | undefined;

interface Link {
  readonly ends: readonly [LinkPlace, LinkPlace];
  readonly lose: () => void;
}

/** A connection from one server to another: calls pass in order for each way, until it is lost. */
export interface Pipe {
  /** Does something at the server that was dialled. */
  readonly up: (call: () => void) => void;
  /** Does something at the server that has dialled. */
  readonly down: (call: () => void) => void;
  /** Ends it: both hear that later. */
  readonly lose: () => void;
}

/** What the ends of a {@link Pipe} do when they hear that it is lost. */
export interface PipeEnds {
  readonly here: () => void;
  readonly there: () => void;
}

/** The network between servers: messages in order for each way, pairs that are cut off from each other. */
export class Links {
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #cut = new Set<string>();
  readonly #refusing = new Set<string>();
  readonly #open = new Set<Link>();
  isSlow = false;

  constructor(scheduler: Scheduler, random: SeededRandom) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  /** Nothing passes between two servers from now on; what is on its way is lost. */
  cut(one: string, other: string): void {
    this.#cut.add(pairOf(one, other));
    this.#break(({ ends }) => pairOf(ends[0].name, ends[1].name) === pairOf(one, other));
  }

  /** Whether nothing passes between two servers. */
  isCut(one: string, other: string): boolean {
    return this.#cut.has(pairOf(one, other));
  }

  /** The machine of a server refuses connections from now on though its process lives, as behind a firewall; those that stand break. */
  refuse(name: string): void {
    this.#refusing.add(name);
    this.#break(({ ends }) => ends[1].name === name);
  }

  /** It accepts them again. */
  accept(name: string): void {
    this.#refusing.delete(name);
  }

  /** Whether the machine of a server says to another one that nothing listens there: no process runs on it, or it refuses all. */
  isRefused(from: string, to: string, process: Process | undefined): boolean {
    return !this.isCut(from, to) && (this.#refusing.has(to) || process?.isAlive === false);
  }

  heal(): void {
    this.#cut.clear();
    this.#refusing.clear();
    this.isSlow = false;
  }

  /** A process is gone. */
  died(process: Process): void {
    this.#break(({ ends }) => ends.some((end) => end.process === process));
  }

  /** How a server dials the one that leads. */
  dialFrom(from: () => LinkPlace, find: FindPlace): DialLeader {
    return (leader: SeenLeader, owner) => {
      const here = from();
      const there = find(leader.address);
      let handler: FollowerHandler | undefined;
      const ends = { here: () => owner.broken(), there: () => handler?.closed() };
      const { up, down, lose } = this.connect(here, there, ends);
      const answer: FollowerLink = {
        send: (message) => down(() => owner.received(message)),
        refuse: lose,
        reject: lose,
      };
      up(() => {
        handler = there?.accept(answer, here);
        if (handler === undefined) lose();
      });
      return { send: (message: FollowerMessage) => up(() => handler?.received(message)), close: lose };
    };
  }

  /** Connects two servers. Where the other cannot be reached, the one that dials hears that later. */
  connect(here: LinkPlace, there: LinkPlace | undefined, ends: PipeEnds): Pipe {
    const later = ({ process }: LinkPlace, call: () => void) =>
      this.#scheduler.after(this.#breakMs(), () => process.perform(call));
    if (
      there === undefined ||
      this.isCut(here.name, there.name) ||
      this.isRefused(here.name, there.name, there.process)
    ) {
      later(here, ends.here);
      return { up: () => {}, down: () => {}, lose: () => {} };
    }
    let isOpen = true;
    const lose = () => {
      if (!isOpen) return;
      isOpen = false;
      this.#open.delete(link);
      later(here, ends.here);
      later(there, ends.there);
    };
    const link: Link = { ends: [here, there], lose };
    this.#open.add(link);
    const whileOpen = (way: (call: () => void) => void) => (call: () => void) =>
      way(() => {
        if (isOpen) call();
      });
    return { up: whileOpen(this.#way(there.process)), down: whileOpen(this.#way(here.process)), lose };
  }

  #break(isMeant: (link: Link) => boolean): void {
    for (const link of [...this.#open]) if (isMeant(link)) link.lose();
  }

  #breakMs(): number {
    return this.#random.fraction() * BREAK_MS_MAX;
  }

  /** One way of a link: later messages never overtake earlier ones. */
  #way(to: Process): (call: () => void) => void {
    let lastMs = 0;
    return (call) => {
      const latencyMs = this.#random.fraction() * (this.isSlow ? SLOW_MS_MAX : LATENCY_MS_MAX);
      lastMs = Math.max(lastMs, this.#scheduler.nowMs + latencyMs);
      this.#scheduler.at(lastMs, () => to.perform(call));
    };
  }
}

function pairOf(one: string, other: string): string {
  return [one, other].sort().join(' ');
}
