import { addressKey } from '../base/address.js';
import { AttendedTime } from '../base/attended-time.js';
import type { Clock, Timer } from '../base/clock.js';
import type { AddressSet } from './address-set.js';
import type { AdmissionLimits, PlaceLimits } from './limits.js';
import { type GateCause, Place, type PlaceOwner } from './place.js';

/** What a gate stands on. */
export interface GateDeps {
  readonly clock: Clock;
  readonly limits: PlaceLimits & Pick<AdmissionLimits, 'handshakeMs' | 'sweepMs'>;
  /** Addresses that have no bound of their own. */
  readonly exempt: AddressSet;
  /** Told of each connection that is refused or closed here. */
  readonly refused: (cause: GateCause, address: string) => void;
}

/**
 * The places of one door: who may take one, and who loses it to another.
 *
 * - Of one address only so many connections are let in, exempt addresses excepted.
 * - Where all places are taken, the connection goes that has had no call for longest and has not shown a credential, except
 *   one whose client waits for the server. So whoever only connects, in whatever numbers, takes the place of others like it, and never that of a client that works.
 * - The last places are kept for connections that show a credential: who comes while the others are taken may stand there
 *   until `handshakeMs` have passed, and is closed when it has not shown one by then, or earlier, the oldest first, when
 *   there is no other place for a newcomer. So connections without a credential can neither fill the door nor keep it full,
 *   however hard they work and however often they come again.
 */
export class ConnectionGate implements PlaceOwner {
  readonly #deps: GateDeps;
  readonly #places = new Set<Place>();
  readonly #byAddress = new Map<string, number>();
  /** Those that may have to go for another, the longest silent first. */
  readonly #silent = new Set<Place>();
  /** Those whose handshake or credential is awaited, the oldest first. */
  readonly #awaited = new Set<Place>();
  readonly #time: AttendedTime;
  #timer: Timer | undefined;

  constructor(deps: GateDeps) {
    this.#deps = deps;
    this.#time = new AttendedTime(deps.clock, 2 * deps.limits.sweepMs);
  }

  /** How many places are taken. */
  get count(): number {
    return this.#places.size;
  }

  /** How many of them are one address's. */
  countOf(address: string): number {
    return this.#ofKey(addressKey(address));
  }

  /**
   * Takes a place for a connection of this address. Undefined: it is refused, and was told of. `close` ends the connection;
   * it is called when the gate takes the place back, which has no place any more by then.
   */
  enter(address: string, close: (cause: GateCause) => void): Place | undefined {
    const { limits, exempt } = this.#deps;
    const key = exempt.has(address) ? undefined : addressKey(address);
    // First, so that an address beyond its bound moves nobody else out.
    if (key !== undefined && this.#ofKey(key) >= limits.connectionsPerAddressMax)
      return this.#refuse('address', address);
    if (this.#places.size >= limits.connectionsMax && !this.#makeRoom()) return this.#refuse('full', address);
    const isKept = this.#places.size >= limits.connectionsMax - limits.connectionsKept;
    if (this.#timer === undefined) this.#schedule();
    const place = new Place(this, { address, key, enteredMs: this.#time.nowMs(), isKept, close });
    this.#places.add(place);
    this.#silent.add(place);
    this.#awaited.add(place);
    if (key !== undefined) this.#byAddress.set(key, this.#ofKey(key) + 1);
    return place;
  }

  /** Closes whoever has not finished its handshake. Those that have are their door's to close. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const place of this.#awaited) {
      this.leave(place);
      if (!place.isEstablished) place.close('handshake');
    }
  }

  /** For a place: what is known of its connection has changed. */
  changed(place: Place): void {
    if (!this.#places.has(place)) return;
    if (place.isBusy || place.isVouched) this.#silent.delete(place);
    else this.#silent.add(place);
    if (place.isEstablished && (place.isVouched || !place.isKept)) this.#awaited.delete(place);
  }

  /** For a place: its connection is over. */
  leave(place: Place): void {
    if (!this.#places.delete(place)) return;
    this.#silent.delete(place);
    this.#awaited.delete(place);
    if (place.key === undefined) return;
    const left = this.#ofKey(place.key) - 1;
    if (left === 0) this.#byAddress.delete(place.key);
    else this.#byAddress.set(place.key, left);
  }

  #ofKey(key: string): number {
    return this.#byAddress.get(key) ?? 0;
  }

  #makeRoom(): boolean {
    for (const place of this.#silent) {
      if (place.isHeld()) continue;
      this.#takeBack(place, 'silent');
      return true;
    }
    for (const place of this.#awaited) {
      if (!place.isKept || place.isVouched) continue;
      this.#takeBack(place, 'unproven');
      return true;
    }
    return false;
  }

  #takeBack(place: Place, cause: GateCause): void {
    this.leave(place);
    this.#deps.refused(cause, place.address);
    place.close(cause);
  }

  #refuse(cause: GateCause, address: string): undefined {
    this.#deps.refused(cause, address);
    return undefined;
  }

  /**
   * There is one timer while anything is awaited. A look comes after what the kernel has got was read: when the process was
   * stopped, the timer goes off first.
   */
  #schedule(): void {
    const { clock, limits } = this.#deps;
    this.#time.look();
    this.#timer = clock.after(limits.sweepMs, () => clock.soon(() => this.#sweep()));
  }

  /** Looks at those whose time is over. The time of one whose client waits for the server begins again. */
  #sweep(): void {
    if (this.#timer === undefined) return;
    const nowMs = this.#time.look();
    const dueMs = nowMs - this.#deps.limits.handshakeMs;
    for (const place of this.#awaited) {
      if (place.enteredMs > dueMs) break;
      if (place.awaitedMs > dueMs) continue;
      if (this.#mayStay(place)) this.#awaited.delete(place);
      else if (place.isHeld()) place.awaitedMs = nowMs;
      else this.#takeBack(place, place.isEstablished ? 'unproven' : 'handshake');
    }
    this.#timer = undefined;
    if (this.#awaited.size > 0) this.#schedule();
  }

  /** Whether it may stay without a credential: when others have left meanwhile, it stands in a place for everybody. */
  #mayStay({ isEstablished, isVouched }: Place): boolean {
    const { connectionsMax, connectionsKept } = this.#deps.limits;
    return isEstablished && (isVouched || this.#places.size <= connectionsMax - connectionsKept);
  }
}
