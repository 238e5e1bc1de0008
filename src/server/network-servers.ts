import { hostname } from 'node:os';
import type { Clock } from '../base/clock.js';
import { version } from '../base/version.js';
import { Fault } from '../core/model/fault.js';
import type { ServerListing, ServerStanding } from '../grpc/backing.js';
import { JournalError } from '../journal/journal.js';
import { OWN_NUMBERS } from '../journal/own-numbers.js';
import type { Roster, RosterEntry } from '../log/roster.js';
import type { Replica } from '../replica/replica.js';

const RETRY_MS = 1_000;

/** What {@link NetworkServers} stand on. */
export interface NetworkServersDeps {
  readonly clock: Clock;
  readonly replica: Pick<Replica, 'state' | 'attachments'>;
  /** This server's name among the others; undefined: the name of its machine. */
  readonly name: string | undefined;
  /** Where all of them are listed; undefined for a server that is alone. */
  readonly roster: Roster | undefined;
  readonly standing: () => ServerStanding;
  readonly addresses: () => Readonly<Record<string, string>>;
}

/** The servers of the network as this one lists them, and what it says of itself to the others. */
export class NetworkServers {
  readonly #deps: NetworkServersDeps;
  readonly name: string;

  constructor(deps: NetworkServersDeps) {
    this.#deps = deps;
    this.name = deps.name ?? hostname();
  }

  /** From now on the others list this server. */
  begin(): void {
    this.#deps.roster?.begin(() => this.#own(this.#deps.replica));
  }

  /** Every server, in the order of their names; this one as it is now in `network`, the one that is asked for. */
  async list(network: Pick<Replica, 'state' | 'attachments' | 'journalFormat'>): Promise<ServerListing | Fault> {
    const { roster, clock } = this.#deps;
    try {
      const listed = await roster?.list();
      const own = { ...this.#own(network), atMs: clock.wallMs() };
      const servers = [...(listed?.servers ?? []).filter(({ name }) => name !== this.name), own];
      servers.sort((x, y) => (x.name < y.name ? -1 : 1));
      return { servers, format: listed?.format ?? network.journalFormat, rules: network.state.rules };
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      return new Fault('JOURNAL_UNAVAILABLE', `the other servers cannot be listed: ${error.message}`, [], RETRY_MS);
    }
  }

  #own(replica: NetworkServersDeps['replica']): RosterEntry {
    const { standing, addresses } = this.#deps;
    const { isLeader, term, lagMs, isReady } = standing();
    return {
      ...{ name: this.name, leads: isLeader, term, lagMs, isReady, version: version(), addresses: addresses() },
      ...{ ...OWN_NUMBERS, sessions: replica.attachments.count, revision: replica.state.revision },
    };
  }
}
