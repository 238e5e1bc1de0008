import type { Clock } from '../../base/clock.js';
import { unlessAborted } from '../instance/scope.js';

/** A token of an OpenID Connect issuer, or what gets one: asked at first, and again before the last one ends. */
export type BearerSource = string | ((signal: AbortSignal) => Promise<string>);

/** A token is replaced so long before its end: a minute, by which clocks may be apart. */
const BEFORE_END_MS = 60_000;
/** Refusals within so long of a renewal are taken to be of the token before: calls that were under way come back one after another. */
const RENEWAL_MS = 5_000;

/** The issuer's token that goes with a client's calls, replaced before it ends where there is something that gets another. */
export class BearerToken {
  readonly #get: ((signal: AbortSignal) => Promise<string>) | undefined;
  readonly #clock: Pick<Clock, 'nowMs' | 'wallMs'>;
  readonly #life: AbortSignal;
  #token: string | undefined;
  /** When the server's refusal of the last one got it; far back where none did. */
  #renewedAtMs = Number.NEGATIVE_INFINITY;
  /** One for all calls that need another token at once. */
  #getting: Promise<string> | undefined;

  /** `life`: until when tokens are got. A call that waits for one may give up earlier, and others wait for the same one. */
  constructor(source: BearerSource, clock: Pick<Clock, 'nowMs' | 'wallMs'>, life: AbortSignal) {
    this.#clock = clock;
    this.#life = life;
    if (typeof source === 'string') this.#token = source;
    else this.#get = source;
  }

  /** The metadata of the next call. */
  async metadata(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const isEnding = (this.renewsInMs() ?? Number.POSITIVE_INFINITY) <= 0;
    if (isEnding || this.#token === undefined) this.#token = await this.#next(signal);
    return { authorization: `Bearer ${this.#token}` };
  }

  /** Gets another token, after the server refused the last. Resolves with whether a call is worth another try. */
  async renew(signal: AbortSignal): Promise<boolean> {
    if (this.#get === undefined) return false;
    if (this.#clock.nowMs() - this.#renewedAtMs < RENEWAL_MS) return true;
    const before = this.#token;
    this.#token = await this.#next(signal);
    this.#renewedAtMs = this.#clock.nowMs();
    return this.#token !== before;
  }

  /** In how long another token is needed; undefined: there is none, or the token does not say when it ends. */
  renewsInMs(): number | undefined {
    const endMs = this.#token === undefined || this.#get === undefined ? undefined : endOf(this.#token);
    return endMs === undefined ? undefined : endMs - BEFORE_END_MS - this.#clock.wallMs();
  }

  #next(signal: AbortSignal): Promise<string> {
    if (this.#get === undefined) return Promise.resolve(this.#token ?? '');
    this.#getting ??= this.#get(this.#life).finally(() => {
      this.#getting = undefined;
    });
    return unlessAborted(this.#getting, signal);
  }
}

/** When a token ends, in milliseconds since 1970, by its own word: whether it is good is for the server to say. */
function endOf(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return undefined;
    return typeof claims.exp === 'number' ? claims.exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
