import type { GetServerResponse, ServerLimit, ServerServiceServer } from '../../../gen/switchyard/v1/server.js';
import type { Backing } from '../backing.js';
import type { Calls } from '../call-handlers.js';
import type { Caller } from '../caller.js';
import { durationOf } from '../encode/duration.js';
import { positionMessage } from '../encode/message.js';

/** How much of one limit is used. */
export interface LimitUse {
  /** The option of `serve` where there is one, without its dashes. */
  readonly name: string;
  readonly used: number;
  readonly max: number;
  /** What is counted, in the plural. */
  readonly unit: string;
}

/** What GetServer tells that neither the state nor the doors' own parts know. */
export interface ServerFacts {
  readonly version: string;
  /** Empty when the build did not know. */
  readonly commit: string;
  /** When the process began to serve, by the monotonic clock. */
  readonly startedMs: number;
  /** In alphabetical order. */
  readonly capabilities: readonly string[];
  /** Where each door listens, by its code name. */
  addresses(): Readonly<Record<string, string>>;
  limits(): readonly LimitUse[];
}

/** ServerService, as server.proto documents it. */
export function serverService(calls: Calls): ServerServiceServer {
  const { backing } = calls;
  return { getServer: calls.anyone((_request, caller) => describeServer(backing, caller)) };
}

/**
 * In `open` mode everybody reads the graph, so everybody is told how the server stands in it; how full it is, only
 * administrators are: that is what a flood would want to know.
 */
function describeServer({ replica, clock, about }: Backing, { isAdmin }: Caller): GetServerResponse {
  const { state } = replica;
  return {
    version: about.version,
    serverUuid: state.serverUuid,
    commit: about.commit,
    uptime: durationOf(clock.nowMs() - about.startedMs),
    serverSid: state.serverSid,
    position: positionMessage(state.position),
    capabilities: [...about.capabilities],
    addresses: byName(Object.entries(about.addresses())).map(([codeName, address]) => ({ codeName, address })),
    limits: isAdmin
      ? about
          .limits()
          .map(limitMessage)
          .sort((x, y) => (x.name < y.name ? -1 : 1))
      : [],
  };
}

function limitMessage({ name, used, max, unit }: LimitUse): ServerLimit {
  return { name, used: BigInt(used), max: BigInt(max), unit };
}

function byName<Value>(entries: readonly (readonly [string, Value])[]): (readonly [string, Value])[] {
  return [...entries].sort(([x], [y]) => (x < y ? -1 : 1));
}
