import { rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../../base/private-files.js';
import type { DroppedNetwork, Journal, NetworkJournals, NewNetwork, StoredNetwork } from '../journal.js';
import { REMOVE_KEYS_MAX } from '../limits.js';
import { journalError } from './failure.js';
import { endFounding } from './founding.js';
import { copySection, removeKeys } from './move-keys.js';
import type { Section } from './section.js';
import type { Store } from './store.js';

/** Where what dropped networks held is written to, in the data folder. */
const DROPPED = 'dropped';

/** What the journals of networks stand on. */
export interface LmdbNetworksDeps {
  readonly store: Store;
  openJournal(section: Section): Promise<Journal>;
  /** Makes a data folder. */
  makeStore(path: string): Promise<Store>;
}

/** The journals of further networks in one data folder. */
export class LmdbNetworks implements NetworkJournals {
  readonly #deps: LmdbNetworksDeps;

  constructor(deps: LmdbNetworksDeps) {
    this.#deps = deps;
  }

  list(): readonly StoredNetwork[] {
    return this.#folder.networks().filter(({ dropped }) => !dropped);
  }

  async create(network: NewNetwork): Promise<StoredNetwork> {
    const folder = this.#folder;
    // Not in a transaction, which the new database would be a part of.
    folder.openNetworkData();
    let number = 0;
    await this.#deps.store.commit(0, () => {
      number = folder.lastNetwork() + 1;
      folder.putNetwork(number, { ...network, dropped: false });
    });
    return { number, ...network };
  }

  open(number: number): Promise<Journal> {
    return this.#deps.openJournal(this.#folder.section(number));
  }

  async drop(number: number): Promise<DroppedNetwork> {
    const network = this.#find(number);
    const exportedTo = await this.#export(network);
    await this.#takeAway(network);
    return { exportedTo };
  }

  discard(number: number): Promise<void> {
    return this.#takeAway(this.#find(number));
  }

  /** Removes what is left of networks that were dropped before a crash. */
  async removeDropped(): Promise<void> {
    for (const { number, dropped } of this.#folder.networks()) if (dropped) await this.#remove(number);
  }

  get #folder() {
    return this.#deps.store.folder;
  }

  #find(number: number): StoredNetwork {
    const network = this.list().find((one) => one.number === number);
    if (network === undefined) throw new Error(`there is no network ${number} to drop`);
    return network;
  }

  async #takeAway(network: StoredNetwork): Promise<void> {
    const { number } = network;
    await this.#deps.store.commit(0, () => this.#folder.putNetwork(number, { ...network, dropped: true }));
    // It does not count any more. What cannot be removed now goes with the next start, and why is told to whoever writes next.
    await this.#remove(number).catch(() => {});
  }

  async #remove(number: number): Promise<void> {
    const { store } = this.#deps;
    const database = this.#folder.openNetworkData();
    const next = () => this.#folder.networkKeys(number, REMOVE_KEYS_MAX);
    await removeKeys((write) => store.commit(0, write), database, next);
    await store.commit(0, () => this.#folder.removeNetwork(number));
  }

  /** Writes what a network holds as the journal of a data folder of its own, whole or not at all. */
  async #export({ number, name }: StoredNetwork): Promise<string> {
    const to = join(this.#folder.path, DROPPED, `${name}-${number}`);
    const unfinished = `${to}.unfinished`;
    try {
      rmSync(unfinished, { recursive: true, force: true });
      const copy = await this.#deps.makeStore(unfinished);
      await copySection(this.#folder.section(number), copy).finally(() => copy.close());
      endFounding(unfinished);
      syncFolder(unfinished);
      rmSync(to, { recursive: true, force: true });
      await rename(unfinished, to);
      syncFolder(dirname(to));
      return to;
    } catch (thrown) {
      throw journalError(thrown, `cannot write what the network ${name} held to ${to}`);
    }
  }
}
