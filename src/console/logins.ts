import type { Clock, Random } from '../base/clock.js';
import { FailedAttempts } from '../base/failed-attempts.js';
import { isSameSecret } from '../base/same-secret.js';
import type { CallsPort, ConsoleUser } from './calls-port.js';
import { type Credential, makeLogin, readCredential } from './credentials.js';
import type { ConsoleLimits } from './limits.js';

/** What logins stand on. */
export interface LoginsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: ConsoleLimits;
  readonly adminToken: string;
  /** Knows identities, and the secrets of their codes. */
  readonly calls: Pick<CallsPort, 'standing' | 'codeSecrets'>;
}

/** Why nobody was let in. */
export type LoginRefusal = 'wrong' | 'tooOften';

/** Who is logged in: takes codes and the administrator's token, and gives and reads the logins that browsers keep. */
export class Logins {
  readonly #deps: LoginsDeps;
  /** Codes that were used, with when they expire. */
  readonly #used = new Map<string, number>();
  /** Logins that were ended before their time. */
  readonly #ended = new Map<string, number>();
  readonly #wrong: FailedAttempts;

  constructor(deps: LoginsDeps) {
    this.#deps = deps;
    const { wrongPerMinuteMax: perMinuteMax, addressesMax } = deps.limits;
    this.#wrong = new FailedAttempts(deps.clock, { perMinuteMax, addressesMax });
  }

  /** Takes a code: once, and only in its time. Answers with the text of a login. */
  byCode(code: string, address: string): string | LoginRefusal {
    const { adminToken, clock, limits, calls } = this.#deps;
    if (this.#wrong.isBarred(address)) return 'tooOften';
    const secretsOf = (network: string, uuid: string) => calls.codeSecrets(network, uuid);
    const found = readCredential('code', adminToken, code, clock.wallMs(), secretsOf);
    this.#forget(this.#used);
    if (found === undefined || this.#used.has(found.id) || calls.standing(found) === undefined)
      return this.#countWrong(address);
    if (this.#used.size >= limits.codesUsedMax) return 'tooOften';
    this.#used.set(found.id, found.expiresMs);
    return this.#make(found);
  }

  /** Takes the administrator's token, of somebody who sees a network. Answers with the text of a login. */
  byToken(token: string, network: string, address: string): string | LoginRefusal {
    if (this.#wrong.isBarred(address)) return 'tooOften';
    if (!isSameSecret(token, this.#deps.adminToken)) return this.#countWrong(address);
    return this.#make({ role: 'administrator', network });
  }

  /** Reads a login; undefined when it is none, or over: past its time, ended, or of an identity that is revoked. */
  read(text: string | undefined): Credential | undefined {
    if (text === undefined) return undefined;
    const login = readCredential('login', this.#deps.adminToken, text, this.#deps.clock.wallMs());
    if (login === undefined || this.#ended.has(login.id)) return undefined;
    return this.#deps.calls.standing(login) === undefined ? undefined : login;
  }

  /** The same login for another span of its whole time. */
  renew(login: Credential): string {
    return this.#make(login);
  }

  /** Ends a login. A restart of the server forgets that; the browser has thrown its cookie away by then. */
  end({ id, expiresMs }: Credential): void {
    this.#forget(this.#ended);
    if (this.#ended.size >= this.#deps.limits.logoutsMax) {
      const [oldest] = this.#ended.keys();
      this.#ended.delete(oldest);
    }
    this.#ended.set(id, expiresMs);
  }

  #make({ role, network, identity }: ConsoleUser): string {
    const { adminToken, clock, random, limits } = this.#deps;
    return makeLogin(adminToken, { role, network, identity }, clock.wallMs() + limits.loginMs, random);
  }

  #countWrong(address: string): 'wrong' {
    this.#wrong.count(address);
    return 'wrong';
  }

  #forget(map: Map<string, number>): void {
    const nowMs = this.#deps.clock.wallMs();
    for (const [id, expiresMs] of map) if (expiresMs <= nowMs) map.delete(id);
  }
}
