import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import type { Limits } from '../../src/core/model/limits.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import type { StoredRecord } from '../../src/journal/journal.js';
import type { NetworkListing } from './network.js';
import { unpackRecords } from './records-file.js';

/** What is known about a journal. */
export interface JournalManifest {
  /** The version in the package of the code that wrote it. */
  readonly version: string;
  /** The commit of that code. */
  readonly commit: string;
  readonly seed: number;
  readonly commands: number;
  /** By kind of command. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Commands that are stored and refused when they are applied, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** SHA-256 of the state after every 1,000 commands and after the last, by revision. */
  readonly digests: Readonly<Record<string, string>>;
  /** The snapshots in the folder that has some; records up to the first of them are gone there. */
  readonly snapshots: readonly number[];
}

/** What is known about a release's journal. */
export interface Manifest extends JournalManifest {
  readonly acts: number;
  /** A session that lives at the end, with its secret. */
  readonly session: { readonly sid: number; readonly uuid: string; readonly token: string };
}

/** The data folders of a release: with every record and no snapshot, and with snapshots and the records since the first. */
export type DataFolder = 'records' | 'snapshots';

/** What a release left, or a format, to be measured by: test/releases/README.md says what each file is. */
export class Release<Known extends JournalManifest = Manifest> {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The path of one of its files. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  manifest(): Promise<Known> {
    return this.#json('manifest.json');
  }

  network(): Promise<NetworkListing> {
    return this.#json('network.json');
  }

  /** The bounds that its journal was written under, and today's for what that release did not bound. */
  async limits(): Promise<Limits> {
    return { ...DEFAULT_LIMITS, ...(await this.#json<Partial<Limits>>('limits.json')) };
  }

  async records(): Promise<StoredRecord[]> {
    return unpackRecords(await readFile(this.path('records.bin.br')));
  }

  /** The text of the state after the last record. */
  async state(): Promise<string> {
    return brotliDecompressSync(await readFile(this.path('state.txt.br'))).toString();
  }

  /** Copies a data folder into an empty one. */
  async unpackData(name: DataFolder, folder: string): Promise<void> {
    await writeFile(join(folder, 'data.mdb'), brotliDecompressSync(await readFile(this.path(`data-${name}.mdb.br`))));
  }

  async #json<Value>(name: string): Promise<Value> {
    return JSON.parse(await readFile(this.path(name), 'utf8'));
  }
}
