import { JournalError } from '../journal.js';
import { SPACE_KEPT_BYTES } from '../limits.js';
import { commitError, journalError } from './failure.js';
import type { Folder } from './folder.js';
import type { Hold } from './lock.js';

/** What a store is made of. */
export interface StoreDeps {
  readonly folder: Folder;
  readonly lock: Hold;
  /** Bytes that the disk of a path has left. */
  readonly freeBytes: (path: string) => number;
}

/** A part of a transaction, and who waits for it. */
interface Waiting {
  readonly bytes: number;
  readonly write: () => void;
  readonly undone: () => void;
  readonly resolve: () => void;
  readonly reject: (error: JournalError) => void;
}

/**
 * An open data folder, as far as writing goes: what the journals of all its networks write goes through here, one transaction after the
 * other. What comes while one is being synced is the next one, together: so a sync serves all networks that write at the same time.
 */
export class Store {
  readonly folder: Folder;
  readonly #deps: StoreDeps;
  /** Whether what each journal has read is still what stands there. */
  readonly #checks = new Set<() => boolean>();
  #waiting: Waiting[] = [];
  #isCommitting = false;
  #broken: JournalError | undefined;
  /** Its number among those who have written here; undefined until it writes. */
  #writer: number | undefined;
  #closed: Promise<void> | undefined;
  #commits = 0;

  constructor(deps: StoreDeps) {
    this.#deps = deps;
    this.folder = deps.folder;
  }

  /** Transactions so far, each of which was synced once. */
  get commits(): number {
    return this.#commits;
  }

  /** Why nothing can be written any more; undefined while it can. */
  get broken(): JournalError | undefined {
    return this.#broken;
  }

  /** Adds a question that is asked before the first transaction. Answers with how to take it back. */
  expect(isAsRead: () => boolean): () => void {
    this.#checks.add(isAsRead);
    return () => void this.#checks.delete(isAsRead);
  }

  /**
   * A part of one transaction: what `write` puts and removes takes place as a whole and is synced, or nothing does. Throws a
   * {@link JournalError}: `full`, `failed`, or `locked` when the folder is not this writer's any more. After anything but `full`
   * every later transaction is refused with the same error: what the disk holds is not known until it is read again.
   *
   * `undone` is called whenever `write` was undone for want of space, before `write` is perhaps called once more, alone.
   */
  commit(bytes: number, write: () => void, undone: () => void = () => {}): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, write, undone, resolve, reject });
      if (!this.#isCommitting) void this.#commitWaiting();
    });
  }

  /** Lets go of the folder. Again and again the same. */
  close(): Promise<void> {
    this.#closed ??= this.folder.close().finally(() => this.#deps.lock.release());
    return this.#closed;
  }

  async #commitWaiting(): Promise<void> {
    this.#isCommitting = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      const error = await this.#commitGroup(group);
      // For want of space for all of them, one that needs less may still have it.
      const isShared = error?.kind === 'full' && group.length > 1;
      for (const one of group) settle(one, isShared ? await this.#commitGroup([one]) : error);
    }
    this.#isCommitting = false;
  }

  async #commitGroup(group: readonly Waiting[]): Promise<JournalError | undefined> {
    if (this.#broken !== undefined) return this.#broken;
    try {
      const bytes = group.reduce((sum, one) => sum + one.bytes, 0);
      await this.#transact(bytes, () => {
        for (const { write } of group) write();
      });
      this.#commits++;
      return undefined;
    } catch (thrown) {
      const error = journalError(thrown, `cannot write to ${this.folder.path}`);
      if (error.kind !== 'full') this.#broken ??= error;
      else for (const { undone } of group) undone();
      return error;
    }
  }

  /**
   * Hands one transaction to LMDB. On a nearly full disk it is not even tried: LMDB would undo it, but lmdb's own report
   * of a refused write overruns its buffer, and that can end the process.
   */
  async #transact(bytes: number, write: () => void): Promise<void> {
    const { path } = this.folder;
    const free = this.#deps.freeBytes(path);
    if (free < SPACE_KEPT_BYTES + 2 * bytes) {
      throw new JournalError('full', `cannot write to ${path}: no space left (${free} bytes on its disk)`);
    }
    if (!this.#deps.lock.holds())
      throw new JournalError('locked', `${path} does not hold the journal that was opened any more`);
    try {
      // LMDB would say so in a turn of its own, where nobody hears it.
      if (this.#closed !== undefined) throw new Error('the journal is closed');
      this.#writer ??= await this.#claim();
      if (await this.folder.write(this.#writer, write)) return;
    } catch (thrown) {
      throw await commitError(thrown, path, bytes);
    }
    throw this.#takenOver();
  }

  /**
   * From here on what others write here does not count. It is claimed before the first transaction and not at the start, so that
   * a journal can be read on a disk that takes nothing.
   */
  async #claim(): Promise<number> {
    const writer = await this.folder.claim();
    // What another wrote before the claim, and after this one has looked.
    const isAsRead = [...this.#checks].every((isOne) => isOne());
    if (writer === undefined || !isAsRead) throw this.#takenOver();
    return writer;
  }

  #takenOver(): JournalError {
    return new JournalError(
      'locked',
      `another process writes to ${this.folder.path}: one process at a time can use a data folder`,
    );
  }
}

function settle({ resolve, reject }: Waiting, error: JournalError | undefined): void {
  if (error === undefined) resolve();
  else reject(error);
}
