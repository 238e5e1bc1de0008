/** The access token of a client's calls, renewed when the server takes it no more. */
export class AccessCredentials {
  readonly #renew: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
  #token: string | undefined;
  /** One renewal for all calls that are refused at once. */
  #renewing: Promise<boolean> | undefined;

  constructor(token: string | undefined, renew: ((signal: AbortSignal) => Promise<string | undefined>) | undefined) {
    this.#token = token;
    this.#renew = renew;
  }

  /** The metadata of the next call. */
  metadata(): Readonly<Record<string, string>> {
    return this.#token === undefined ? {} : { 'switchyard-access': this.#token };
  }

  /** Gets another token. Resolves with whether a call that was refused is worth another try. */
  renew(signal: AbortSignal): Promise<boolean> {
    this.#renewing ??= this.#fetch(signal).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #fetch(signal: AbortSignal): Promise<boolean> {
    const next = await this.#renew?.(signal);
    if (next === undefined) return false;
    this.#token = next;
    return true;
  }
}
