import { crc32 } from 'node:zlib';
import type { Change } from '../../../src/core/model/change.js';
import type { Position } from '../../../src/core/model/position.js';
import type { State } from '../../../src/core/store/state.js';
import { stateDigest } from '../../../src/journal/format/digest.js';
import type { Verdict } from '../verdict.js';
import { isExpiry, type Ledger } from './ledger.js';
import type { Place } from './place.js';
import type { ClusterServer } from './server.js';

/** A digest costs as much as the state is large, so states are compared now and then, and their changes at every revision. */
const DIGEST_EVERY = 200;

/**
 * Compares what several servers apply: **Agreed** (every server has the same changes and the same state at a revision), **Homed** (a
 * session is attached at its home only, and expires there), **Converged** (in the end all have everything, one leads, and the others
 * are in touch with it).
 */
export class StateJudge {
  readonly #verdict: Verdict;
  readonly #ledger: Ledger;
  readonly #changes = new Map<number, number>();
  readonly #digests = new Map<number, string>();
  /** The server that proposed each expiry in the log, by revision. */
  readonly #expiries = new Map<number, number | undefined>();

  constructor(verdict: Verdict, ledger: Ledger) {
    this.#verdict = verdict;
    this.#ledger = ledger;
  }

  /** A command is in the log. */
  stored(command: Parameters<typeof isExpiry>[0], revision: number): void {
    if (isExpiry(command)) this.#expiries.set(revision, command.home);
  }

  /** Etcd was restored: what came after this revision never was. */
  restored(revision: number): void {
    for (const byRevision of [this.#changes, this.#digests, this.#expiries]) {
      for (const at of byRevision.keys()) if (at > revision) byRevision.delete(at);
    }
  }

  /** A server has applied a revision. */
  applied(name: string, state: State, position: Position, changes: readonly Change[]): void {
    const { revision } = position;
    this.#compare(
      this.#changes,
      { name, revision, is: crc32(JSON.stringify(changes, plain)) },
      'changed something else',
    );
    if (revision % DIGEST_EVERY === 0) this.#compareStates(name, state);
    for (const change of changes) this.#judgeExpiry(change, state, position);
  }

  /** In a revision a session is attached at its home, or nowhere. */
  judgeHomes({ replica, name }: ClusterServer): void {
    const { homes, attachments } = replica;
    for (const sid of attachments.sids()) {
      if (!homes.isHere(sid))
        this.#verdict.fail('Homed', `session ${sid} is attached at ${name} and at home at ${homes.of(sid)}`);
    }
  }

  /** Everything had time to come to rest. */
  judgeRest(places: readonly Place[]): void {
    const { revision } = this.#ledger;
    for (const { name, server } of places) {
      const at = server?.isUp ? server.state.revision : undefined;
      if (at !== revision) this.#verdict.fail('Converged', `${name} is at ${at} of ${revision}`);
      else if (server !== undefined) this.#compareStates(name, server.state);
      if (server?.isInTouch === false) this.#verdict.fail('Converged', `${name} is out of touch`);
    }
    const leaders = places.filter(({ server }) => server?.member.role === 'leading');
    if (leaders.length !== 1) this.#verdict.fail('Converged', `${leaders.length} servers lead`);
  }

  #compareStates(name: string, state: State): void {
    const { revision } = state;
    this.#compare(this.#digests, { name, revision, is: stateDigest(state) }, 'has another state');
  }

  #compare<T>(
    known: Map<number, T>,
    { name, revision, is }: { readonly name: string; readonly revision: number; readonly is: T },
    what: string,
  ): void {
    const before = known.get(revision) ?? is;
    known.set(revision, before);
    if (before !== is) this.#verdict.fail('Agreed', `${name} ${what} at revision ${revision} than another server`);
  }

  /** A session expires at its home, or because that is lost. */
  #judgeExpiry(change: Change, state: State, { revision }: Position): void {
    if (change.kind !== 'SessionClosed' || !this.#expiries.has(revision)) return;
    const by = this.#expiries.get(revision);
    const { sid, home = state.serverSid } = change.session;
    if (by !== undefined && by !== home)
      this.#verdict.fail('Homed', `session ${sid} expired by server ${by}, and was at ${home}`);
  }
}

/**
 * What JSON has no word for; and objects with their keys in one order: a state that was read from a snapshot has them in another. Those of
 * labels are told in their order.
 */
function plain(key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || key === 'labels') return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
