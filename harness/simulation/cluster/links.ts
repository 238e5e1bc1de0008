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
  accept(link: FollowerLink, from: LinkPlace): FollowerHandler | undefined;
}

interface Link {
  readonly ends: readonly [LinkPlace, LinkPlace];
  readonly lose: () => void;
}

/** The network between servers: messages in order for each way, pairs that are cut off from each other. */
export class Links {
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #cut = new Set<string>();
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

  heal(): void {
    this.#cut.clear();
    this.isSlow = false;
  }

  /** A process is gone. */
  died(process: Process): void {
    this.#break(({ ends }) => ends.some((end) => end.process === process));
  }

  /** How a server dials. `find`: who is at an address now. */
  dialFrom(from: () => LinkPlace, find: (address: string) => LinkPlace | undefined): DialLeader {
    return (leader: SeenLeader, owner) => {
      const here = from();
      const there = find(leader.address);
      const isCut = there !== undefined && this.#cut.has(pairOf(here.name, there.name));
      const later = (call: () => void) => this.#scheduler.after(this.#breakMs(), () => here.process.perform(call));
      if (there === undefined || isCut || !there.process.isAlive) {
        later(() => owner.broken());
        return { send: () => {}, close: () => {} };
      }
      let isOpen = true;
      const [up, down] = [this.#way(there.process), this.#way(here.process)];
      const lose = () => {
        if (!isOpen) return;
        isOpen = false;
        this.#open.delete(link);
        later(() => owner.broken());
        this.#scheduler.after(this.#breakMs(), () => there.process.perform(() => handler?.closed()));
      };
      const link: Link = { ends: [here, there], lose };
      this.#open.add(link);
      let handler: FollowerHandler | undefined;
      const answer: FollowerLink = {
        send: (message) => down(() => isOpen && owner.received(message)),
        refuse: lose,
        reject: lose,
      };
      up(() => {
        handler = there.accept(answer, here);
        if (handler === undefined) lose();
      });
      return {
        send: (message: FollowerMessage) => up(() => isOpen && handler?.received(message)),
        close: lose,
      };
    };
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
