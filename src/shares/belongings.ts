import type { Change, StreamStopped } from '../core/model/change.js';
import { type Connection, isPending } from '../core/model/connection.js';
import type { Link } from '../core/model/link.js';
import type { Stream } from '../core/model/stream.js';
import { isServerSid } from '../core/store/sid.js';
import type { StateView } from '../core/store/state-view.js';
import { isInitialId } from '../core/store/streams.js';
import type { ShareLimits } from './limits.js';

/** What sessions hold, and by what that is counted. */
export type Belonging = Exclude<keyof ShareLimits, 'sessionsPerConnectionMax' | 'sessionsPerAddressMax'>;

/** By what each is counted: the connection that its session counts for, or the address of that. */
export const LEVELS: Readonly<Record<Belonging, 'connection' | 'address'>> = {
  connectionsPendingPerConnectionMax: 'connection',
  connectionsPendingPerAddressMax: 'address',
  streamsPerAddressMax: 'address',
  branchesPerAddressMax: 'address',
  linksPerAddressMax: 'address',
  reportsPerAddressMax: 'address',
};

/** So much of each. */
export type Amounts = { readonly [K in Belonging]?: number };

/** So many pending connections: they are counted at both levels. */
export function pendingConnections(count: number): Amounts {
  return { connectionsPendingPerConnectionMax: count, connectionsPendingPerAddressMax: count };
}

/** Told that a session holds so many more of something, or fewer. */
export type Held = (sid: number, amounts: Amounts) => void;

/** Tells from the changes of each command what sessions hold more or less of, whoever they belong to. */
export class Belongings {
  /** The branches of each stream, as a change of a stream does not say whether it is new. */
  readonly #branches = new Map<number, number>();
  /** Connections that are being made, for the same reason. */
  readonly #pending = new Set<number>();

  constructor(
    private readonly state: StateView,
    private readonly held: Held,
  ) {
    for (const { id, sinks } of state.streams.kept()) if (!isInitialId(id)) this.#branches.set(id, sinks.length);
    for (const connection of state.connections.all()) if (isPending(connection)) this.#pending.add(connection.id);
  }

  /** Everything that a live session holds. */
  of(sid: number): Amounts {
    const { streams, reports, graph, connections } = this.state;
    let branches = 0;
    for (const { id, owner } of streams.of(sid)) if (owner === sid) branches += this.#branches.get(id) ?? 0;
    const asked = connections.of(sid).filter((one) => isPending(one) && one.caller.sid === sid);
    return {
      ...pendingConnections(asked.length),
      streamsPerAddressMax: streams.ownedBy(sid),
      branchesPerAddressMax: branches,
      // The link to the server comes with the session.
      linksPerAddressMax: Math.max(0, graph.degree(sid) - 1),
      reportsPerAddressMax: reports.countBy(sid),
    };
  }

  /** Takes in one change of a command that was applied. */
  take(change: Change): void {
    switch (change.kind) {
      case 'StreamPut':
        this.#streamPut(change.stream);
        break;
      case 'StreamStopped':
        this.#streamStopped(change);
        break;
      case 'ConnectionPut':
        this.#connectionPut(change.connection);
        break;
      case 'LinkReported':
        this.held(change.report.sid, { reportsPerAddressMax: 1 });
        break;
      case 'LinkReportSettled':
        this.held(change.report.sid, { reportsPerAddressMax: -1 });
        break;
      case 'LinkAdded':
        this.#linked(change.link, 1);
        break;
      case 'LinkRemoved':
        this.#linked(change.link, -1);
        break;
    }
  }

  #streamPut({ id, owner, sinks }: Stream): void {
    if (isInitialId(id) || this.#branches.has(id)) return;
    this.#branches.set(id, sinks.length);
    this.held(owner, { streamsPerAddressMax: 1, branchesPerAddressMax: sinks.length });
  }

  #streamStopped({ before: { id, owner, sinks }, after }: StreamStopped): void {
    if (isInitialId(id)) return;
    const left = after?.sinks.length ?? 0;
    this.held(owner, { branchesPerAddressMax: left - sinks.length });
    if (after !== undefined) this.#branches.set(id, left);
    else {
      this.#branches.delete(id);
      this.held(owner, { streamsPerAddressMax: -1 });
    }
  }

  #connectionPut(connection: Connection): void {
    const { id, caller } = connection;
    if (isPending(connection)) {
      if (this.#pending.has(id)) return;
      this.#pending.add(id);
      this.held(caller.sid, pendingConnections(1));
    } else if (this.#pending.delete(id)) this.held(caller.sid, pendingConnections(-1));
  }

  #linked({ a, b }: Link, count: number): void {
    if (isServerSid(a) || isServerSid(b)) return;
    this.held(a, { linksPerAddressMax: count });
    this.held(b, { linksPerAddressMax: count });
  }
}
