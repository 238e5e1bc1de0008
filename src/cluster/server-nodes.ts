import type { Clock } from '../base/clock.js';
import type { ReportLink } from '../core/model/command.js';
import { isFault } from '../core/model/fault.js';
import { LinkType } from '../core/model/link.js';
import type { NetworkServer } from '../core/model/server.js';
import type { Replica } from '../replica/replica.js';
import { JOIN_AGAIN_MS, ROSTER_MS, SERVER_LOST_MS } from './limits.js';

/** What a {@link ServerNodes} stands on. */
export interface ServerNodesDeps {
  readonly clock: Clock;
  readonly name: string;
  readonly uuid: string;
  readonly replica: () => Replica;
  /** The names of the servers that this one hears of now. */
  readonly reached: () => readonly string[];
  /** Whether this server decides which others are lost. */
  readonly leads: () => boolean;
  readonly isOver: () => boolean;
}

/**
 * Keeps the servers in the graph as they are: makes this one a node, again when it was taken for lost; reports its links to others as
 * they come and go; and, where this server leads, gives up those that are silent.
 */
export class ServerNodes {
  readonly #deps: ServerNodesDeps;
  /** When each server was last heard of in this term, by SID; at first, when it was first missed. */
  readonly #heardMs = new Map<number, number>();

  constructor(deps: ServerNodesDeps) {
    this.#deps = deps;
  }

  /** Makes this server one of those in the graph, and keeps it there. False: it is over before it is. Repeating the command is safe. */
  async join(): Promise<boolean> {
    const { clock, replica, isOver } = this.#deps;
    while (!isOver()) {
      const outcome = await replica().enforce(this.#joining());
      if (!isFault(outcome)) {
        this.#schedule();
        return true;
      }
      if (outcome.reason === 'SID_EXHAUSTED') {
        throw new Error(`the server cannot be one of the network: ${outcome.message}`);
      }
      await new Promise<void>((resolve) => clock.after(JOIN_AGAIN_MS, resolve));
    }
    return false;
  }

  #joining() {
    const { uuid, name } = this.#deps;
    return { kind: 'AddServer', uuid, name } as const;
  }

  /** One change of a link a second at most, however fast a connection comes and goes. */
  #schedule(): void {
    this.#deps.clock.after(ROSTER_MS, () => {
      void this.#look().then(() => {
        if (!this.#deps.isOver()) this.#schedule();
      });
    });
  }

  async #look(): Promise<void> {
    const { replica, isOver, leads } = this.#deps;
    if (isOver()) return;
    const { state, homes } = replica();
    if (!state.servers.isLive(homes.own)) {
      await replica().enforce(this.#joining());
      return;
    }
    if (leads()) await this.#loseSilent();
    else this.#heardMs.clear();
    if (!isOver()) await this.#report();
  }

  /** Reports each link that came or went since it was reported. */
  async #report(): Promise<void> {
    const { state, homes } = this.#deps.replica();
    const sid = homes.own;
    const link = LinkType.CONTROL_TCP;
    const reached = new Set(this.#others().flatMap((one) => (this.#isReached(one) ? [one.sid] : [])));
    const waiting = state.reports.of(sid).flatMap((one) => (one.sid === sid ? [one.peer] : []));
    const said = new Set([...state.servers.peersOf(sid), ...waiting]);
    for (const peer of reached) if (!said.has(peer)) await this.#say({ sid, peer, link, established: true });
    for (const peer of said) if (!reached.has(peer)) await this.#say({ sid, peer, link, established: false });
  }

  async #say(report: Omit<ReportLink, 'kind'>): Promise<void> {
    if (!this.#deps.isOver()) await this.#deps.replica().enforce({ kind: 'ReportLink', ...report });
  }

  async #loseSilent(): Promise<void> {
    const { clock, replica } = this.#deps;
    const nowMs = clock.nowMs();
    for (const server of this.#others()) {
      const { sid } = server;
      const heardMs = this.#isReached(server) ? nowMs : (this.#heardMs.get(sid) ?? nowMs);
      this.#heardMs.set(sid, heardMs);
      if (nowMs - heardMs < SERVER_LOST_MS) continue;
      this.#heardMs.delete(sid);
      await replica().enforce({ kind: 'LoseServer', sid });
    }
  }

  /** The other servers that serve, as the state says. */
  #others(): NetworkServer[] {
    const { state, homes } = this.#deps.replica();
    return [...state.servers.all()].filter(({ sid, isLive }) => isLive && sid !== homes.own);
  }

  #isReached({ name }: NetworkServer): boolean {
    return this.#deps.reached().includes(name);
  }
}
