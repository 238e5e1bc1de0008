import {
  type GetServerResponse,
  type ListServersResponse,
  type Server,
  type ServerAddress,
  type ServerLimit,
  ServerRole,
  type ServerServiceServer,
} from '../../../gen/switchyard/v1/server.js';
import { type Fault, isFault } from '../../core/model/fault.js';
import type { Backing, LimitUse } from '../backing.js';
import type { Calls } from '../call-handlers.js';
import type { Caller } from '../caller.js';
import { durationOf } from '../encode/duration.js';
import { positionMessage } from '../encode/message.js';

const NOTHING_ELSE = {
  commit: '',
  uptime: undefined,
  serverSid: 0,
  position: undefined,
  capabilities: [],
  addresses: [],
  limits: [],
  role: ServerRole.UNSPECIFIED,
  term: 0n,
  journalBytes: 0n,
  snapshotAt: undefined,
};

/** ServerService, as server.proto documents it. */
export function serverService(calls: Calls): ServerServiceServer {
  const { backing } = calls;
  return {
    getServer: calls.anyone((_request, caller) => describeServer(backing, caller)),
    listServers: calls.anyone(() => listServers(backing)),
  };
}

async function listServers({ about, replica, clock }: Backing): Promise<ListServersResponse | Fault> {
  const listed = await about.servers();
  if (isFault(listed)) return listed;
  const { name } = about;
  const { format, rules } = listed;
  const servers = listed.servers.map((one): Server => {
    const { leads, term, lagMs, sessions, addresses, revision, version, isReady, atMs, formatMax, rulesMax } = one;
    // Clocks differ, and may have jumped.
    const agoMs = one.name === name ? 0 : Math.max(0, clock.wallMs() - atMs);
    return {
      ...{ name: one.name, term, version, ready: isReady, sessions: BigInt(sessions), revision: BigInt(revision) },
      role: leads ? ServerRole.LEADER : ServerRole.FOLLOWER,
      lag: durationOf(leads ? 0 : lagMs),
      toldAgo: durationOf(agoMs),
      addresses: addressMessages(addresses),
      ...{ formatMax, rulesMax },
    };
  });
  return { servers, position: positionMessage(replica.state.position), format, rules };
}

/**
 * Who reads the graph is told how the server stands in it; how full it is, only who reads the network: that is what a flood would
 * want to know. Everybody else is told which server and which version it is.
 */
function describeServer({ replica, clock, about }: Backing, caller: Caller): GetServerResponse {
  const { state } = replica;
  const { version } = about;
  if (!caller.isKnown) return { ...NOTHING_ELSE, version, serverUuid: state.serverUuid };
  const mayRead = caller.may('network.read');
  const { isLeader, term, journalBytes, snapshotAtMs } = about.standing();
  return {
    version,
    serverUuid: state.serverUuid,
    role: isLeader ? ServerRole.LEADER : ServerRole.FOLLOWER,
    term,
    journalBytes: mayRead ? BigInt(journalBytes) : 0n,
    snapshotAt: mayRead && snapshotAtMs !== undefined ? new Date(snapshotAtMs) : undefined,
    commit: about.commit,
    uptime: durationOf(clock.nowMs() - about.startedMs),
    serverSid: state.serverSid,
    position: positionMessage(state.position),
    capabilities: [...about.capabilities],
    addresses: addressMessages(about.addresses()),
    limits: mayRead
      ? about
          .limits()
          .map(limitMessage)
          .sort((x, y) => (x.name < y.name ? -1 : 1))
      : [],
  };
}

function addressMessages(addresses: Readonly<Record<string, string>>): ServerAddress[] {
  return byName(Object.entries(addresses)).map(([codeName, address]) => ({ codeName, address }));
}

function limitMessage({ name, used, max, unit }: LimitUse): ServerLimit {
  return { name, used: BigInt(used), max: BigInt(max), unit };
}

function byName<Value>(entries: readonly (readonly [string, Value])[]): (readonly [string, Value])[] {
  return [...entries].sort(([x], [y]) => (x < y ? -1 : 1));
}
