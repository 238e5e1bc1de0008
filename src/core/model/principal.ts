import type { IdentityKind } from './identity.js';

/** As whom a command is asked for, once that is verified. */
export interface Principal {
  readonly network: string;
  /** In lower case. Empty: the administrator's token, which is no identity's. */
  readonly identityUuid: string;
  readonly kind: IdentityKind;
  /** As the identity has them at this moment. */
  readonly roles: readonly string[];
  /** What proves it: a session that a key has opened, an access token, or the administrator's token. */
  readonly via: 'session' | 'access' | 'administrator';
}

/** A principal as commands store it in `by`. */
export function principalName({ identityUuid, via }: Principal): string {
  return via === 'administrator' ? 'administrator' : `identity ${identityUuid}`;
}
