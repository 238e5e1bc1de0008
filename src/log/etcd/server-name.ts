import type { Clock, Random, Timer } from '../../base/clock.js';
import { JournalError } from '../../journal/journal.js';
import type { KnownNumbers } from '../../journal/readers.js';
import { decodeLeader, encodeLeader } from './batch.js';
import { journalErrorOf } from './fence.js';
import type { LogKeys } from './keys.js';
import { NAME_CLAIM_MS, NAME_KEEP_MS, NAME_TTL_MS, NAME_WAIT_MS } from './limits.js';
import { type EtcdStore, type KeyValue, type Lease, StoreError } from './store.js';
import { isStray } from './stray.js';

/** Bytes by which a process knows the key of its own. */
const INCARNATION_BYTES = 8;

/** What stands under the key of claims: its revision says everything. */
const NOTHING = new Uint8Array();

/** What a {@link ServerName} stands on. */
export interface ServerNameDeps {
  readonly store: EtcdStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: LogKeys;
  readonly network: string;
  readonly name: string;
  /** Where other servers reach this one, HOST:PORT. */
  readonly peerAddress: string;
  /** What this build knows: nothing beyond it is written to the log while the name is this server's. */
  readonly known: KnownNumbers;
  /** Whether nothing listens at an address any more: its machine refuses connections. */
  readonly isRefused: (address: string) => Promise<boolean>;
  /** Called when a value is replaced that no process holds. */
  readonly warn: (message: string, error: unknown) => void;
  /** Called once when another process has the name now: this one has to end. */
  readonly taken: (error: JournalError) => void;
}

/**
 * A name that one process at a time has in a network: a key under the server's own lease.
 *
 * Servers are told apart by their names everywhere: of two with the same name, each would be taken for the other, and sessions at one of
 * them would expire.
 */
export class ServerName {
  readonly #deps: ServerNameDeps;
  readonly #value: Uint8Array;
  #lease: Lease | undefined;
  #claimedAt: bigint | undefined;
  #timer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();
  #isOver = false;

  private constructor(deps: ServerNameDeps) {
    this.#deps = deps;
    this.#value = encodeLeader(deps.name, deps.random.bytes(INCARNATION_BYTES), deps.peerAddress, deps.known);
  }

  /**
   * Claims the name, and keeps it until it is closed. A process that was killed has the name until its lease ends; that is waited for,
   * unless its machine says that it is gone. Rejects with a JournalError, `locked` while a live server has the name, or the signal's reason.
   */
  static async claim(deps: ServerNameDeps, signal?: AbortSignal): Promise<ServerName> {
    const name = new ServerName(deps);
    try {
      await name.#claim(signal);
    } catch (error) {
      await name.close();
      throw journalErrorOf(error);
    }
    name.#plan();
    return name;
  }

  /**
   * etcd's revision at which the name was claimed. As long as its key was last written then, no other process has had the name since; a key
   * that was put again after an outage was written later.
   */
  get claimedAt(): bigint | undefined {
    return this.#claimedAt;
  }

  /** Gives the name back. Never rejects; again and again the same. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#timer?.cancel();
    await this.#work;
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined) await this.#deps.store.revoke(lease.id).catch(() => undefined);
  }

  async #claim(signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#deps;
    const untilMs = clock.nowMs() + NAME_WAIT_MS;
    for (;;) {
      signal?.throwIfAborted();
      const isLast = clock.nowMs() >= untilMs;
      const holder = await this.#take(undefined).catch((error) => {
        // An etcd that answers nothing for so long is not there, which has to be said.
        if (isLast) throw error;
        return unlessUnclear(error);
      });
      if (holder === undefined) return;
      if (holder !== 'unclear') {
        const isGone = await this.#isGone(holder);
        if (isGone && (await this.#take(holder).catch(unlessUnclear)) === undefined) return;
        if (!isGone && isLast) throw this.#conflict(holder);
      }
      await new Promise<void>((resolve) => clock.after(NAME_CLAIM_MS, resolve));
    }
  }

  /** Puts the key where there is none, or in the place of `before`. Resolves with the key of another process, if that has it. */
  async #take(before: KeyValue | undefined): Promise<KeyValue | undefined> {
    const { store, keys, name } = this.#deps;
    const key = keys.name(name);
    if (this.#lease !== undefined && !(await store.keepAlive(this.#lease.id))) this.#lease = undefined;
    this.#lease ??= await store.grant(NAME_TTL_MS);
    const { succeeded, found, revision } = await store.commit({
      compare: [{ key, target: 'modified', revision: before?.modRevision ?? 0n }],
      success: [
        { kind: 'put', key, value: this.#value, lease: this.#lease.id },
        { kind: 'put', key: keys.claims, value: NOTHING },
      ],
      failure: [{ kind: 'read', range: { key } }],
    });
    if (succeeded) {
      this.#claimedAt ??= revision;
      return undefined;
    }
    const [now] = found[0] ?? [];
    // Gone between the two: the next try finds none.
    if (now === undefined) return before;
    if (Buffer.compare(now.value, this.#value) !== 0) return now;
    // An earlier try had landed.
    this.#claimedAt ??= now.modRevision;
    return undefined;
  }

  #plan(): void {
    if (this.#isOver) return;
    this.#timer = this.#deps.clock.after(NAME_KEEP_MS, () => {
      // What etcd does not answer now it is asked again: a lease that ended meanwhile is made anew.
      this.#work = this.#keep()
        .catch(() => undefined)
        .then(() => this.#plan());
    });
  }

  async #keep(): Promise<void> {
    const holder = await this.#take(undefined);
    if (holder === undefined || this.#isOver) return;
    // What an etcd has that was restored from a backup, say.
    if (await this.#isGone(holder)) return void (await this.#take(holder));
    this.#isOver = true;
    this.#deps.taken(this.#conflict(holder));
  }

  /** Whether no process has the name that this key is of, as far as can be told. */
  async #isGone(holder: KeyValue): Promise<boolean> {
    const { isRefused, peerAddress, warn } = this.#deps;
    if (isStray(holder)) {
      const message = `${holder.key} in etcd stands without a lease, so no server holds it: this one takes its place`;
      warn(message, addressOf(holder));
      return true;
    }
    const other = addressOf(holder);
    if (other instanceof JournalError) return false;
    // This process listens at the address of the other one, so that one does not any more.
    return other === peerAddress || isRefused(other);
  }

  #conflict(holder: KeyValue): JournalError {
    const { name, network } = this.#deps;
    const advice = 'stop it, or give this one another --name';
    const address = addressOf(holder);
    if (!(address instanceof JournalError)) {
      return new JournalError('locked', `a server ${name} at ${address} serves network ${network} already: ${advice}`);
    }
    const held = `${holder.key} in etcd is kept alive under lease ${holder.lease.toString(16)}`;
    const what = `${held}, and its value cannot be read: ${address.message}`;
    const mend = `A server ${name} of a later build may have it: ${advice}. If there is none: etcdctl lease revoke ${holder.lease.toString(16)}`;
    return new JournalError('locked', `${what}. ${mend}`, { cause: address });
  }
}

/** Of a try of which nothing is known, the next tells more. */
function unlessUnclear(error: unknown): 'unclear' {
  if (error instanceof StoreError && error.kind === 'unclear') return 'unclear';
  throw error;
}

/** Where the process listens that holds a name, or why that cannot be read. */
function addressOf({ value }: KeyValue): string | JournalError {
  try {
    return decodeLeader(value).peerAddress;
  } catch (error) {
    if (error instanceof JournalError) return error;
    throw error;
  }
}
