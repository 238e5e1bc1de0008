import type { Logger } from 'pino';
import type { Clock, Random } from '../base/clock.js';
import type { Config } from '../config/options.js';
import { feedLimits } from '../config/part-limits.js';
import { FairTurns } from '../fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../fair/limits.js';
import { HistoryBudget } from '../feed/history-budget.js';
import { SnapshotBudget } from '../feed/snapshot-budget.js';
import { DEFAULT_RELAY_LIMITS } from '../relay/limits.js';
import { RelayedBytes } from '../relay/relayed-bytes.js';
import { MonthUse } from '../replica/access/month-use.js';
import { DEFAULT_TRUST_LIMITS } from '../trust/server/limits.js';
import { Proofs } from '../trust/server/proofs.js';
import { type VerifySignature, verifyInThreadPool } from '../trust/server/signatures.js';
import { drawKey } from './draws.js';
import { historyInAllMax } from './feeds.js';
import type { Metrics } from './metrics/metrics.js';
import { monthUseFiles } from './month-use-files.js';
import { SessionsInAll } from './sessions-in-all.js';

/** What the shared parts are made of. */
export interface SharedPartsDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
  /** SHA-256 of the key of the server's certificate; undefined for a server without TLS. */
  readonly leaves: () => readonly Uint8Array[];
  /** How proofs are verified: in threads, but for a simulation. */
  readonly verify?: VerifySignature | undefined;
  /** Whether an address has no share of its own. */
  readonly isExempt: (address: string) => boolean;
}

/** What the engines of all networks have in common, so that it is bounded once for the whole server. */
export interface SharedParts {
  /** Whose turn it is to be worked for, at all doors and in all networks: addresses share one event loop. */
  readonly turns: FairTurns;
  /** Challenges, and proofs that were used: a proof names its network, and is good once. */
  readonly proofs: Proofs;
  /** Bytes of the snapshots under way of all feeds. */
  readonly snapshots: SnapshotBudget;
  /** Bytes of the history of all feeds. */
  readonly history: HistoryBudget;
  /** Bytes on their way in all relays. */
  readonly relayed: RelayedBytes;
  /** What identities of all networks have used in this month. */
  readonly month: MonthUse;
  /** Sessions of all networks. */
  readonly sessions: SessionsInAll;
  /** The server's UUID, which all its networks are founded with. Set once the default network is there. */
  serverUuid: string;
}

/** Makes them. */
export function makeSharedParts(deps: SharedPartsDeps): SharedParts {
  const { config, clock, random, metrics, log, leaves, verify = verifyInThreadPool, isExempt } = deps;
  const refused = metrics && ((what: Parameters<Metrics['turnRefused']>[0]) => metrics.turnRefused(what));
  const shared: SharedParts = {
    turns: new FairTurns({
      clock,
      limits: DEFAULT_TURN_LIMITS,
      isExempt,
      refused,
      failed: (err) => log.error({ err }, 'work that had its turn failed'),
    }),
    proofs: new Proofs({
      clock,
      random,
      serverUuid: () => shared.serverUuid,
      leaves,
      verify,
      limits: DEFAULT_TRUST_LIMITS,
    }),
    snapshots: new SnapshotBudget(feedLimits(config).snapshotBytesMax),
    history: new HistoryBudget(historyInAllMax(config)),
    relayed: new RelayedBytes(DEFAULT_RELAY_LIMITS.totalBytesMax),
    month: new MonthUse({
      clock,
      store: monthUseFiles(config.data),
      drawKey: () => drawKey(random),
      warn: (message, details) => log.warn(details, message),
      info: (message, details) => log.info(details, message),
    }),
    sessions: new SessionsInAll(config.limits.sessionsMax),
    serverUuid: '',
  };
  return shared;
}
