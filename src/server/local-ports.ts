import type { CallsPort } from '../console/calls-port.js';
import type { FairTurns } from '../fair/fair-turns.js';
import { ADMIN_METADATA } from '../grpc/caller.js';
import type { LocalCalls } from '../grpc/local-calls.js';
import { originOfPeer } from '../shares/origin.js';
import type { WebCallsPort } from '../web/calls-port.js';

/** The services as the console calls them: as an administrator where one is logged in. */
export function consoleCalls(local: LocalCalls, adminToken: string): CallsPort {
  return {
    open: ({ role, ...call }, receiver) =>
      local.open({ ...call, metadata: role === 'administrator' ? { [ADMIN_METADATA]: adminToken } : {} }, receiver),
    left: (peer) => local.left(peer),
  };
}

/** The services as clients of the web door call them: with the credentials that they show. */
export function webCalls(local: LocalCalls, turns: FairTurns): WebCallsPort {
  return {
    open: (call, receiver) => local.open(call, receiver),
    left: (peer) => local.left(peer),
    spent: (peer, ms) => turns.charge(turns.keyOf(originOfPeer(peer)), ms),
  };
}
