import type { Logger } from 'pino';
import type { Clock, Random } from '../../base/clock.js';
import { ensurePrivateFolder, removeUnfinishedFiles } from '../../base/private-files.js';
import { type Config, IN_MEMORY } from '../../config/options.js';
import type { Journal } from '../../journal/journal.js';
import type { Roster } from '../../log/roster.js';
import type { Term } from '../../log/shared-log.js';
import type { Storage } from '../engine.js';
import type { LogStanding } from '../metrics/standing-meters.js';
import type { JoinDeps, JoinedCluster } from './join-cluster.js';
import { type OpenTermDeps, openTerm } from './open-term.js';

/** In a folder that is not locked, a secret file that is unfinished for so long is not being written any more: that takes milliseconds. */
const UNFINISHED_MS = 600_000;

const KEPT_WORDS = 'what an unfinished write has left cannot be removed, and may hold an old secret: remove it';

/** What a server's storage is opened with. */
export interface OpenStorageDeps extends OpenTermDeps, Omit<JoinDeps, 'clock' | 'random' | 'log'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Where a server's commands stand, and what it is there. */
export interface OpenedStorage {
  readonly storage: Storage;
  /** Bytes of one append, where the storage takes less than the replica would send. */
  readonly appendBytesMax?: number | undefined;
  /** For metrics. */
  readonly journal: Pick<Journal, 'size' | 'snapshots'>;
  readonly standing: LogStanding;
  /** The servers of the network; undefined for one that is alone. */
  readonly others?: { readonly name: string; readonly roster: Roster } | undefined;
  /** From now on it is told when the right to append is lost. */
  watch(): void;
  /** Lets go of it. Again and again the same. */
  close(): Promise<void>;
}

/** Opens what the options name: a journal of this server alone, or a log in etcd that it has in common with others. */
export async function openStorage(config: Config, deps: OpenStorageDeps): Promise<OpenedStorage> {
  const { journal, data } = config;
  const isGiven = deps.journal !== undefined || deps.sharedLog !== undefined;
  if (journal === undefined || isGiven) {
    const opened = await openTerm(config, deps);
    // The journal has locked its folder: no other process writes there.
    if (!isGiven && data !== IN_MEMORY) removeUnfinishedFiles(data, warnOfKept(deps.log));
    return ofTerm(opened, deps.lost);
  }
  // What else a server keeps of its own stands there: secrets, certificates.
  if (data !== IN_MEMORY) {
    ensurePrivateFolder(data);
    removeUnfinishedFiles(data, warnOfKept(deps.log), deps.clock.wallMs() - UNFINISHED_MS);
  }
  // A server on its own folder loads nothing of it.
  const { joinCluster } = await import('./join-cluster.js');
  const cluster = endableWhileJoining(await joinCluster(config, journal.members, deps), deps.signal);
  const { member, appendBytesMax } = cluster;
  return {
    ...{ storage: { cluster }, appendBytesMax, others: cluster },
    journal: {
      size: () => member.won?.figures.storeBytes ?? 0,
      snapshots: () => member.won?.journal.snapshots() ?? [],
    },
    standing: {
      role: () => member.role,
      term: () => member.term,
      seq: () => member.seq,
      figures: () => member.won?.figures,
      follows: {
        lagMs: () => member.lagMs,
        fates: () => member.fates,
        followers: () => member.followers,
        isInTouch: () => member.isInTouch,
        peers: () => member.peers,
        onForwarded: (listener) => member.onForwarded(listener),
        relayedBytes: () => cluster.branches.bytes(),
        readiness: () => member.readiness,
        differing: () => member.upkeep.differing,
      },
    },
    watch: () => {},
    close: cluster.close,
  };
}

function warnOfKept(log: Logger): (path: string, error: unknown) => void {
  return (path, error) => log.warn({ err: error, path }, KEPT_WORDS);
}

/**
 * A cluster that gives up when it is told to while it waits for the others. Once it has joined them, a server that is told to end
 * says goodbye to its clients first, and closes this last.
 */
export function endableWhileJoining<C extends Pick<JoinedCluster, 'join' | 'close'>>(
  cluster: C,
  signal: AbortSignal | undefined,
): C {
  const giveUp = () => void cluster.close();
  if (signal?.aborted) giveUp();
  signal?.addEventListener('abort', giveUp, { once: true });
  const join: JoinedCluster['join'] = async (replica, establish) => {
    try {
      await cluster.join(replica, establish);
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  };
  return { ...cluster, join };
}

function ofTerm(
  { term, close }: { readonly term: Term; close(): Promise<void> },
  lost: (error: unknown) => void,
): OpenedStorage {
  const { journal, appendBytesMax } = term;
  return {
    ...{ storage: { journal }, journal, appendBytesMax, close },
    standing: {
      role: () => (term.lost.aborted ? 'over' : 'leading'),
      term: () => term.number,
      seq: () => term.figures.seq,
      figures: () => term.figures,
    },
    watch: () => {
      if (term.lost.aborted) lost(term.lost.reason);
      else term.lost.addEventListener('abort', () => lost(term.lost.reason), { once: true });
    },
  };
}
