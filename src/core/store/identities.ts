import type { Identity } from '../model/trust/identity.js';
import { Instances } from './instances.js';
import { Arena } from './packed/arena.js';
import type { HashKey } from './packed/halfsiphash.js';
import {
  isNamed,
  isOfIdentity,
  isOfTicket,
  packedIdentityBytes,
  readIdentity,
  writeIdentity,
} from './packed/packed-identity.js';

/**
 * The identities, by UUID, by name and by number. They outlive their sessions, so each lies packed in an arena as sessions do; the slot
 * is its number.
 */
export class Identities {
  /** The number that was given out last. */
  cursor = 0;
  readonly #arena = new Arena();
  readonly #byUuid: Instances;
  /** Of those that have a name. */
  readonly #byName: Instances;
  #count = 0;

  constructor(key: HashKey) {
    this.#byUuid = new Instances(key, (slot, uuid) => isOfIdentity(this.#arena.entry(slot), uuid));
    this.#byName = new Instances(key, (slot, name) => isNamed(this.#arena.entry(slot), name));
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The identity of a UUID in lower case. */
  get(uuid: string): Identity | undefined {
    const slot = this.#byUuid.get(uuid);
    return slot === -1 ? undefined : readIdentity(this.#arena.entry(slot));
  }

  /** The identity that has this name. */
  named(name: string): Identity | undefined {
    const slot = this.#byName.get(name);
    return slot === -1 ? undefined : readIdentity(this.#arena.entry(slot));
  }

  /** Those with numbers past this one, ascending. */
  *after(number: number): Iterable<Identity> {
    for (let slot = number + 1; slot <= this.cursor; slot++) {
      const entry = this.#arena.get(slot);
      if (entry !== undefined) yield readIdentity(entry);
    }
  }

  /** The UUIDs of those with numbers past one and up to another that have redeemed this ticket last, ascending. */
  *ofTicket(ticket: string, after: number, last: number): Iterable<string> {
    for (let slot = after + 1; slot <= Math.min(last, this.cursor); slot++) {
      const entry = this.#arena.get(slot);
      if (entry !== undefined && isOfTicket(entry, ticket)) yield readIdentity(entry).uuid;
    }
  }

  /** All of them as they are now, to be read again and again, whatever changes later. */
  copy(): Iterable<Identity> {
    const entries = this.#arena.copy();
    return {
      *[Symbol.iterator]() {
        for (const entry of entries) yield readIdentity(entry);
      },
    };
  }

  /** Adds an identity, or puts it in the place of what it was. */
  put(identity: Identity): void {
    const { number, uuid, name } = identity;
    const entry = this.#arena.get(number);
    const isNew = entry === undefined;
    const isRenamed = isNew ? name !== '' : !isNamed(entry, name);
    if (!isNew && isRenamed) this.#forgetName(readIdentity(entry));
    this.#arena.put(number, packedIdentityBytes(identity), (to) => writeIdentity(identity, to));
    if (isRenamed && name !== '') this.#byName.add(name, number);
    if (!isNew) return;
    this.#byUuid.add(uuid, number);
    this.#count++;
    this.cursor = Math.max(this.cursor, number);
  }

  /** Removes an identity. */
  delete({ number, uuid }: Identity): void {
    const entry = this.#arena.get(number);
    if (entry !== undefined) this.#forgetName(readIdentity(entry));
    this.#byUuid.delete(uuid);
    this.#arena.delete(number);
    this.#count--;
  }

  /** Its name stands for nobody any more. It still is in its slot. */
  #forgetName({ name }: Identity): void {
    if (name !== '') this.#byName.delete(name);
  }
}
