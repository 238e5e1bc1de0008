import type { OpenSession } from '../core/model/command.js';
import { Fault } from '../core/model/fault.js';
import type { Session } from '../core/model/session.js';
import type { StateView } from '../core/store/state-view.js';
import type { LeaseScope } from './leases.js';

/** Delay before a client asks again a server that is about to join the others. */
const JOINING_RETRY_MS = 1_000;

/**
 * At which server each session is: the one that heard from it last. All servers know it by the log, so they agree on it at a revision.
 *
 * A server on a journal of its own is the home of every session.
 */
export class Homes {
  readonly #state: StateView;
  readonly #ownUuid: string | undefined;
  /** The SID that this server had when it was asked for last. */
  #own = 0;

  /** Whether this server has no others beside it. */
  readonly isAlone: boolean;

  /** `ownUuid`: which of several servers this one is; undefined where it is alone. */
  constructor(state: StateView, ownUuid: string | undefined) {
    this.#state = state;
    this.#ownUuid = ownUuid;
    this.isAlone = ownUuid === undefined;
  }

  /** This server's SID; 0 while it is not one of the servers yet. It gets another one if it was lost and all its sessions left. */
  get own(): number {
    const { servers, serverSid } = this.#state;
    if (this.#ownUuid === undefined) return serverSid;
    if (servers.get(this.#own)?.uuid !== this.#ownUuid) this.#own = servers.ofUuid(this.#ownUuid)?.sid ?? 0;
    return this.#own;
  }

  /** The SID of the server that a session is at; undefined of a session that does not live. */
  of(sid: number): number | undefined {
    const { sessions, serverSid } = this.#state;
    const home = sessions.homeOf(sid);
    return home === 0 ? serverSid : home;
  }

  /** Whether a session lives and is at this server. */
  isHere(sid: number): boolean {
    const home = this.of(sid);
    return home !== undefined && (this.isAlone || home === this.own);
  }

  /** Whether a session lives and its server is lost. */
  isOrphan(sid: number): boolean {
    const home = this.of(sid);
    return home !== undefined && !this.#state.servers.isLive(home);
  }

  /**
   * Whose leases this server ends: a server those of its own sessions; the one that leads also those of lost servers, and it follows
   * all. Undefined where it is alone.
   */
  leaseScope(leads: () => boolean): LeaseScope | undefined {
    if (this.isAlone) return undefined;
    return {
      homeOf: (sid) => this.of(sid),
      watches: (sid) => leads() || this.isHere(sid),
      ends: (sid) => this.isHere(sid) || (leads() && this.isOrphan(sid)),
    };
  }

  /** The name of the server that a session is at, if it lives and that is another one. */
  nameElsewhere(sid: number): string | undefined {
    const home = this.of(sid);
    return home === undefined || home === this.own ? undefined : this.#state.servers.get(home)?.name;
  }

  /** Why nothing can be at this server yet. */
  notJoined(): Fault {
    return new Fault('SERVER_CUT_OFF', 'this server has not joined the others yet', [], JOINING_RETRY_MS);
  }

  /** The server of a session, as its opener is told. */
  shown({ home }: Session): { readonly serverSid: number; readonly serverUuid: string } {
    const { servers, serverSid, serverUuid } = this.#state;
    if (home === undefined) return { serverSid, serverUuid };
    return { serverSid: home, serverUuid: servers.get(home)?.uuid ?? '' };
  }

  /** Where a session that is opened now is at home, as its command says it; a fault while it can be at home nowhere. */
  opening(): Pick<OpenSession, 'server'> | Fault {
    const { own } = this;
    if (own === 0) return this.notJoined();
    return this.isAlone || own === this.#state.serverSid ? {} : { server: own };
  }
}
