import type { CallsPort, CodeSecret, ConsoleUser, PageCall, PageReceiver, Standing } from '../console/calls-port.js';
import { DEFAULT_NETWORK } from '../core/model/network.js';
import { type IdentityKey, isVouchedFor } from '../core/model/trust/identity.js';
import { METHODS, OPEN_PERMISSIONS, PERMISSIONS, type Permission } from '../core/model/trust/permission.js';
import type { FairTurns } from '../fair/fair-turns.js';
import { ACCESS_METADATA, ADMIN_METADATA, NETWORK_METADATA } from '../grpc/caller.js';
import type { LocalCalls } from '../grpc/local-calls.js';
import { originOfPeer } from '../shares/origin.js';
import type { WebCallsPort } from '../web/calls-port.js';
import type { Engine } from './engine.js';

/** Permissions that are about the whole server: an identity of another network than `default` has no use of them. */
const SERVER_PERMISSIONS: ReadonlySet<string> = new Set<Permission>(['network.manage', 'audit.read']);

/** Methods that are about the whole server: they are asked of its default network, whichever a page shows. */
const OF_SERVER: ReadonlySet<string> = new Set(
  Object.entries(METHODS).flatMap(([name, { needs }]) => (SERVER_PERMISSIONS.has(needs) ? [name] : [])),
);

/** Permissions by which a page says what it offers: all that depend on no target, and that belong to no session. */
const OFFERED = PERMISSIONS.filter(
  (permission) => permission === 'graph.read' || !OPEN_PERMISSIONS.some((open) => open === permission),
);

/** A network, as far as the console asks about it. */
type Hosted = Pick<Engine, 'gatekeeper' | 'replica'>;

/** Who asks what a page may offer: nothing is counted by it. */
const NO_ORIGIN = { address: '', connection: undefined };

/** What a call of a page is made with. */
interface CallCredentials {
  readonly metadata: Readonly<Record<string, string>>;
  /** Called when the call is over. */
  readonly over: () => void;
}

/**
 * The services as the console calls them, about the network that a page shows: as an administrator or an identity where one is
 * logged in. `engineOf` finds that of a network; undefined: there is no such network, or it does not run.
 */
export function consoleCalls(
  local: LocalCalls,
  adminToken: string,
  engineOf: (network: string) => Hosted | undefined,
): CallsPort {
  const credentialsOf = ({ role, network, identity, path }: PageCall): CallCredentials => {
    const isAdministrator = role === 'administrator';
    const isOfServer = isAdministrator && OF_SERVER.has(path.slice(path.lastIndexOf('/') + 1));
    const isElsewhere = network !== DEFAULT_NETWORK && !isOfServer;
    const where: Readonly<Record<string, string>> = isElsewhere ? { [NETWORK_METADATA]: network } : {};
    const over = () => {};
    if (isAdministrator) return { metadata: { ...where, [ADMIN_METADATA]: adminToken }, over };
    const gatekeeper = engineOf(network)?.gatekeeper;
    if (identity !== undefined && gatekeeper !== undefined) {
      const { tokens } = gatekeeper;
      const { uuid, keyId } = identity;
      const token = tokens.lend({ uuid, keyId });
      return { metadata: { ...where, [ACCESS_METADATA]: token }, over: () => tokens.giveBack(token) };
    }
    // Where callers have to say who they are, the console has done that for them.
    if (gatekeeper?.mode !== 'required') return { metadata: where, over };
    return { metadata: { ...where, [ACCESS_METADATA]: gatekeeper.tokens.ofProcess() }, over };
  };
  return {
    open: (call, receiver) => {
      const { path, request, peer } = call;
      const { metadata, over } = credentialsOf(call);
      const cancel = local.open({ path, request, peer, metadata, door: 'console' }, endingWith(over, receiver));
      return () => {
        over();
        cancel();
      };
    },
    left: (peer) => local.left(peer),
    standing: (user) => standingOf(user, engineOf(user.network)),
    codeSecrets: (network, uuid) => secretsOf(uuid, engineOf(network)),
  };
}

/** A receiver, with something that is done when its call has ended. */
function endingWith(over: () => void, receiver: PageReceiver): PageReceiver {
  return {
    message: (bytes, taken) => receiver.message(bytes, taken),
    end: (status) => {
      over();
      receiver.end(status);
    },
  };
}

function secretsOf(uuid: string, engine: Hosted | undefined): CodeSecret[] {
  if (engine === undefined) return [];
  return engine.gatekeeper.tokens.hashesOf(uuid).flatMap(({ hash: secret, keyId, leftMs }) => {
    const key = keyOf(engine, uuid, keyId);
    if (key === undefined) return [];
    // What an authority or issuer takes back is known when a login by its word is over.
    return [{ secret, keyId, boundAtMs: key.boundAtMs, leftMs: isVouchedFor(key) ? leftMs : undefined }];
  });
}

function keyOf({ replica }: Hosted, uuid: string, keyId: string): IdentityKey | undefined {
  return replica.state.identities.get(uuid)?.keys.find(({ id }) => id === keyId);
}

function standingOf({ role, network, identity }: ConsoleUser, engine: Hosted | undefined): Standing | undefined {
  const isAdmin = role === 'administrator';
  if (engine === undefined) {
    // Administrators act on the whole server, also while the network of their login is gone.
    return role === 'identity' ? undefined : { name: '', roles: [], may: isAdmin ? OFFERED : [], mode: undefined };
  }
  const { gatekeeper, replica } = engine;
  const isObserver = role === 'viewer' && gatekeeper.mode === 'required';
  const access = isObserver ? gatekeeper.tokens.find(gatekeeper.tokens.ofProcess()) : identity;
  const asker = { sid: undefined, isAdmin, origin: NO_ORIGIN, access, hasShown: () => false };
  const principal = gatekeeper.principal(asker);
  const isOver =
    identity !== undefined && keyOf(engine, identity.uuid, identity.keyId)?.boundAtMs !== identity.boundAtMs;
  if (role === 'identity' && (principal === undefined || isOver)) return undefined;
  const isOfNetwork = role === 'identity' && network !== DEFAULT_NETWORK;
  const offered = isOfNetwork ? OFFERED.filter((permission) => !SERVER_PERMISSIONS.has(permission)) : OFFERED;
  const may = offered.filter((permission) => gatekeeper.may(permission, asker));
  const { mode } = gatekeeper;
  if (role !== 'identity' || principal === undefined) return { name: '', roles: [], may, mode };
  const { identityUuid, roles } = principal;
  return { name: replica.state.identities.get(identityUuid)?.name || identityUuid, roles, may, mode };
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
