import type { CallsPort, PageCall } from '../console/calls-port.js';
import { DEFAULT_NETWORK } from '../core/model/network.js';
import { METHODS } from '../core/model/trust/permission.js';
import type { FairTurns } from '../fair/fair-turns.js';
import { ACCESS_METADATA, ADMIN_METADATA, NETWORK_METADATA } from '../grpc/caller.js';
import type { LocalCalls } from '../grpc/local-calls.js';
import type { Gatekeeper } from '../replica/access/gatekeeper.js';
import { originOfPeer } from '../shares/origin.js';
import type { WebCallsPort } from '../web/calls-port.js';

/** Methods that are about the whole server: they are asked of its default network, whichever a page shows. */
const OF_SERVER: ReadonlySet<string> = new Set(
  Object.entries(METHODS).flatMap(([name, { needs }]) =>
    needs === 'network.manage' || needs === 'audit.read' ? [name] : [],
  ),
);

/**
 * The services as the console calls them, about the network that a page shows: as an administrator where one is logged in.
 * `gatekeeperOf` finds that of a network; undefined: there is no such network, or it does not run.
 */
export function consoleCalls(
  local: LocalCalls,
  adminToken: string,
  gatekeeperOf: (network: string) => Gatekeeper | undefined,
): CallsPort {
  const metadataOf = ({ role, network, path }: PageCall): Readonly<Record<string, string>> => {
    const isAdministrator = role === 'administrator';
    const isOfServer = isAdministrator && OF_SERVER.has(path.slice(path.lastIndexOf('/') + 1));
    const isElsewhere = network !== DEFAULT_NETWORK && !isOfServer;
    const where: Readonly<Record<string, string>> = isElsewhere ? { [NETWORK_METADATA]: network } : {};
    if (isAdministrator) return { ...where, [ADMIN_METADATA]: adminToken };
    // Where callers have to say who they are, the console has done that for them.
    const gatekeeper = gatekeeperOf(network);
    return gatekeeper?.mode === 'required' ? { ...where, [ACCESS_METADATA]: gatekeeper.tokens.ofProcess() } : where;
  };
  return {
    open: (call, receiver) => {
      const { path, request, peer } = call;
      return local.open({ path, request, peer, metadata: metadataOf(call), door: 'console' }, receiver);
    },
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
