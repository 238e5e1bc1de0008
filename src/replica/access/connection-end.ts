import { identityOf } from '../../core/model/session.js';
import type { PortRange } from '../../core/model/trust/policy.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Gatekeeper } from './gatekeeper.js';

/** Whom the session at one end of a connection has proved to be, as the other end is told. */
export interface VerifiedEnd {
  readonly network: string;
  readonly identityUuid: string;
  readonly roles: readonly string[];
  /** Hexadecimal digits. */
  readonly keyId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where it has asked the other end: the ports of that one that it may reach; undefined: all. */
  readonly ports: readonly PortRange[] | undefined;
}

/** By what {@link verifiedEnd} says it. */
export interface VerifiedEndDeps {
  readonly gatekeeper: Pick<Gatekeeper, 'network' | 'portsOf'>;
  readonly state: Pick<StateView, 'sessions' | 'identities'>;
}

/**
 * Whom a session has proved to be, for the other end of its connection, and what it may reach there where it was `asked`: that end's SID.
 * Undefined where nothing was proved or the identity is revoked.
 */
export function verifiedEnd(
  { gatekeeper, state: { sessions, identities } }: VerifiedEndDeps,
  sid: number,
  asked?: number,
): VerifiedEnd | undefined {
  const session = sessions.get(sid);
  if (session?.keyId === undefined) return undefined;
  const identityUuid = identityOf(session);
  const { roles = [], labels = {}, revoked = false } = identities.get(identityUuid) ?? {};
  if (revoked) return undefined;
  const keyId = Buffer.from(session.keyId, 'latin1').toString('hex');
  const ports = asked === undefined ? undefined : gatekeeper.portsOf(sid, asked);
  return { network: gatekeeper.network.name, identityUuid, roles, keyId, labels, ports };
}
