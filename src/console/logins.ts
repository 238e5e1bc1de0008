import type { Clock, Random } from '../base/clock.js';
import { FailedAttempts } from '../base/failed-attempts.js';
import { isSameSecret } from '../base/same-secret.js';
import type { CallsPort, ConsoleUser } from './calls-port.js';
import { type Login, makeFamily, makeLogin, readCode, readLogin } from './credentials.js';
import type { ConsoleLimits } from './limits.js';
import { ownerOf, SpentIds } from './spent.js';

/** What logins stand on. */
export interface LoginsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: ConsoleLimits;
  readonly adminToken: string;
  /** Knows identities, and the secrets of their codes. */
  readonly calls: Pick<CallsPort, 'standing' | 'codeSecrets'>;
}

/** Why nobody was let in. `mayNotRead`: the identity may not read the graph, without which a page shows nothing. */
export type LoginRefusal = 'wrong' | 'tooOften' | 'mayNotRead';

/** The text of a login that was made, or why none was. */
export type LoginOutcome = { readonly login: string } | { readonly refusal: LoginRefusal };

/** Who is logged in: takes codes and the administrator's token, and gives and reads the logins that browsers keep. */
export class Logins {
  readonly #deps: LoginsDeps;
  /** Codes that were used. */
  readonly #used: SpentIds;
  /** Families of logins that were ended before their time. */
  readonly #ended: SpentIds;
  readonly #wrong: FailedAttempts;

  constructor(deps: LoginsDeps) {
    this.#deps = deps;
    const { clock, limits } = deps;
    const { wrongPerMinuteMax: perMinuteMax, addressesMax } = limits;
    this.#wrong = new FailedAttempts(clock, { perMinuteMax, addressesMax });
    this.#used = new SpentIds(clock, { max: limits.codesUsedMax, perIdentityMax: limits.codesPerIdentityMax });
    this.#ended = new SpentIds(clock, { max: limits.logoutsMax, perIdentityMax: limits.logoutsPerIdentityMax });
  }

  /**
   * Takes a code: once, and only in its time. Where the browser is logged in as the same user `before`, the login is of the same
   * family, so that one logout ends both and the pages of both.
   */
  byCode(code: string, address: string, before?: Login): LoginOutcome {
    const { adminToken, clock, calls } = this.#deps;
    if (this.#wrong.isBarred(address)) return { refusal: 'tooOften' };
    const secretsOf = (network: string, uuid: string) => calls.codeSecrets(network, uuid);
    const found = readCode(adminToken, code, clock.wallMs(), secretsOf);
    if (found === undefined || this.#used.has(ownerOf(found), found.id)) return this.#countWrong(address);
    const standing = calls.standing(found);
    if (standing === undefined) return this.#countWrong(address);
    if (found.role === 'identity' && !standing.may.includes('graph.read')) return { refusal: 'mayNotRead' };
    if (!this.#used.add(ownerOf(found), found.id, found.expiresMs)) return { refusal: 'tooOften' };
    return this.#begin(found, found.leftMs, before && isSameUser(found, before) ? before.family : undefined);
  }

  /** Takes the administrator's token, of somebody who sees a network. */
  byToken(token: string, network: string, address: string): LoginOutcome {
    if (this.#wrong.isBarred(address)) return { refusal: 'tooOften' };
    if (!isSameSecret(token, this.#deps.adminToken)) return this.#countWrong(address);
    return this.#begin({ role: 'administrator', network });
  }

  /** Reads a login; undefined when it is none, or over: past its time, ended, or of an identity that is revoked. */
  read(text: string | undefined): Login | undefined {
    if (text === undefined) return undefined;
    const login = readLogin(this.#deps.adminToken, text, this.#deps.clock.wallMs());
    if (login === undefined || this.#ended.has(ownerOf(login), login.family)) return undefined;
    return this.#deps.calls.standing(login) === undefined ? undefined : login;
  }

  /** The same login for another span of its time, as far as that goes in all. */
  renew(login: Login): string {
    const { adminToken, clock, random, limits } = this.#deps;
    const expiresMs = Math.min(clock.wallMs() + limits.loginMs, login.endsMs);
    return makeLogin(adminToken, { ...login, expiresMs }, random);
  }

  /**
   * Ends a login and all of its family. A restart of the server forgets that; the browser has thrown its cookie away by then.
   */
  end(login: Login): void {
    const { clock, limits } = this.#deps;
    // Another of its family may end later than this one.
    this.#ended.addInPlace(ownerOf(login), login.family, clock.wallMs() + limits.loginInAllMs);
  }

  #begin(
    { role, network, identity }: ConsoleUser,
    leftMs = Number.POSITIVE_INFINITY,
    family = makeFamily(this.#deps.random),
  ): LoginOutcome {
    const { clock, limits } = this.#deps;
    const endsMs = clock.wallMs() + Math.min(leftMs, limits.loginInAllMs);
    const login = { role, network, identity, family, expiresMs: endsMs, endsMs };
    return { login: this.renew(login) };
  }

  #countWrong(address: string): LoginOutcome {
    this.#wrong.count(address);
    return { refusal: 'wrong' };
  }
}

/** Whether two are the same user in the same network. An administrator is of no network. */
function isSameUser(one: ConsoleUser, other: ConsoleUser): boolean {
  if (one.role !== other.role || one.identity?.uuid !== other.identity?.uuid) return false;
  return one.role === 'administrator' || one.network === other.network;
}
