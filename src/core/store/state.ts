import type { Limits } from '../model/limits.js';
import type { Position } from '../model/position.js';
import { Rules } from '../model/rules.js';
import type { StoredPolicy } from '../model/trust/policy.js';
import { AuditAnchors } from './audit-anchors.js';
import { Connections } from './connections.js';
import { EndedSessions } from './ended.js';
import { Graph } from './graph.js';
import { Identities } from './identities.js';
import { Orders } from './orders.js';
import type { HashKey } from './packed/halfsiphash.js';
import { LinkReports } from './reports.js';
import { DoneRequests } from './requests.js';
import { Servers } from './servers.js';
import { Sessions } from './sessions.js';
import { SidAllocator } from './sid.js';
import { Streams } from './streams.js';
import { Tickets } from './tickets.js';

/**
 * Everything that the journal says, applied: what every door reads.
 *
 * Only `evolve.ts` and `snapshot.ts` write to it. Two states that come from the same commands are equal, and so are the
 * snapshots taken of them.
 */
export class State {
  /** Where the network stands. Revision 0, without an epoch, before the network is founded. */
  epoch = '';
  revision = 0;
  /** When the last command was stored that says so. 0 before the first. */
  atMs = 0;
  /** The node of the server that founded the network. 0 before that. */
  serverSid = 0;
  /** That server's UUID, by which the network is known. */
  serverUuid = '';
  /** By which rules commands are decided, as the last UseRules has it. */
  rules: number = Rules.FIRST;
  readonly graph = new Graph();
  readonly sids: SidAllocator;
  readonly servers = new Servers();
  readonly sessions: Sessions;
  readonly reports = new LinkReports();
  readonly streams: Streams;
  /** The stream or branch id that was given out last; not a SID. */
  streamCursor = 0;
  readonly orders: Orders;
  readonly connections: Connections;
  readonly ended: EndedSessions;
  readonly requests = new DoneRequests();
  readonly identities: Identities;
  /** Undefined until one is put: then everybody is let in, as before there were policies. */
  policy: StoredPolicy | undefined;
  readonly tickets = new Tickets();
  readonly auditAnchors = new AuditAnchors();

  constructor(
    /** As the last SetLimits has them, and before the first as the journal begins: one object, replaced as a whole. */
    public limits: Limits,
    /** Drawn anew with each start where instances choose their UUIDs; what a state holds does not depend on it. */
    key: HashKey = [0, 0],
  ) {
    this.sessions = new Sessions(this.graph, key);
    this.identities = new Identities(key);
    this.streams = new Streams(this.sessions);
    this.sids = new SidAllocator(
      () => this.limits.sidBaseMax,
      (sid) => this.graph.has(sid),
    );
    this.ended = new EndedSessions(() => this.limits.endedMax);
    this.orders = new Orders(() => this.limits.ordersPerSessionMax);
    this.connections = new Connections(() => this.limits.connectionsFinishedMax);
  }

  get position(): Position {
    return { epoch: this.epoch, revision: this.revision };
  }
}
