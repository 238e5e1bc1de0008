import type { ConnectionPeer } from '../../../gen/switchyard/v1/connection.js';
import {
  type Identity as IdentityMessage,
  type IdentityKey as KeyMessage,
  type Principal,
  PrincipalVia,
} from '../../../gen/switchyard/v1/identity.js';
import {
  IDENTITY_BOUNDS,
  type Identity,
  type IdentityKey,
  IdentityKind,
  isVouchedFor,
  mayHaveSeveral,
} from '../../core/model/trust/identity.js';
import type { StateView } from '../../core/store/state-view.js';
import { type VerifiedEndDeps, verifiedEnd } from '../../replica/access/connection-end.js';
import { vouchedText } from '../../trust/vouched-key.js';
import { shown } from './message.js';
import { labelsSize } from './size.js';

/** An identity, with the sessions that it has. */
export function identityMessage(state: StateView, identity: Identity): IdentityMessage {
  const { uuid, kind, roles, name, labels, keys, barred, revoked, ticket } = identity;
  const cvids = state.sessions.ofIdentity(uuid).map(({ sid }) => sid);
  return {
    identityUuid: uuid,
    kind,
    keys: keys.map(keyMessage),
    revoked,
    barredKeyIds: barred.map(hexOf),
    cvid: cvids[0] ?? 0,
    cvids,
    roles: [...roles],
    name,
    labels: shown(labels),
    ticketId: ticket,
  };
}

const VIAS = {
  session: PrincipalVia.SESSION,
  access: PrincipalVia.ACCESS_TOKEN,
  certificate: PrincipalVia.CERTIFICATE,
  issuer: PrincipalVia.ISSUER,
} as const;

/** What has proved an identity. */
interface Proven {
  readonly uuid: string;
  /** Absent: nothing was proved. */
  readonly keyId?: string | undefined;
  readonly via?: keyof typeof VIAS;
}

/** As whom a session was opened, or who has logged in; undefined where nothing was proved. */
export function principalMessage(
  state: StateView,
  network: string,
  { uuid, keyId, via = 'session' }: Proven,
): Principal | undefined {
  if (keyId === undefined) return undefined;
  const { kind = IdentityKind.INSTANCE, roles = [], name = '' } = state.identities.get(uuid) ?? {};
  const of = { network, identityUuid: uuid, kind, roles: [...roles], name };
  return { ...of, keyId: hexOf(keyId), via: VIAS[via] };
}

/** Whom the session at the other end of a connection has proved to be. */
export function connectionPeer(deps: VerifiedEndDeps, sid: number, asked?: number): ConnectionPeer | undefined {
  const end = verifiedEnd(deps, sid, asked);
  if (end === undefined) return undefined;
  const { roles, labels, ports, ...rest } = end;
  const told = ports && { ranges: ports.map((range) => ({ ...range })) };
  return { ...rest, roles: [...roles], labels: { ...labels }, ports: told };
}

function keyMessage(known: IdentityKey): KeyMessage {
  const { id, key, origin, boundAtMs, goodUntilMs } = known;
  const isVouched = isVouchedFor(known);
  return {
    keyId: hexOf(id),
    publicKey: Buffer.from(isVouched ? '' : key, 'latin1'),
    origin,
    boundAt: new Date(boundAtMs),
    goodUntil: goodUntilMs === 0 ? undefined : new Date(goodUntilMs),
    vouched: isVouched ? vouchedText(key) : '',
  };
}

/** Bytes of an identity's message, about: with four keys, or the longest word of an issuer about it, it has some 1,200. */
export function identitySize({ kind, keys, barred, roles, labels }: Identity): number {
  const lists = 600 * keys.length + 66 * barred.length + 34 * roles.length;
  const cvids = mayHaveSeveral(kind) ? 6 * IDENTITY_BOUNDS.sessionsMax : 0;
  return 128 + cvids + lists + labelsSize(labels);
}

function hexOf(hidden: string): string {
  return Buffer.from(hidden, 'latin1').toString('hex');
}
