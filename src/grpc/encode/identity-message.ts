import type { Identity as IdentityMessage, Principal } from '../../../gen/switchyard/v1/identity.js';
import { type Identity, IdentityKind } from '../../core/model/identity.js';
import type { Session } from '../../core/model/session.js';
import type { State } from '../../core/store/state.js';
import { DEFAULT_NETWORK } from '../../trust/signed-bytes.js';

/** An identity, with the session that it has. */
export function identityMessage(state: State, identity: Identity): IdentityMessage {
  const { uuid, kind, keys, barred, revoked } = identity;
  return {
    identityUuid: uuid,
    kind,
    keys: keys.map(({ id, key, origin, boundAtMs, goodUntilMs }) => ({
      keyId: hexOf(id),
      publicKey: Buffer.from(key, 'latin1'),
      origin,
      boundAt: new Date(boundAtMs),
      goodUntil: goodUntilMs === 0 ? undefined : new Date(goodUntilMs),
    })),
    revoked,
    barredKeyIds: barred.map(hexOf),
    cvid: state.sessions.ofInstance(uuid)?.sid ?? 0,
  };
}

/** As whom a session was opened; undefined for one of which nothing was proved. */
export function principalMessage({ uuid, keyId }: Session): Principal | undefined {
  if (keyId === undefined) return undefined;
  return { network: DEFAULT_NETWORK, identityUuid: uuid, kind: IdentityKind.INSTANCE, keyId: hexOf(keyId) };
}

/** Bytes of an identity's message, about: with four keys of the longest kind it has some 1,200. */
export function identitySize({ keys, barred }: Identity): number {
  return 64 + 256 * keys.length + 66 * barred.length;
}

function hexOf(hidden: string): string {
  return Buffer.from(hidden, 'latin1').toString('hex');
}
