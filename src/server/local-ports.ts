import type { CallsPort, ConsoleRole } from '../console/calls-port.js';
import type { FairTurns } from '../fair/fair-turns.js';
import { ACCESS_METADATA, ADMIN_METADATA } from '../grpc/caller.js';
import type { LocalCalls } from '../grpc/local-calls.js';
import type { Gatekeeper } from '../replica/access/gatekeeper.js';
import { originOfPeer } from '../shares/origin.js';
import type { WebCallsPort } from '../web/calls-port.js';

/** The services as the console calls them: as an administrator where one is logged in. */
export function consoleCalls(local: LocalCalls, adminToken: string, gatekeeper: Gatekeeper): CallsPort {
  const metadataOf = (role: ConsoleRole): Readonly<Record<string, string>> => {
    if (role === 'administrator') return { [ADMIN_METADATA]: adminToken };
    // Where callers have to say who they are, the console has done that for them.
    return gatekeeper.mode === 'required' ? { [ACCESS_METADATA]: gatekeeper.tokens.ofProcess() } : {};
  };
  return {
    open: ({ role, ...call }, receiver) =>
      local.open({ ...call, metadata: metadataOf(role), door: 'console' }, receiver),
    left: (peer) => local.left(peer),
  };
}

/** The services as clients of the web door call them: with the credentials that they show. */
export function webCalls(local: LocalCalls, turns: FairTurns): WebCallsPort {
  return {
    open: (call, receiver) => local.open({ ...call, door: 'web' }, receiver),
    left: (peer) => local.left(peer),
    enter: (peer, begin) => turns.enter(turns.keyOf(originOfPeer(peer)), begin) === undefined,
    mayGoOn: (peer, wake) => turns.mayGoOn(turns.keyOf(originOfPeer(peer)), wake),
    forget: (peer, wake) => turns.forget(turns.keyOf(originOfPeer(peer)), wake),
    spent: (peer, ms) => turns.charge(turns.keyOf(originOfPeer(peer)), ms),
  };
}
