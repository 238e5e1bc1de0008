import { addressKey } from '../base/address-key.js';
import type { Clock, Random } from '../base/clock.js';
import type { ConsoleRole } from './calls-port.js';
import { type Credential, isSameSecret, makeLogin, readCredential } from './credentials.js';
import type { ConsoleLimits } from './limits.js';

/** What logins stand on. */
export interface LoginsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: ConsoleLimits;
  readonly adminToken: string;
}

/** Why nobody was let in. */
export type LoginRefusal = 'wrong' | 'tooOften';

const MINUTE_MS = 60_000;

/** Who is logged in: takes codes and the administrator's token, and gives and reads the logins that browsers keep. */
export class Logins {
  readonly #deps: LoginsDeps;
  /** Codes that were used, with when they expire. */
  readonly #used = new Map<string, number>();
  /** Logins that were ended before their time. */
  readonly #ended = new Map<string, number>();
  /** Wrong tries of each address since its minute began, the oldest minute first. */
  readonly #wrong = new Map<string, { readonly sinceMs: number; count: number }>();

  constructor(deps: LoginsDeps) {
    this.#deps = deps;
  }

  /** Takes a code: once, and only in its time. Answers with the text of a login. */
  byCode(code: string, address: string): string | LoginRefusal {
    const { adminToken, clock, limits } = this.#deps;
    if (this.#isBarred(address)) return 'tooOften';
    const found = readCredential('code', adminToken, code, clock.wallMs());
    this.#forget(this.#used);
    if (found === undefined || this.#used.has(found.id)) return this.#countWrong(address);
    if (this.#used.size >= limits.codesUsedMax) return 'tooOften';
    this.#used.set(found.id, found.expiresMs);
    return this.#make(found.role);
  }

  /** Takes the administrator's token. Answers with the text of a login. */
  byToken(token: string, address: string): string | LoginRefusal {
    if (this.#isBarred(address)) return 'tooOften';
    if (!isSameSecret(token, this.#deps.adminToken)) return this.#countWrong(address);
    return this.#make('administrator');
  }

  /** Reads a login; undefined when it is none, or over. */
  read(text: string | undefined): Credential | undefined {
    if (text === undefined) return undefined;
    const login = readCredential('login', this.#deps.adminToken, text, this.#deps.clock.wallMs());
    return login === undefined || this.#ended.has(login.id) ? undefined : login;
  }

  /** The same login for another span of its whole time. */
  renew({ role }: Credential): string {
    return this.#make(role);
  }

  /** Ends a login. A restart of the server forgets that; the browser has thrown its cookie away by then. */
  end({ id, expiresMs }: Credential): void {
    this.#forget(this.#ended);
    if (this.#ended.size >= this.#deps.limits.logoutsMax) {
      const [oldest] = this.#ended.keys();
      this.#ended.delete(oldest!);
    }
    this.#ended.set(id, expiresMs);
  }

  #make(role: ConsoleRole): string {
    const { adminToken, clock, random, limits } = this.#deps;
    return makeLogin(adminToken, role, clock.wallMs() + limits.loginMs, random);
  }

  #isBarred(address: string): boolean {
    const tries = this.#wrong.get(addressKey(address));
    if (tries === undefined) return false;
    if (this.#deps.clock.nowMs() - tries.sinceMs >= MINUTE_MS) {
      this.#wrong.delete(addressKey(address));
      return false;
    }
    return tries.count >= this.#deps.limits.wrongPerMinuteMax;
  }

  #countWrong(address: string): 'wrong' {
    const key = addressKey(address);
    const tries = this.#wrong.get(key);
    if (tries !== undefined) tries.count++;
    else {
      if (this.#wrong.size >= this.#deps.limits.addressesMax) {
        const [oldest] = this.#wrong.keys();
        this.#wrong.delete(oldest!);
      }
      this.#wrong.set(key, { sinceMs: this.#deps.clock.nowMs(), count: 1 });
    }
    return 'wrong';
  }

  #forget(map: Map<string, number>): void {
    const nowMs = this.#deps.clock.wallMs();
    for (const [id, expiresMs] of map) if (expiresMs <= nowMs) map.delete(id);
  }
}
