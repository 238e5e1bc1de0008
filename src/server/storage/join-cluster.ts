import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { type Address, formatAddress } from '../../base/address.js';
import type { Clock, Random } from '../../base/clock.js';
import { Fence } from '../../base/fence.js';
import type { PeerFiles } from '../../cluster/door/credentials.js';
import { peerDialer } from '../../cluster/door/peer-dialer.js';
import { PeerDoor } from '../../cluster/door/peer-door.js';
import { Member } from '../../cluster/member.js';
import type { Readiness } from '../../cluster/readiness.js';
import type { Config } from '../../config/options.js';
import { replicaLimits } from '../../config/part-limits.js';
import { EtcdClient } from '../../log/etcd/client.js';
import { LogKeys } from '../../log/etcd/keys.js';
import { APPEND_BYTES_MAX } from '../../log/etcd/limits.js';
import { EtcdLog } from '../../log/etcd/log.js';
import { EtcdRoster } from '../../log/etcd/roster.js';
import type { Roster } from '../../log/roster.js';
import type { FollowedLog } from '../../log/shared-log.js';
import type { Replica } from '../../replica/replica.js';
import type { Cluster } from '../engine.js';
import { listening } from '../listen-error.js';

/** What a server joins the others of its network with. */
export interface JoinDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Called when the term is lost or the log cannot be followed. */
  readonly lost: (error: unknown) => void;
  /** Called when the server loses touch with the one that leads, and when it has it again. */
  readonly inTouch: (isInTouch: boolean, readiness: Readiness) => void;
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
  const name = config.name ?? hostname();
  const files = await peerFiles(config);
  const fence = new Fence({ log, random });
  const door: PeerDoor = new PeerDoor({ network, files, fence, accept: (link) => member.accept(link) });
  const bound = await listening('--peer-listen', door.listen(peerListen));
  const peerAddress = formatAddress(config.peerAdvertise ?? bound);
  const store = new EtcdClient(members, clock);
  const shared: FollowedLog = new EtcdLog({
    ...{ store, clock, random, log, network, name, peerAddress, leaderTtlMs },
    compactsHistory: config.etcdCompact === 'on',
  });
  const warn = (message: string, error: unknown) => log.warn({ err: error }, message);
  const roster = new EtcdRoster({ store, clock, random, keys: new LogKeys(network), warn });
  const view = await shared.view().catch(async (error: unknown) => {
    door.close();
    await shared.close();
    throw error;
  });
  let joined: { readonly replica: Replica; readonly establish: () => Promise<void> } | undefined;
  const member: Member = new Member({
    ...{ clock, random, name, log: shared, logger: log, address: peerAddress, lost: deps.lost },
    seq: view.seq,
    leaderTtlMs,
    pendingMax: replicaLimits(config).pendingMax,
    dial: peerDialer(network, files, fence),
    replica: () => joined!.replica,
    inTouch: deps.inTouch,
    leads: async (term) => {
      log.info({ network, term: String(term.number), peers: peerAddress }, 'leads');
      await joined?.establish();
    },
  });
  let closed: Promise<void> | undefined;
  const close = async () => {
    await member.close();
    await roster.close();
    door.close();
    await shared.close();
  };
  return {
    ...{ view: view.journal, member, name, roster, peerAddress, appendBytesMax: APPEND_BYTES_MAX },
    join: (replica, establish) => {
      joined = { replica, establish };
      return member.start();
    },
    close: () => (closed ??= close()),
  };
}

async function peerFiles({ peerCert, peerKey, peerCa }: Config): Promise<PeerFiles | undefined> {
  if (peerCert === undefined || peerKey === undefined || peerCa === undefined) return undefined;
  const [cert, key, ca] = await Promise.all([peerCert, peerKey, peerCa].map((file) => readFile(file)));
  return { cert, key, ca };
}
