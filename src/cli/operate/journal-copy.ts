import type { Command } from 'commander';
import { pino } from 'pino';
import { formatAddress } from '../../base/address.js';
import { readConfig } from '../../config/config.js';
import { type Config, IN_MEMORY } from '../../config/options.js';
import { readFolder } from '../../journal/inspect.js';
import { JournalError } from '../../journal/journal.js';
import { importFolder } from '../../journal/storage/import.js';
import { EtcdClient } from '../../log/etcd/client.js';
import { copyIntoLog, copyOutOfLog } from '../../log/etcd/copy.js';
import type { LeadDeps } from '../../log/etcd/lead.js';
import { etcdAccess } from '../../server/storage/etcd-access.js';
import { withProgress } from '../progress.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';
import { givenFlags } from './serve-options.js';

/** Of the lease by which no server leads while a journal is copied: it is kept alive, and outlives this process by so much. */
const LEASE_MS = 10_000;
/** What the servers that wait read of who has the network. */
const NAME = 'switchyard journal copy';

/** What to do where etcd did not answer. */
const LOOK_AT_ETCD = 'Look whether etcd runs there and can be reached, and what it logs.';
/** What etcd says of a user, a password or a role: `api/v3rpc/rpctypes/error.go` of its source. */
const ACCESS =
  /user name is empty|authentication failed|invalid auth token|permission denied|authentication is not enabled/;
const LOOK_AT_ACCESS =
  "Look at --etcd-user, --etcd-password-file and what the user may do in etcd: docs/cluster.md, etcd's own safety.";

/** What to do when a journal in etcd cannot be used. */
export function adviceOnEtcd({ kind, message }: JournalError): string[] {
  if (kind === 'damaged') return ['Restore etcd from a backup: docs/cluster.md, Backups, and restoring.'];
  if (kind !== 'failed') return [];
  return [ACCESS.test(message) ? LOOK_AT_ACCESS : LOOK_AT_ETCD];
}

/** What a copy says of itself. */
interface CopyResult {
  readonly revision: number;
  readonly digest: string;
}

/** Copies the journal of a stopped server from its data folder into etcd or, with `--back`, out of etcd into a data folder. */
export async function copyJournal(command: Command, surroundings: Surroundings): Promise<void> {
  const { back, json, ...flags } = givenFlags(command);
  const config = readConfig({ ...surroundings, flags });
  const { journal, data, network } = config;
  if (journal === undefined) throw new UsageError('--journal is needed: the etcd that is copied to, or from');
  if (data === IN_MEMORY) {
    throw new UsageError(
      `--data has to be a folder: ${IN_MEMORY} keeps no journal that could be copied, and takes none`,
    );
  }
  const [folder, log] = [data, `network ${network} in etcd at ${journal.members.map(formatAddress).join(', ')}`];
  const [from, to] = back ? [log, folder] : [folder, log];
  const { out } = surroundings.terminal;
  try {
    const { revision, digest } = back ? await copyBack(config, surroundings) : await copyInto(config, surroundings);
    if (json) return out.json({ from, to, revision, digest });
    await out.write(`${to}: revision ${revision}, state ${digest}`);
    if (!back)
      await out.write(`${folder} still has its journal: remove ${folder}/data.mdb once servers run on the copy`);
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw new Failure(`nothing was copied from ${from} to ${to}: ${error.message}`, adviceOnEtcd(error));
  }
}

async function copyInto(config: Config, surroundings: Surroundings): Promise<CopyResult> {
  const source = await readFolder(config.data);
  try {
    refuseFurtherNetworks(config.data, source.networks);
    return await withLog(config, surroundings, (deps) =>
      showing(source, surroundings, (progress) => copyIntoLog(deps, source, progress, surroundings.signal)),
    );
  } finally {
    await source.close();
  }
}

/** How many networks are named before the rest is counted. */
const NAMED_MAX = 10;

/** What is copied is one network: further ones would be lost with the folder that an operator removes then. */
function refuseFurtherNetworks(folder: string, networks: readonly string[]): void {
  if (networks.length === 0) return;
  const named = networks.slice(0, NAMED_MAX).join(', ');
  const more = networks.length > NAMED_MAX ? ` and ${networks.length - NAMED_MAX} more` : '';
  const advice =
    'a network in etcd is one network. Drop them first (switchyard network drop NAME): each is written to ' +
    `${folder}/dropped/, from where it can be copied into a --network of its own`;
  throw new JournalError('failed', `${folder} has further networks (${named}${more}), and ${advice}`);
}

function copyBack(config: Config, surroundings: Surroundings): Promise<CopyResult> {
  const copy = (deps: LeadDeps) =>
    copyOutOfLog(
      deps,
      (source) =>
        showing(source, surroundings, async (progress) => {
          const { state } = await importFolder(config.data, source, progress, surroundings.signal);
          return { revision: state?.revision ?? 0, digest: state?.digest ?? '' };
        }),
      surroundings.signal,
    );
  return withLog(config, surroundings, copy);
}

async function withLog<R>(config: Config, surroundings: Surroundings, run: (deps: LeadDeps) => Promise<R>): Promise<R> {
  const { clock, random } = surroundings;
  const { network, journal } = config;
  const store = new EtcdClient(journal?.members ?? [], clock, etcdAccess(config));
  try {
    await store.checkMembers();
    const log = pino({ level: 'silent' });
    return await run({ store, clock, random, log, network, name: NAME, leaderTtlMs: LEASE_MS });
  } finally {
    store.close();
  }
}

function showing<R>(
  { compacted, last }: { readonly compacted: number; readonly last: number },
  surroundings: Surroundings,
  copy: (progress: (revision: number) => void) => Promise<R>,
): Promise<R> {
  let at = compacted;
  const progress = () => ({
    fraction: last === compacted ? 1 : (at - compacted) / (last - compacted),
    text: `revision ${at} of ${last}`,
  });
  return withProgress(surroundings, progress, () =>
    copy((revision) => {
      at = revision;
    }),
  );
}
