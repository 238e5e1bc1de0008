import type { Logger } from 'pino';
import { IssuerLogins, type IssuerLoginsDeps } from '../replica/access/issuer-logins.js';
import { type FetchJson, IssuerKeys } from '../trust/oidc/issuer-keys.js';
import { DEFAULT_ISSUER_LIMITS } from '../trust/oidc/limits.js';
import { TokenVerifier } from '../trust/oidc/token-verifier.js';

/** What lets in those who bring tokens of issuers. */
export interface IssuersDeps extends Pick<IssuerLoginsDeps, 'network' | 'replica' | 'clock' | 'charge'> {
  readonly fetchJson: FetchJson;
  readonly log: Logger;
}

/** Puts the keys of issuers, the check of their tokens and the logins by them together. */
export function makeIssuers({ fetchJson: fetch, log, ...deps }: IssuersDeps): IssuerLogins {
  const { clock } = deps;
  const limits = DEFAULT_ISSUER_LIMITS;
  const warn = (message: string, error: unknown) => log.warn({ err: error }, message);
  const keys = new IssuerKeys({ clock, fetch, limits, warn });
  return new IssuerLogins({ ...deps, verifier: new TokenVerifier({ clock, keys, limits }), limits });
}
