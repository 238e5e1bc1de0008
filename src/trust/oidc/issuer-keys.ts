import type { JSONWebKeySet } from 'jose';
import type { Clock } from '../../base/clock.js';
import { Fault } from '../../core/model/fault.js';
import type { IssuerLimits } from './limits.js';

/** Fetches a JSON document over HTTPS. Rejects for one that is longer, for any answer but 200, and for redirects. */
export type FetchJson = (
  url: string,
  options: { readonly bytesMax: number; readonly signal: AbortSignal },
) => Promise<unknown>;

/** What {@link IssuerKeys} stands on. */
export interface IssuerKeysDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  readonly fetch: FetchJson;
  readonly limits: IssuerLimits;
  /** Told why keys could not be fetched: once for each time that they were asked for. */
  readonly warn: (message: string, error: unknown) => void;
}

interface Kept {
  keys: JSONWebKeySet | undefined;
  fetchedAtMs: number;
  triedAtMs: number;
  pending: Promise<void> | undefined;
}

/** More than a policy has: those of former policies go, the ones asked for longest ago first. */
const ISSUERS_MAX = 16;

/**
 * The public keys of issuers: found by OpenID Connect Discovery, fetched when they are needed, and kept. While an issuer is away its last
 * good keys are used for a while, and then none of its tokens is taken. How often an issuer is asked does not depend on what
 * callers send.
 */
export class IssuerKeys {
  readonly #deps: IssuerKeysDeps;
  readonly #kept = new Map<string, Kept>();

  constructor(deps: IssuerKeysDeps) {
    this.#deps = deps;
  }

  /** The keys of an issuer, or why there are none now. */
  async get(issuer: string): Promise<JSONWebKeySet | Fault> {
    const kept = this.#keptOf(issuer);
    const { freshMs } = this.#deps.limits;
    if (this.#ageMs(kept) >= freshMs) {
      const fetched = this.#fetchIfDue(issuer, kept);
      // Keys that are good still are used at once.
      if (!this.#isGood(kept)) await fetched;
    }
    return this.#isGood(kept) ? kept.keys! : this.#unavailable(issuer, kept);
  }

  /** Other keys of the issuer than these, for a token whose key is not among them; undefined when there are no others. */
  async getOther(issuer: string, than: JSONWebKeySet): Promise<JSONWebKeySet | Fault | undefined> {
    const kept = this.#keptOf(issuer);
    if (kept.keys !== than) return this.get(issuer);
    await this.#fetchIfDue(issuer, kept);
    if (kept.keys !== than) return kept.keys;
    // The last attempt has failed: nobody knows what keys there are.
    return kept.triedAtMs > kept.fetchedAtMs ? this.#unavailable(issuer, kept) : undefined;
  }

  /** After how long an issuer may be asked again. */
  retryMs(issuer: string): number {
    const { clock, limits } = this.#deps;
    return Math.max(0, Math.ceil(this.#keptOf(issuer).triedAtMs + limits.retryMs - clock.nowMs()));
  }

  #keptOf(issuer: string): Kept {
    const kept = this.#kept.get(issuer) ?? {
      keys: undefined,
      fetchedAtMs: Number.NEGATIVE_INFINITY,
      triedAtMs: Number.NEGATIVE_INFINITY,
      pending: undefined,
    };
    this.#kept.delete(issuer);
    this.#kept.set(issuer, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= ISSUERS_MAX) break;
      this.#kept.delete(oldest);
    }
    return kept;
  }

  #ageMs({ keys, fetchedAtMs }: Kept): number {
    return keys === undefined ? Number.POSITIVE_INFINITY : this.#deps.clock.nowMs() - fetchedAtMs;
  }

  #isGood(kept: Kept): boolean {
    return this.#ageMs(kept) < this.#deps.limits.keptMs;
  }

  #unavailable(issuer: string, kept: Kept): Fault {
    const { keptMs } = this.#deps.limits;
    const had = kept.keys === undefined ? '' : `; the last ones are older than ${keptMs / 60_000} minutes`;
    const message = `the keys of ${issuer} cannot be fetched${had}`;
    return new Fault('ISSUER_UNAVAILABLE', message, [], Math.max(1_000, this.retryMs(issuer)));
  }

  /** Resolves when the fetch that runs has ended, or one that is begun now. Never rejects. */
  #fetchIfDue(issuer: string, kept: Kept): Promise<void> {
    const { clock, limits } = this.#deps;
    if (kept.pending !== undefined) return kept.pending;
    if (clock.nowMs() - kept.triedAtMs < limits.retryMs) return Promise.resolve();
    kept.triedAtMs = clock.nowMs();
    kept.pending = this.#fetch(issuer, kept).finally(() => {
      kept.pending = undefined;
    });
    return kept.pending;
  }

  async #fetch(issuer: string, kept: Kept): Promise<void> {
    const { clock, fetch, limits, warn } = this.#deps;
    const abort = new AbortController();
    const timer = clock.after(limits.fetchMsMax, () => abort.abort(new Error(`no answer in ${limits.fetchMsMax} ms`)));
    const options = { bytesMax: limits.documentBytesMax, signal: abort.signal };
    try {
      const keysUrl = readDiscovery(issuer, await fetch(discoveryUrl(issuer), options));
      kept.keys = readKeys(await fetch(keysUrl, options), limits.keysMax);
      kept.fetchedAtMs = clock.nowMs();
      kept.triedAtMs = kept.fetchedAtMs;
    } catch (error) {
      kept.triedAtMs = clock.nowMs();
      warn(`the keys of the issuer ${issuer} could not be fetched`, error);
    } finally {
      timer.cancel();
    }
  }
}

function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}

function readDiscovery(issuer: string, document: unknown): string {
  const { issuer: said, jwks_uri: keysUrl } = Object(document) as { readonly issuer?: unknown; jwks_uri?: unknown };
  if (said !== issuer) throw new Error(`its discovery document is of ${JSON.stringify(said)}`);
  if (typeof keysUrl !== 'string' || !keysUrl.startsWith('https://')) {
    throw new Error(`its jwks_uri is no https URL: ${JSON.stringify(keysUrl)}`);
  }
  return keysUrl;
}

function readKeys(document: unknown, keysMax: number): JSONWebKeySet {
  const { keys } = Object(document) as { readonly keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('its keys are no JSON Web Key Set');
  if (keys.length > keysMax) throw new Error(`it has ${keys.length} keys; ${keysMax} are the limit`);
  return { keys: keys.filter((key) => typeof key === 'object' && key !== null) };
}
