import type { JSONWebKeySet } from 'jose';
import type { Clock } from '../../base/clock.js';
import { Fault } from '../../core/model/fault.js';
import type { Issuer } from '../../core/model/trust/policy.js';
import type { Claims } from './claim-roles.js';
import type { IssuerKeys } from './issuer-keys.js';
import type { IssuerLimits } from './limits.js';

/** What a token that is good says. */
export interface VerifiedToken {
  readonly issuer: Issuer;
  readonly subject: string;
  readonly claims: Claims;
  /** Wall clock. */
  readonly issuedAtMs: number;
  /** Wall clock: until when it is good. */
  readonly untilMs: number;
}

/** What a {@link TokenVerifier} stands on. */
export interface TokenVerifierDeps {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly keys: Pick<IssuerKeys, 'get' | 'getOther' | 'retryMs'>;
  readonly limits: IssuerLimits;
}

type Jose = typeof import('jose');

/** OpenID Connect, section 2: of ASCII, and so long at most. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/;
const NO_KEY = 'ERR_JWKS_NO_MATCHING_KEY';

/** Checks tokens of the issuers of a policy: JSON Web Tokens, signed by a key that the issuer publishes. */
export class TokenVerifier {
  readonly #deps: TokenVerifierDeps;
  readonly #checking = new Map<string, number>();

  constructor(deps: TokenVerifierDeps) {
    this.#deps = deps;
  }

  /** What a token says, or why it is not taken. */
  async verify(token: string, issuers: readonly Issuer[]): Promise<VerifiedToken | Fault> {
    const { limits } = this.#deps;
    if (token.length > limits.tokenLengthMax) {
      return invalid(`it has ${token.length} characters; ${limits.tokenLengthMax} are the limit`);
    }
    // Loaded with the first token: servers without issuers do without.
    const jose = await import('jose');
    const issuer = findIssuer(jose, token, issuers);
    if (issuer instanceof Fault) return issuer;
    const count = this.#checking.get(issuer.issuer) ?? 0;
    if (count >= limits.checkingMax) {
      return new Fault('RATE_LIMITED', `${count} tokens of ${issuer.issuer} are being checked`, [], 1_000);
    }
    this.#checking.set(issuer.issuer, count + 1);
    try {
      return await this.#verifyOf(jose, token, issuer);
    } finally {
      this.#leave(issuer.issuer);
    }
  }

  #leave(issuer: string): void {
    const left = this.#checking.get(issuer)! - 1;
    if (left === 0) this.#checking.delete(issuer);
    else this.#checking.set(issuer, left);
  }

  async #verifyOf(jose: Jose, token: string, issuer: Issuer): Promise<VerifiedToken | Fault> {
    const { keys } = this.#deps;
    const known = await keys.get(issuer.issuer);
    if (known instanceof Fault) return known;
    const verified = await this.#verifyBy(jose, { token, issuer, keys: known });
    if (verified !== 'no key') return verified;
    const others = await keys.getOther(issuer.issuer, known);
    if (others instanceof Fault) return others;
    const again = others && (await this.#verifyBy(jose, { token, issuer, keys: others }));
    if (again !== undefined && again !== 'no key') return again;
    // The issuer may have a new key, and was asked a moment ago.
    const retryMs = keys.retryMs(issuer.issuer);
    return new Fault('PROOF_INVALID', `the token is not good: ${issuer.issuer} has no such key`, [], retryMs);
  }

  async #verifyBy(
    jose: Jose,
    { token, issuer, keys }: { readonly token: string; readonly issuer: Issuer; readonly keys: JSONWebKeySet },
  ): Promise<VerifiedToken | Fault | 'no key'> {
    const { clock, limits } = this.#deps;
    try {
      const { payload, protectedHeader } = await jose.jwtVerify(token, jose.createLocalJWKSet(keys), {
        issuer: issuer.issuer,
        audience: [...issuer.audience],
        algorithms: [...issuer.algorithms],
        currentDate: new Date(clock.wallMs()),
        clockTolerance: limits.skewMs / 1_000,
        maxTokenAge: limits.tokenAgeMsMax / 1_000,
        requiredClaims: ['sub', 'iat', 'exp'],
      });
      const typ = (protectedHeader.typ ?? 'jwt').toLowerCase().replace(/^application\//, '');
      if (typ !== issuer.typ) return invalid(`it is of the type ${JSON.stringify(typ)}; ${issuer.typ} is taken`);
      const { sub: subject = '', iat = 0, exp = 0 } = payload;
      if (!SUBJECT.test(subject)) return invalid('its subject is not 1 to 255 printable characters of ASCII');
      const issuedAtMs = iat * 1_000;
      // It is refused when it is older, so it is not good for longer.
      const endMs = Math.min(exp * 1_000, issuedAtMs + limits.tokenAgeMsMax);
      const times = { issuedAtMs, untilMs: endMs + limits.skewMs };
      return { issuer, subject, claims: payload, ...times };
    } catch (error) {
      if (error instanceof jose.errors.JOSEError) return error.code === NO_KEY ? 'no key' : invalid(reasonOf(error));
      // A key that WebCrypto cannot use: its form is not the issuer's word about anybody.
      if (error instanceof TypeError || error instanceof DOMException) {
        return invalid('it is signed by a key that cannot be used');
      }
      throw error;
    }
  }
}

/** The issuer that a token says it is of. Nothing of it is verified yet. */
function findIssuer(jose: Jose, token: string, issuers: readonly Issuer[]): Issuer | Fault {
  if (issuers.length === 0) return invalid('this network takes no tokens of issuers: see `issuers` of its policy');
  let said: unknown;
  try {
    said = jose.decodeJwt(token).iss;
  } catch {
    return invalid('it is no JSON Web Token');
  }
  const issuer = issuers.find((one) => one.issuer === said);
  return issuer ?? invalid('its issuer is none of the policy');
}

/** What is wrong with a token, in words of this program: jose's may quote it. */
function reasonOf(error: Error & { readonly code: string; readonly claim?: string; readonly reason?: string }): string {
  switch (error.code) {
    case 'ERR_JWT_EXPIRED':
      return error.claim === 'iat' ? 'it was issued too long ago' : 'it has expired';
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return `its claim ${error.claim} ${error.reason === 'missing' ? 'is missing' : 'is not as the policy or the time wants it'}`;
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return 'it is signed by an algorithm that the policy does not allow';
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return 'its signature is not the one of the key that it names';
    case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
      return 'it does not say which key of its issuer has signed it';
    default:
      return 'it is not of a form that is taken';
  }
}

function invalid(why: string): Fault {
  return new Fault('PROOF_INVALID', `the token is not good: ${why}`);
}
