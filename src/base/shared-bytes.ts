import type { Holdings } from './holdings.js';

/** Messages that are recognised: readers are woken together, and those that fall behind do so in a few groups. */
const KEPT = 8;

/** Bytes that one holder or several have on their way. */
export interface Charge {
  /** They are gone from that holder's way. Called once. */
  drop(): void;
}

/**
 * Counts the bytes of messages that many holders are sent, each message once however many share its memory.
 *
 * One of those that have a message on their way pays for it. When it has gone from there, the next one does. A message is
 * known by where it lies in memory, and only among the newest: one that comes again later counts again.
 */
export class SharedBytes<H extends object> {
  readonly #kept: SharedMessage<H>[] = [];
  #next = 0;

  constructor(private readonly holdings: Holdings<H>) {}

  /** A holder has a message on its way. The bytes of the message will never change. */
  take(holder: H, message: Uint8Array): Charge {
    const shared = this.#find(message) ?? this.#keep(message);
    shared.add(holder);
    return { drop: () => shared.drop(holder) };
  }

  #find(message: Uint8Array): SharedMessage<H> | undefined {
    for (const shared of this.#kept) if (shared.is(message)) return shared;
    return undefined;
  }

  #keep(message: Uint8Array): SharedMessage<H> {
    const shared = new SharedMessage(this.holdings, message);
    this.#kept[this.#next++ % KEPT] = shared;
    return shared;
  }
}

/** One message, and who has it on its way: how often each, the one that pays first. */
class SharedMessage<H extends object> {
  readonly #holders = new Map<H, number>();

  constructor(
    private readonly holdings: Holdings<H>,
    private readonly message: Uint8Array,
  ) {}

  is({ buffer, byteOffset, length }: Uint8Array): boolean {
    const { message } = this;
    return message.buffer === buffer && message.byteOffset === byteOffset && message.length === length;
  }

  add(holder: H): void {
    const times = this.#holders.get(holder) ?? 0;
    this.#holders.set(holder, times + 1);
    if (this.#holders.size === 1 && times === 0) this.holdings.add(holder, this.message.length);
  }

  drop(holder: H): void {
    const times = this.#holders.get(holder)!;
    if (times > 1) {
      this.#holders.set(holder, times - 1);
      return;
    }
    const [payer] = this.#holders.keys();
    this.#holders.delete(holder);
    if (payer !== holder) return;
    this.holdings.add(holder, -this.message.length);
    const [next] = this.#holders.keys();
    if (next !== undefined) this.holdings.add(next, this.message.length);
  }
}
