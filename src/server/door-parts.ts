import type { Logger } from 'pino';
import type { Admission } from '../admission/admission.js';
import type { AuditLog } from '../audit/audit-log.js';
import type { Clock, Random } from '../base/clock.js';
import type { Config } from '../config/options.js';
import type { Asset } from '../console/assets.js';
import type { NetworkAdmin, ServerStanding } from '../grpc/backing.js';
import type { Tracer } from '../tracing/tracer.js';
import type { CertificateKeeper } from './certificates/certificates.js';
import type { EventReports } from './metrics/event-reports.js';
import type { Metrics } from './metrics/metrics.js';
import type { NetworkServers } from './network-servers.js';

/** What the doors need besides the engine. */
export interface DoorParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics | undefined;
  /** How the server stands with its journal. */
  readonly standing: () => ServerStanding;
  /** The servers of the network. */
  readonly servers: Pick<NetworkServers, 'name' | 'list'>;
  /** Told who is refused what. */
  readonly events: EventReports;
  /** Creates and drops networks. */
  readonly networks: NetworkAdmin;
  /** Where it is written down who did what; undefined for a server that keeps nothing. */
  readonly audit: AuditLog | undefined;
  /** Where spans of calls go; undefined: nowhere. */
  readonly tracer: Tracer | undefined;
  /** Who may connect. */
  readonly admission: Admission;
  /** What the TLS ports show; undefined: there are none. */
  readonly certificates: CertificateKeeper | undefined;
  /** The console's page; undefined for the one that was built. */
  readonly assets: ReadonlyMap<string, Asset> | undefined;
}
