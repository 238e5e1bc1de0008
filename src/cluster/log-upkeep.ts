import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import type { Change } from '../core/model/change.js';
import type { Position } from '../core/model/position.js';
import type { FollowedLog, TailedBatch, Term } from '../log/shared-log.js';
import type { Replica } from '../replica/replica.js';
import { FollowerSnapshots } from './follower-snapshots.js';
import type { BatchObserver } from './log-follower.js';
import { type EncodeRevision, PublishedSum } from './published-sum.js';
import { RulesUpgrade } from './rules-upgrade.js';

/** What the composition root says of it. */
export interface LogUpkeepParts {
  /** One revision as the network feed publishes it. */
  readonly encode: EncodeRevision;
  /** Commands between two snapshots. */
  readonly snapshotEvery: number;
  /** In which words this build publishes; absent: this build's own. */
  readonly feedVersion?: number | undefined;
}

/** What {@link LogUpkeep} stands on. */
export interface LogUpkeepDeps extends LogUpkeepParts {
  readonly clock: Clock;
  readonly log: Pick<FollowedLog, 'snapshots'>;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly replica: () => Replica;
  /** This server's name. */
  readonly name: string;
  /** The first batch that will be applied. */
  readonly firstSeq: number;
  /** The last batch that is applied. */
  readonly seq: () => number;
  /** Whether this server follows another one that it hears of. */
  readonly isFollowing: () => boolean;
  /** The names of the servers that follow, this one's too. */
  readonly followers: () => readonly string[];
}

/**
 * What a server does for the log beside applying it: it stores snapshots, compares what it decides with what the leader decides, and
 * where it leads brings new rules in.
 */
export class LogUpkeep implements BatchObserver {
  readonly #sum: PublishedSum;
  readonly #snapshots: FollowerSnapshots;
  readonly #rules: RulesUpgrade;

  constructor(deps: LogUpkeepDeps) {
    const { encode, firstSeq, feedVersion, clock, log, logger, replica, name, snapshotEvery, seq } = deps;
    this.#sum = new PublishedSum(encode, firstSeq, feedVersion);
    this.#rules = new RulesUpgrade({ clock, replica, logger });
    this.#snapshots = new FollowerSnapshots({
      ...{ clock, snapshotEvery, seq, snapshots: log.snapshots },
      state: () => replica().state,
      isMine: () => deps.isFollowing() && deps.followers().every((other) => name <= other),
      comparedSeq: () => this.#sum.comparedSeq,
      stored: (revision) => logger.info({ revision }, 'a snapshot was stored'),
      failed: (error) =>
        logger.warn({ err: error }, 'a snapshot could not be stored; the log is whole, and it is tried again'),
    });
  }

  /** How often this server was found to have decided otherwise than the one that leads. */
  get differing(): number {
    return this.#sum.differing;
  }

  /** Begins to look after snapshots. */
  start(): void {
    this.#snapshots.start();
  }

  before(batch: TailedBatch): void {
    this.#sum.check(batch);
  }

  after(batch: TailedBatch): void {
    this.#snapshots.applied(batch);
  }

  /** Told of every change that is applied here. */
  publish(position: Position, changes: readonly Change[]): void {
    this.#sum.publish(position, changes);
  }

  /** This server leads from now on. */
  lead(term: Term): void {
    this.#snapshots.end();
    term.told = this.#sum;
    this.#rules.lead(term.journal);
  }

  end(): void {
    this.#rules.end();
    this.#snapshots.end();
  }
}
