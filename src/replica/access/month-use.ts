import type { Clock, Timer } from '../../base/clock.js';
import type { HashKey } from '../../core/store/packed/halfsiphash.js';
import { NetworkMonth } from './network-month.js';

/** How long what was counted last may be missing after a crash. */
const SAVE_MS = 10_000;
/** Networks whose use is stored at once: each waits for the disk most of the time. */
const SAVED_AT_ONCE = 16;
const UNREADABLE_WORDS =
  'what was used of the quotas of this month cannot be read: counting begins anew. Before it is stored the file is renamed, to end in ' +
  '.unreadable: mend it and put it back while the server is stopped, or delete it';
const REMOVED_WORDS = 'what was used of the quotas of a month in a network that is gone was removed';
const UNREMOVED_WORDS = 'what was used of the quotas of this month cannot be removed with its network';
const UNLISTED_WORDS = 'what was used of the quotas of a month in networks that are gone cannot be looked for';
const UNWRITTEN_WORDS = 'what was used of the quotas of this month cannot be stored; it is tried again';

/** Where the use of a month outlives the process, a text for each network. */
export interface MonthUseStore {
  /** Undefined: nothing is stored. */
  read(network: number): string | undefined;
  /** Puts these parts in the place of what is stored, without holding up the event loop. */
  write(network: number, parts: Iterable<string>): Promise<void>;
  /** Keeps what is stored, and cannot be read, under another name, in the place of what was kept there. */
  setAside(network: number): Promise<void>;
  /** Removes what is stored. */
  remove(network: number): Promise<void>;
  /** Removes what was set aside. */
  removeAside(network: number): Promise<void>;
  /** The networks of which something is stored. */
  networks(): readonly number[];
}

/** What counts the use of a month. */
export interface MonthUseDeps {
  readonly clock: Pick<Clock, 'wallMs' | 'after'>;
  /** Undefined: the use is forgotten with the process. */
  readonly store: MonthUseStore | undefined;
  /** Draws a secret: identities choose their own UUIDs. */
  readonly drawKey: () => HashKey;
  readonly warn: (message: string, details: { readonly network?: number; readonly err?: unknown }) => void;
  readonly info: (message: string, details: { readonly network: number }) => void;
}

/**
 * What identities use in a calendar month, for the quotas of all networks of a server, and keeps it over restarts: it is stored 10 s after
 * it has changed, and at the end.
 */
export class MonthUse {
  readonly #deps: MonthUseDeps;
  readonly #networks = new Map<number, NetworkMonth>();
  #timer: Timer | undefined;
  /** What is being stored, or removed. */
  #storing: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** Networks that could not be stored, which was said. */
  readonly #unwritten = new Set<number>();
  /** Networks of which something is stored that cannot be read. */
  readonly #unreadable = new Set<number>();

  constructor(deps: MonthUseDeps) {
    this.#deps = deps;
  }

  /** The use of the identities of one network, by its number. */
  of(network: number): NetworkMonth {
    const known = this.#networks.get(network);
    if (known !== undefined) return known;
    const { clock, store, drawKey, warn } = this.#deps;
    const changed = () => this.#schedule();
    const month = new NetworkMonth({ clock, changed, drawKey, warn: (message) => warn(message, { network }) });
    try {
      month.restore(store?.read(network));
    } catch (err) {
      this.#unreadable.add(network);
      warn(UNREADABLE_WORDS, { network, err });
    }
    this.#networks.set(network, month);
    return month;
  }

  /** A network was dropped. */
  async forget(network: number): Promise<void> {
    this.#networks.delete(network);
    this.#unreadable.delete(network);
    await this.#then(async () => {
      await this.#remove(network);
      await this.#removeAside(network);
    });
  }

  /**
   * Removes what is stored of other networks than these: a process that ended before it had done that has dropped them. What was set aside
   * stays: it was to be mended, and the list of networks may be that of another folder.
   */
  async keepOnly(networks: ReadonlySet<number>): Promise<void> {
    const { store, warn, info } = this.#deps;
    await this.#then(async () => {
      try {
        const gone = (store?.networks() ?? []).filter((network) => !networks.has(network));
        for (const network of gone) if (await this.#remove(network)) info(REMOVED_WORDS, { network });
      } catch (err) {
        warn(UNLISTED_WORDS, { err });
      }
    });
  }

  /** Stores what is not stored yet. Counting goes on, and is not stored any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#then(() => this.#save());
  }

  #schedule(): void {
    if (this.#isClosed || this.#deps.store === undefined) return;
    this.#timer ??= this.#deps.clock.after(SAVE_MS, () => void this.#then(() => this.#save()));
  }

  /** One thing is stored after the other. */
  #then(work: () => Promise<void>): Promise<void> {
    this.#storing = this.#storing.then(work);
    return this.#storing;
  }

  /** False: it could not be removed, which is said. */
  async #remove(network: number): Promise<boolean> {
    const { store, warn } = this.#deps;
    try {
      await store?.remove(network);
      return true;
    } catch (err) {
      warn(UNREMOVED_WORDS, { network, err });
      return false;
    }
  }

  async #removeAside(network: number): Promise<void> {
    const { store, warn } = this.#deps;
    await store?.removeAside(network).catch((err) => warn(UNREMOVED_WORDS, { network, err }));
  }

  async #save(): Promise<void> {
    const left = [...this.#networks];
    const saveNext = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) await this.#saveOne(...next);
    };
    await Promise.all(Array.from({ length: SAVED_AT_ONCE }, saveNext));
    this.#timer = undefined;
    // What has changed meanwhile, and what could not be stored.
    if ([...this.#networks.values()].some(({ isChanged }) => isChanged)) this.#schedule();
  }

  async #saveOne(network: number, month: NetworkMonth): Promise<void> {
    const { store, warn } = this.#deps;
    if (store === undefined || !month.isChanged) return;
    month.isChanged = false;
    try {
      if (this.#unreadable.has(network)) await store.setAside(network);
      this.#unreadable.delete(network);
      await store.write(network, month.parts());
      this.#unwritten.delete(network);
    } catch (err) {
      month.isChanged = true;
      if (!this.#unwritten.has(network)) warn(UNWRITTEN_WORDS, { network, err });
      this.#unwritten.add(network);
    }
  }
}
