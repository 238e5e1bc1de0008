import { Member } from '../../../gen/switchyard/journal/v1/log.js';
import type { Clock, Random, Timer } from '../../base/clock.js';
import { Format, FrameKind, seal, unseal } from '../../journal/format/frame.js';
import { JournalError } from '../../journal/journal.js';
import type { ListedServer, Roster, RosterEntry, RosterListing } from '../roster.js';
import { decodeHead, EMPTY_LOG } from './batch.js';
import { journalErrorOf } from './fence.js';
import type { LogKeys } from './keys.js';
import { ROSTER_MAX, ROSTER_MS, ROSTER_TTL_MS } from './limits.js';
import { numbersSaid } from './readers.js';
import type { EtcdStore, KeyValue, Lease } from './store.js';
import { isStray } from './stray.js';

const NOWHERE = { revision: 0, part: 0 };
const INCARNATION_BYTES = 8;

/** What a server says to the others' programs, beside what it says to people. */
export interface RosterFacts {
  /** In which words its network feed is published; 0: it did not say so. */
  readonly feedVersion: number;
  /** The last batch that it has applied; 0: it did not say so. */
  readonly appliedSeq: number;
}

/** What a {@link EtcdRoster} stands on. */
export interface EtcdRosterDeps {
  readonly store: EtcdStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: LogKeys;
  /** How this server publishes, and how far the log is applied here. */
  readonly facts: () => RosterFacts;
  readonly warn: (message: string, error: unknown) => void;
}

/** The list of servers in etcd: one key for each, under a lease of its own. It is for people; what servers decide by it is what can wait. */
export class EtcdRoster implements Roster {
  readonly #deps: EtcdRosterDeps;
  readonly #incarnation: Uint8Array;
  #lease: Lease | undefined;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isOver = false;
  /** So that an outage is one line in the server's log. */
  #isFailing = false;
  /** The entry that could not be read last: so that it is one line in the server's log, too. */
  #unreadable = '';

  constructor(deps: EtcdRosterDeps) {
    this.#deps = deps;
    this.#incarnation = deps.random.bytes(INCARNATION_BYTES);
  }

  begin(describe: () => RosterEntry): void {
    if (this.#isOver) return;
    this.#writing = this.#write(describe()).finally(() => {
      if (!this.#isOver) this.#timer = this.#deps.clock.after(ROSTER_MS, () => this.begin(describe));
    });
  }

  async list(): Promise<RosterListing> {
    const { store, keys } = this.#deps;
    const ranges = [{ key: keys.head }, { ...keys.servers, limit: ROSTER_MAX }];
    try {
      const success = ranges.map((range) => ({ kind: 'read', range }) as const);
      const { found } = await store.commit({ compare: [], success });
      const [[head] = [], values = []] = found;
      const { format } = head === undefined ? EMPTY_LOG : decodeHead(head.value);
      return { servers: values.filter((one) => !isStray(one)).flatMap((one) => this.#read(one)), format };
    } catch (error) {
      throw journalErrorOf(error);
    }
  }

  /** What cannot be read, as of a later build, keeps the others from being listed no more than a server that is away. */
  #read({ key, value }: KeyValue): ListedServer[] {
    try {
      return [listed(decodeMember(value))];
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      if (this.#unreadable !== key)
        this.#deps.warn(`the value of ${key} in etcd cannot be read: it is not listed`, error);
      this.#unreadable = key;
      return [];
    }
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#timer?.cancel();
    await this.#writing;
    if (this.#lease !== undefined) await this.#deps.store.revoke(this.#lease.id).catch(() => undefined);
  }

  async #write(entry: RosterEntry): Promise<void> {
    const { store, clock, keys, warn, facts } = this.#deps;
    try {
      if (this.#lease !== undefined && !(await store.keepAlive(this.#lease.id))) this.#lease = undefined;
      this.#lease ??= await store.grant(ROSTER_TTL_MS);
      const value = encode({ ...entry, ...facts() }, this.#incarnation, clock.wallMs());
      const put = { kind: 'put', key: keys.server(entry.name), value, lease: this.#lease.id } as const;
      await store.commit({ compare: [], success: [put] });
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing && !this.#isOver) warn('this server cannot be listed in etcd; it is tried again', error);
      this.#isFailing = true;
    }
  }
}

function encode(
  { lagMs, leads, isReady, revision, appliedSeq, ...entry }: RosterEntry & RosterFacts,
  incarnation: Uint8Array,
  atMs: number,
) {
  const member = Member.encode({
    ...entry,
    ...{ leads, incarnation: Buffer.from(incarnation), ready: isReady, appliedSeq: BigInt(appliedSeq) },
    ...{ addresses: { ...entry.addresses }, lagMs: BigInt(Math.round(lagMs)) },
    ...{ revision: BigInt(revision), atMs: BigInt(Math.round(atMs)) },
  }).finish();
  return seal(FrameKind.LOG_MEMBER, NOWHERE, member, Format.LIMITS);
}

/** What a server says of itself, as it is stored. Throws a JournalError, `damaged` or `version`. */
export function decodeMember(bytes: Uint8Array): ListedServer & RosterFacts {
  const member = Member.decode(unseal(FrameKind.LOG_MEMBER, NOWHERE, bytes, "a server's own entry"));
  const { name, leads, term, sessions, addresses, version, formatMax, rulesMax, feedVersion } = member;
  return {
    ...{ name, leads, term, sessions, addresses, version, isReady: member.ready },
    ...{ lagMs: Number(member.lagMs), revision: Number(member.revision), atMs: Number(member.atMs) },
    ...numbersSaid({ formatMax, rulesMax }),
    ...{ feedVersion, appliedSeq: Number(member.appliedSeq) },
  };
}

function listed({ feedVersion: _v, appliedSeq: _a, ...server }: ListedServer & RosterFacts): ListedServer {
  return server;
}
