import { CloseReason } from '../../../src/core/model/session.js';
import { type ClusterLedger, type Entry, hasRunOut } from './ledger.js';
import { findDisorder, type Operation } from './linearizable.js';

/** What became of a call. `nothing`: the answer promises that nothing was stored. `unknown`: nobody knows. */
export type Outcome = 'done' | 'gone' | 'nothing' | 'unknown';

/** A call, as its client saw it. */
export interface Call {
  readonly kind: 'open' | 'close' | 'read' | 'renew';
  /** The instance. */
  readonly key: string;
  /** The session, by its name. */
  readonly mark: string;
  readonly begunMs: number;
  readonly endedMs: number;
  readonly outcome: Outcome;
  /** Of what was opened. */
  readonly sid: number;
  /** Of the answer; 0 where it has none. */
  readonly revision: number;
  /** The revision that was asked for at least. */
  readonly after: number;
  readonly ttlMs: number;
  /** Which server was asked, and the reason of its refusal. */
  readonly answer: string;
}

/** The words for what can be wrong, and how often each was found. */
export interface Findings {
  /** Acknowledged, and not in the log as it was acknowledged. */
  lost: number;
  /** In the log more than once, or although its client was told that nothing was stored. */
  doubled: number;
  /** Answers that no order of the calls explains that agrees with real time. */
  disordered: number;
  /** Leases that ended too soon. */
  expired: number;
}

/** Holds what clients were told against the log. Each finding is a line. */
export class Judge {
  readonly lines: string[] = [];
  readonly findings: Findings = { lost: 0, doubled: 0, disordered: 0, expired: 0 };
  readonly #ledger: ClusterLedger;

  constructor(ledger: ClusterLedger) {
    this.#ledger = ledger;
  }

  /** Judges all calls of a stretch. The log has to be read up to its end, after the last of them. */
  judge(calls: readonly Call[]): void {
    for (const call of calls) this.#check(call);
    this.#checkRealTime(calls);
    this.#checkRenewals(calls);
    const ended = new Set(this.#ledger.expired().map(({ mark }) => mark));
    // Whose lease has ended somebody else has closed it, at a moment that nobody was told.
    const keys = new Set(calls.filter(({ mark }) => ended.has(mark)).map(({ key }) => key));
    const disorder = findDisorder(
      calls.filter(({ key }) => !keys.has(key)).flatMap((call) => this.#operationsOf(call)),
    );
    if (disorder !== undefined) this.find('disordered', disorder);
    for (const problem of this.#ledger.problems.splice(0)) this.find('doubled', problem);
  }

  /** A call as an operation upon its instance's session. What is said to be there may be said by a server that is behind. */
  #operationsOf({ kind, outcome, key, mark, begunMs, endedMs, answer }: Call): Operation[] {
    const note = ` (${kind} at ${answer}; the log has ${textOf(this.#ledger.of(mark))})`;
    const whole = { key, mark, begunMs, endedMs, note };
    if (outcome === 'gone') return [{ ...whole, kind: 'gone' }];
    if (kind !== 'open' && kind !== 'close') return [];
    if (outcome === 'done') return [{ ...whole, kind }];
    return outcome === 'unknown' ? [{ ...whole, kind, endedMs: Number.POSITIVE_INFINITY }] : [];
  }

  /** Counts something that is wrong, with a line about it. */
  find(what: keyof Findings, line: string): void {
    this.findings[what]++;
    this.lines.push(`${what}: ${line}`);
  }

  #check(call: Call): void {
    const { kind, outcome, mark, revision, after, sid } = call;
    const entry = this.#ledger.of(mark);
    if (outcome === 'done' && revision < after) {
      this.find('disordered', `${kind} ${mark} was answered by revision ${revision}, and had asked for ${after}`);
    }
    if (kind === 'open' && outcome === 'done' && (entry?.openedAt !== revision || entry.sid !== sid)) {
      this.find('lost', `${mark} was acknowledged at ${revision} with SID ${sid}; the log has ${textOf(entry)}`);
    }
    if (kind === 'open' && outcome === 'nothing' && entry !== undefined) {
      this.find('doubled', `${mark} was refused, and is in the log: ${textOf(entry)}`);
    }
    if (kind === 'close' && outcome === 'done' && !(entry?.closedAt !== undefined && entry.closedAt <= revision)) {
      this.find('lost', `the end of ${mark} was acknowledged at ${revision}; the log has ${textOf(entry)}`);
    }
    if (kind === 'close' && outcome === 'nothing' && entry?.reason === CloseReason.TERMINATED) {
      this.find('doubled', `the end of ${mark} was refused, and is in the log: ${textOf(entry)}`);
    }
    const isRead = (kind === 'read' || kind === 'renew') && outcome === 'done';
    if (isRead && !livedAt(entry, revision)) {
      this.find('disordered', `${kind} of ${mark} found it at revision ${revision}; the log has ${textOf(entry)}`);
    }
  }

  /** What was stored after another call was answered stands behind what that call stored. */
  #checkRealTime(calls: readonly Call[]): void {
    const stored = calls.filter(({ kind, outcome }) => kind === 'open' && outcome === 'done');
    const byEnd = [...stored].sort((x, y) => x.endedMs - y.endedMs);
    let at = 0;
    let newest: Call | undefined;
    for (const call of [...stored].sort((x, y) => x.begunMs - y.begunMs)) {
      for (; byEnd[at] !== undefined && byEnd[at].endedMs < call.begunMs; at++) {
        if (byEnd[at].revision > (newest?.revision ?? 0)) newest = byEnd[at];
      }
      if (newest === undefined || newest.revision < call.revision) continue;
      const line = `${newest.mark} was answered at ${newest.revision} before ${call.mark} began, which has ${call.revision}`;
      this.find('disordered', line);
    }
  }

  /** A session that was renewed lives for its TTL from when its client asked. */
  #checkRenewals(calls: readonly Call[]): void {
    for (const { kind, outcome, mark, begunMs, endedMs, ttlMs } of calls) {
      if ((kind !== 'renew' && kind !== 'open') || outcome !== 'done') continue;
      const entry = this.#ledger.of(mark);
      if (entry === undefined || !hasRunOut(entry) || entry.closedMs === undefined) continue;
      const [after, before] = entry.closedMs;
      // Where its end may have been stored before the answer, the answer may be of a server that had not heard of it.
      if (after <= endedMs || before >= begunMs + ttlMs) continue;
      const agoMs = (before - begunMs).toFixed(0);
      this.find('expired', `${mark} ended at ${entry.closedAt}, ${agoMs} ms after it was renewed for ${ttlMs} ms`);
    }
  }
}

function livedAt(entry: Entry | undefined, revision: number): boolean {
  return (
    entry !== undefined && entry.openedAt <= revision && (entry.closedAt === undefined || entry.closedAt > revision)
  );
}

function textOf(entry: Entry | undefined): string {
  if (entry === undefined) return 'nothing of it';
  const end = entry.closedAt === undefined ? '' : `, its end at ${entry.closedAt} for reason ${entry.reason}`;
  return `SID ${entry.sid} at ${entry.openedAt}${end}`;
}
