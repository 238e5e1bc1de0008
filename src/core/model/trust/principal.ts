import type { IdentityKind } from './identity.js';

/** What proves a principal: a session that a key has opened, an access token, an issuer's token, a certificate, or the administrator's token. */
export type PrincipalVia = 'session' | 'access' | 'issuer' | 'certificate' | 'administrator';

/** As whom a command is asked for, once that is verified. */
export interface Principal {
  readonly network: string;
  /** In lower case. Empty: the administrator's token, which is no identity's. */
  readonly identityUuid: string;
  readonly kind: IdentityKind;
  /** As the identity has them at this moment. */
  readonly roles: readonly string[];
  /** What proves it. */
  readonly via: PrincipalVia;
}

/** A principal as commands store it in `by`. */
export function principalName({ identityUuid, via }: Principal): string {
  return via === 'administrator' ? 'administrator' : `identity ${identityUuid}`;
}
