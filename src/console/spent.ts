import type { Clock } from '../base/clock.js';
import type { ConsoleUser } from './calls-port.js';

/** How many ids are remembered. */
export interface SpentLimits {
  /** Of administrators and viewers together, and as many of all identities together. */
  readonly max: number;
  /** Of one identity. */
  readonly perIdentityMax: number;
}

/** The owner of what was made of the administrator's token. */
const OF_TOKEN = '';

/** Says to whom a code, login or page is counted: an identity each, administrators and viewers together. */
export function ownerOf({ network, identity }: Pick<ConsoleUser, 'network' | 'identity'>): string {
  return identity === undefined ? OF_TOKEN : `${network}/${identity.uuid}`;
}

/** Remembers ids that are good no more, each until it would have expired, within bounds for each owner. */
export class SpentIds {
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #limits: SpentLimits;
  readonly #byOwner = new Map<string, Map<string, number>>();

  constructor(clock: Pick<Clock, 'wallMs'>, limits: SpentLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  has(owner: string, id: string): boolean {
    return this.#byOwner.get(owner)?.has(id) === true;
  }

  /** Remembers one more; false when there is no room for it. */
  add(owner: string, id: string, untilMs: number): boolean {
    this.#forgetExpired();
    if (this.#fullestFor(owner) !== undefined) return false;
    this.#put(owner, id, untilMs);
    return true;
  }

  /** Remembers one more, in the place of the oldest of whoever has most where there is no room for it. */
  addInPlace(owner: string, id: string, untilMs: number): void {
    this.#forgetExpired();
    const fullest = this.#fullestFor(owner);
    if (fullest !== undefined) {
      const ids = this.#byOwner.get(fullest);
      const [oldest] = ids?.keys() ?? [];
      ids?.delete(oldest);
    }
    this.#put(owner, id, untilMs);
  }

  #put(owner: string, id: string, untilMs: number): void {
    const ids = this.#byOwner.get(owner) ?? new Map<string, number>();
    this.#byOwner.set(owner, ids.set(id, untilMs));
  }

  /** Whose oldest has to go before this owner has room for one more; undefined: there is room. */
  #fullestFor(owner: string): string | undefined {
    const { max, perIdentityMax } = this.#limits;
    const own = this.#byOwner.get(owner)?.size ?? 0;
    if (own >= (owner === OF_TOKEN ? max : perIdentityMax)) return owner;
    if (owner === OF_TOKEN) return undefined;
    const others = [...this.#byOwner].filter(([one]) => one !== OF_TOKEN);
    if (others.reduce((sum, [, { size }]) => sum + size, 0) < max) return undefined;
    const [fullest, { size }] = others.reduce((most, one) => (one[1].size > most[1].size ? one : most));
    // With as many as the fullest it gives way itself: else two identities could make the ended login of another good.
    return own === size ? owner : fullest;
  }

  #forgetExpired(): void {
    const nowMs = this.#clock.wallMs();
    for (const [owner, ids] of this.#byOwner) {
      for (const [id, untilMs] of ids) if (untilMs <= nowMs) ids.delete(id);
      if (ids.size === 0) this.#byOwner.delete(owner);
    }
  }
}
