import { unlessAborted } from '../instance/scope.js';

/** What an access token goes with a call as. */
const ACCESS = 'switchyard-access';

/** Gets another access token; undefined: there is none. */
type RenewAccess = ((signal: AbortSignal) => Promise<string | undefined>) | undefined;

/** The access token of a client's calls, renewed when the server takes it no more. */
export class AccessCredentials {
  readonly #renew: RenewAccess;
  readonly #life: AbortSignal;
  #token: string | undefined;
  /** One renewal for all calls that are refused. */
  #renewing: Promise<boolean> | undefined;

  /** `life`: until when tokens are renewed. A call that waits for one may give up earlier, and others wait for the same one. */
  constructor(token: string | undefined, renew: RenewAccess, life: AbortSignal) {
    this.#token = token;
    this.#renew = renew;
    this.#life = life;
  }

  /** The metadata of the next call. */
  metadata(): Readonly<Record<string, string>> {
    return this.#token === undefined ? {} : { [ACCESS]: this.#token };
  }

  /**
   * Gets another token than the one in the metadata of a call that was refused, unless another such call has got it meanwhile: answers
   * come one after the other. Resolves with whether the call is worth another try.
   */
  async renew(refused: Readonly<Record<string, string>>, signal: AbortSignal): Promise<boolean> {
    if (refused[ACCESS] !== this.#token) return true;
    this.#renewing ??= this.#fetch().finally(() => {
      this.#renewing = undefined;
    });
    return unlessAborted(this.#renewing, signal);
  }

  async #fetch(): Promise<boolean> {
    const next = await this.#renew?.(this.#life);
    if (next === undefined) return false;
    this.#token = next;
    return true;
  }
}
