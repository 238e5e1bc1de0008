import { SlotIndex } from '../core/store/packed/slots.js';
import type { StateView } from '../core/store/state-view.js';
import { type Holders, NONE } from './holders.js';

/** Room for a session that is being opened. */
export interface SharePlace {
  readonly holder: number;
  readonly uuid: string;
  /** By which the session will be recognised. */
  readonly tokenHash: string;
}

/**
 * Which holder has which session, and the room of those that are being opened.
 *
 * A holder uses as much as it has instances, with a session or on the way to one: an instance has one session at a time,
 * so one that comes again, or asks twice at once, needs no more room than it has. What is used is right in the very moment in
 * which a session begins or ends. A session costs 4 B here.
 */
export class SessionShares {
  readonly #holderOf = new SlotIndex();
  readonly #places = new Map<string, SharePlace>();
  /** How many places each instance has in each level of their holders. */
  readonly #coming = new Map<string, Map<number, number>>();

  constructor(
    private readonly state: StateView,
    private readonly holders: Holders,
  ) {}

  /** The holder of a session; NONE for one that is not known to be anybody's. */
  holderOf(sid: number): number {
    return this.#holderOf.get(sid);
  }

  /** The levels of a holder in which a new session of an instance needs room that the instance does not have yet. */
  needs(holder: number, uuid: string): readonly number[] {
    return this.holders.levels(holder).filter((level) => !this.#has(uuid, level));
  }

  /** Keeps room for a session. */
  reserve(place: SharePlace): void {
    const { holder, uuid, tokenHash } = place;
    this.holders.pin(holder);
    for (const level of this.needs(holder, uuid)) this.holders.add(level, 1);
    this.#places.set(tokenHash, place);
    const coming = this.#coming.get(uuid) ?? new Map<number, number>();
    this.#coming.set(uuid, coming);
    for (const level of this.holders.levels(holder)) coming.set(level, (coming.get(level) ?? 0) + 1);
  }

  /** Gives back the room of a place, unless its session has taken it. */
  giveBack(place: SharePlace): void {
    if (!this.#places.delete(place.tokenHash)) return;
    const { holder, uuid } = place;
    const coming = this.#coming.get(uuid)!;
    for (const level of this.holders.levels(holder)) {
      const left = coming.get(level)! - 1;
      if (left > 0) coming.set(level, left);
      else coming.delete(level);
      if (!this.#has(uuid, level)) this.holders.add(level, -1);
    }
    if (coming.size === 0) this.#coming.delete(uuid);
    this.holders.unpin(holder);
  }

  /** A session was opened: it takes the room that was kept for it. */
  opened(sid: number, tokenHash: string): void {
    const place = this.#places.get(tokenHash);
    if (place === undefined) return;
    this.#holderOf.set(sid, place.holder);
    this.giveBack(place);
  }

  /** A session has ended. */
  closed(sid: number, uuid: string): void {
    const holder = this.holderOf(sid);
    if (holder === NONE) return;
    this.#holderOf.delete(sid);
    this.#drop(holder, uuid);
  }

  /** A live session is another holder's from now on. */
  move(sid: number, to: number): void {
    const { uuid } = this.state.sessions.living(sid);
    const from = this.holderOf(sid);
    for (const level of this.needs(to, uuid)) this.holders.add(level, 1);
    if (from !== NONE) this.#holderOf.delete(sid);
    this.#holderOf.set(sid, to);
    if (from !== NONE) this.#drop(from, uuid);
  }

  /** A holder has a session of an instance no more. */
  #drop(holder: number, uuid: string): void {
    for (const level of this.holders.levels(holder)) if (!this.#has(uuid, level)) this.holders.add(level, -1);
    this.holders.tidy(holder);
  }

  /** Whether an instance has a session, or is on the way to one, in a level. */
  #has(uuid: string, level: number): boolean {
    if (this.#coming.get(uuid)?.has(level)) return true;
    const sid = this.state.sessions.sidOfInstance(uuid);
    const holder = sid === undefined ? NONE : this.holderOf(sid);
    return holder !== NONE && this.holders.levels(holder).includes(level);
  }
}
