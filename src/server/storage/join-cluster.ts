import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { type Address, formatAddress } from '../../base/address.js';
import type { Clock, Random } from '../../base/clock.js';
import { Fence } from '../../base/fence.js';
import type { BranchHost } from '../../cluster/door/branch-calls.js';
import { BranchDialer } from '../../cluster/door/branch-dialer.js';
import type { PeerFiles } from '../../cluster/door/credentials.js';
import { peerDialer } from '../../cluster/door/peer-dialer.js';
import { PeerDoor } from '../../cluster/door/peer-door.js';
import { EpochRenewal } from '../../cluster/epoch-renewal.js';
import { LogMemory } from '../../cluster/log-memory.js';
import { Member } from '../../cluster/member.js';
import type { FollowerLink } from '../../cluster/peers.js';
import { FEED_VERSION } from '../../cluster/published-sum.js';
import type { Readiness } from '../../cluster/readiness.js';
import { type Config, IN_MEMORY } from '../../config/options.js';
import { replicaLimits } from '../../config/part-limits.js';
import { encodeRevision } from '../../grpc/encode/network-topic.js';
import { JournalError } from '../../journal/journal.js';
import { OWN_NUMBERS } from '../../journal/own-numbers.js';
import { Folder } from '../../journal/storage/folder.js';
import { EtcdClient } from '../../log/etcd/client.js';
import { LogKeys } from '../../log/etcd/keys.js';
import { APPEND_BYTES_MAX } from '../../log/etcd/limits.js';
import { EtcdLog } from '../../log/etcd/log.js';
import { EtcdRoster } from '../../log/etcd/roster.js';
import { ServerName } from '../../log/etcd/server-name.js';
import type { Roster } from '../../log/roster.js';
import type { FollowedLog, LogView } from '../../log/shared-log.js';
import type { Replica } from '../../replica/replica.js';
import type { Cluster } from '../engine.js';
import { listening } from '../listen-error.js';
import { etcdAccess } from './etcd-access.js';
import { isRefused } from './is-refused.js';
import { logMemoryFile, logMemoryPath } from './log-memory-file.js';
import { nameOfMachine } from './machine-name.js';

/** What a server joins the others of its network with. */
export interface JoinDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Called when the term is lost or the log cannot be followed. */
  readonly lost: (error: unknown) => void;
  /** Called when the server loses touch with the one that leads or with the log, and when it has it again. */
  readonly inTouch: (isInTouch: boolean, readiness: Readiness, isCurrent: boolean) => void;
  /** Gives up waiting for the name that a process that was killed still has. */
  readonly signal?: AbortSignal | undefined;
}

/** A server among others. */
export interface JoinedCluster extends Cluster {
  /** Bytes of one append, once this server leads. */
  readonly appendBytesMax: number;
  /** This server's name. */
  readonly name: string;
  /** The servers of the network. */
  readonly roster: Roster;
  /** Where the others reach it. */
  readonly peerAddress: string;
  /** Gives back what it holds of the log, and closes its port for the others. Again and again the same. */
  close(): Promise<void>;
}

/**
 * Opens the log in etcd and the door for the other servers. The server is not one of them before its engine starts the member: nobody
 * leads whose port for the others is not open.
 */
export async function joinCluster(config: Config, members: readonly Address[], deps: JoinDeps): Promise<JoinedCluster> {
  const { clock, random, log } = deps;
  const { network, leaderTtlMs, peerListen } = config;
  const name = config.name ?? nameOfMachine(hostname());
  const files = await peerFiles(config);
  const access = etcdAccess(config);
  const fence = new Fence({ log, random });
  let host: BranchHost | undefined;
  const accept = (link: FollowerLink) => member.accept(link);
  const door: PeerDoor = new PeerDoor({ network, files, fence, accept, branches: () => host });
  const revision = () => joined?.replica.state.revision ?? 0;
  const dialer = new BranchDialer({ clock, network, name, files, fence, revision });
  const bound = await listening('--peer-listen', door.listen(peerListen));
  const peerAddress = formatAddress(config.peerAdvertise ?? bound);
  const store = new EtcdClient(members, clock, access);
  const known = OWN_NUMBERS;
  const shared: FollowedLog = new EtcdLog({
    claimedAt: () => ownName.claimedAt,
    ...{ store, clock, random, log, network, name, peerAddress, leaderTtlMs, known },
    compactsHistory: config.etcdCompact === 'on',
    quotaBytes: config.etcdQuotaBytes,
  });
  const warn = (message: string, error: unknown) => log.warn({ err: error }, message);
  const facts = () => ({ feedVersion: FEED_VERSION, appliedSeq: member.seq });
  const keys = new LogKeys(network);
  const roster = new EtcdRoster({ store, clock, random, keys, facts, warn });
  const failed = async (error: unknown): Promise<never> => {
    door.close();
    await shared.close();
    throw error;
  };
  const taken = (error: unknown) => deps.lost(error);
  const claim = { ...{ store, clock, random, keys, network, name, peerAddress, known }, isRefused, taken, warn };
  store.mixed = (problem, isReplaced) => {
    log.error({ network }, problem);
    if (isReplaced) deps.lost(new JournalError('differs', problem));
  };
  await store.checkMembers().catch(failed);
  // Before anything is read: from then on nothing is written that this build cannot read.
  const ownName = await ServerName.claim(claim, deps.signal).catch(failed);
  const named = async (error: unknown): Promise<never> => {
    await ownName.close();
    return failed(error);
  };
  const view = await shared.view().catch(named);
  const { data } = config;
  if (view.revision === 0 && data !== IN_MEMORY && Folder.exists(data)) await named(emptyBeside(config));
  const memory = await openMemory(config, { clock, log, shared, view }).catch(named);
  const appliedSeq = memory?.appliedSeq ?? 0;
  if (view.revision === 0 && appliedSeq > 0) {
    await memory?.close();
    await named(emptyAfter(config, appliedSeq));
  }
  const renewal = new EpochRenewal({ random, logger: log, memory, isAsked: config.renewEpoch });
  let joined: { readonly replica: Replica; readonly establish: () => Promise<void> } | undefined;
  const member: Member = new Member({
    ...{ clock, random, name, log: shared, logger: log, address: peerAddress, lost: deps.lost },
    ...{ seq: view.seq, chain: view.chain, uuid: serverUuid(network, name) },
    addresses: (config.advertise ?? []).map(formatAddress),
    leaderTtlMs,
    pendingMax: replicaLimits(config).pendingMax,
    upkeep: {
      encode: (position, changes) => encodeRevision(position, changes, joined!.replica.state.serverSid),
      snapshotEvery: replicaLimits(config).snapshotEvery,
    },
    dial: peerDialer(network, files, fence),
    replica: () => joined!.replica,
    inTouch: deps.inTouch,
    leads: async (term) => {
      log.info({ network, term: String(term.number), peers: peerAddress }, 'leads');
      if (joined !== undefined) await renewal.settle(joined.replica);
      await joined?.establish();
    },
  });
  let closed: Promise<void> | undefined;
  const close = async () => {
    await member.close();
    await roster.close();
    await ownName.close();
    dialer.close();
    await memory?.close();
    door.close();
    await shared.close();
  };
  return {
    ...{ view: view.journal, member, name, roster, peerAddress, appendBytesMax: APPEND_BYTES_MAX },
    branches: {
      dial: (...asked) => dialer.dial(...asked),
      bytes: () => dialer.bytes,
      reach: (...asked) => dialer.reach(...asked),
      serve: (served) => {
        host = served;
      },
    },
    join: async (replica, establish) => {
      joined = { replica, establish };
      await member.start();
      await renewal.settle(replica);
      memory?.keep(() => {
        const { seq, chain } = member.position;
        return { epoch: replica.state.epoch, seq, chain };
      });
    },
    close: () => (closed ??= close()),
  };
}

/** Why a server does not begin an empty network beside a journal of its own. */
function emptyBeside({ data, network }: Config): JournalError {
  const advice = `copy it with switchyard journal copy, or move ${Folder.fileOf(data)} away to begin without it`;
  return new JournalError('locked', `network ${network} is empty, and ${data} has a journal of its own: ${advice}`);
}

/** Why a server does not begin an empty network in the place of one that it knows: that etcd was wiped, or is another one. */
function emptyAfter({ data, network }: Config, seq: number): JournalError {
  const advice =
    'look whether --journal and --network name the right ones, restore etcd from a backup, ' +
    `or remove ${logMemoryPath(data, network)} to begin without it`;
  return new JournalError(
    'locked',
    `network ${network} is empty, and this server had applied batch ${seq} of it: ${advice}`,
  );
}

/** Of the UUIDs of servers among others. */
const SERVER_NAMESPACE = Buffer.from('5f1f0c7e6b9a4d3c9a51c1a57e12b0de', 'hex');

/** The UUID of a server by its name: version 5, RFC 9562, section 5.5. So it has the same node after a restart on any machine. */
export function serverUuid(network: string, name: string): string {
  const bytes = createHash('sha1').update(SERVER_NAMESPACE).update(`${network}/${name}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** A server in memory remembers nothing. */
async function openMemory(
  { data, network }: Config,
  {
    clock,
    log,
    shared,
    view,
  }: Pick<JoinDeps, 'clock' | 'log'> & { readonly shared: FollowedLog; readonly view: LogView },
): Promise<LogMemory | undefined> {
  if (data === IN_MEMORY) return undefined;
  const warn = (message: string, error: unknown) => log.warn({ err: error }, message);
  return LogMemory.open({ clock, store: logMemoryFile(data, network), warn }, view, (seq) => shared.chainAt(seq));
}

async function peerFiles({ peerCert, peerKey, peerCa }: Config): Promise<PeerFiles | undefined> {
  if (peerCert === undefined || peerKey === undefined || peerCa === undefined) return undefined;
  const [cert, key, ca] = await Promise.all([peerCert, peerKey, peerCa].map((file) => readFile(file)));
  return { cert, key, ca };
}
