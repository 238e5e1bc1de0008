import { Member } from '../../../gen/switchyard/journal/v1/log.js';
import type { Clock, Random, Timer } from '../../base/clock.js';
import { Format, FrameKind, seal, unseal } from '../../journal/format/frame.js';
import type { ListedServer, Roster, RosterEntry } from '../roster.js';
import { journalErrorOf } from './fence.js';
import type { LogKeys } from './keys.js';
import { ROSTER_MAX, ROSTER_MS, ROSTER_TTL_MS } from './limits.js';
import type { EtcdStore, Lease } from './store.js';

const NOWHERE = { revision: 0, part: 0 };
const INCARNATION_BYTES = 8;

/** What a {@link EtcdRoster} stands on. */
export interface EtcdRosterDeps {
  readonly store: EtcdStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: LogKeys;
  readonly warn: (message: string, error: unknown) => void;
}

/** The list of servers in etcd: one key for each, under a lease of its own. Nothing is decided by it; it is for people. */
export class EtcdRoster implements Roster {
  readonly #deps: EtcdRosterDeps;
  readonly #incarnation: Uint8Array;
  #lease: Lease | undefined;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isOver = false;
  /** So that an outage is one line in the server's log. */
  #isFailing = false;

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

  async list(): Promise<readonly ListedServer[]> {
    const { store, keys } = this.#deps;
    try {
      const { values } = await store.read({ ...keys.servers, limit: ROSTER_MAX });
      return values.map(({ value }) => decode(value));
    } catch (error) {
      throw journalErrorOf(error);
    }
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#timer?.cancel();
    await this.#writing;
    if (this.#lease !== undefined) await this.#deps.store.revoke(this.#lease.id).catch(() => undefined);
  }

  async #write(entry: RosterEntry): Promise<void> {
    const { store, clock, keys, warn } = this.#deps;
    try {
      if (this.#lease !== undefined && !(await store.keepAlive(this.#lease.id))) this.#lease = undefined;
      this.#lease ??= await store.grant(ROSTER_TTL_MS);
      const value = encode(entry, this.#incarnation, clock.wallMs());
      const put = { kind: 'put', key: keys.server(entry.name), value, lease: this.#lease.id } as const;
      await store.commit({ compare: [], success: [put] });
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing && !this.#isOver) warn('this server cannot be listed in etcd; it is tried again', error);
      this.#isFailing = true;
    }
  }
}

function encode({ lagMs, leads, isReady, revision, ...entry }: RosterEntry, incarnation: Uint8Array, atMs: number) {
  const member = Member.encode({
    ...entry,
    ...{ leads, incarnation: Buffer.from(incarnation), ready: isReady },
    ...{ addresses: { ...entry.addresses }, lagMs: BigInt(Math.round(lagMs)) },
    ...{ revision: BigInt(revision), atMs: BigInt(Math.round(atMs)) },
  }).finish();
  return seal(FrameKind.LOG_MEMBER, NOWHERE, member, Format.LIMITS);
}

/** Throws a JournalError, `damaged` or `version`. */
function decode(bytes: Uint8Array): ListedServer {
  const member = Member.decode(unseal(FrameKind.LOG_MEMBER, NOWHERE, bytes, "a server's own entry"));
  const { name, leads, term, sessions, addresses, version } = member;
  return {
    ...{ name, leads, term, sessions, addresses, version, isReady: member.ready },
    ...{ lagMs: Number(member.lagMs), revision: Number(member.revision), atMs: Number(member.atMs) },
  };
}
