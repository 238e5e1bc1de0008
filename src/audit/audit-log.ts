import type { Clock } from '../base/clock.js';
import type { Fault, Reason } from '../core/model/fault.js';
import type { ServerAnchors } from '../core/model/trust/audit-anchor.js';
import type { AuditReader } from './audit-reader.js';
import { AuditWatch } from './audit-watch.js';
import { AUDIT_LIMITS } from './limits.js';
import { type AuditEntry, type ChainEnd, endAfter, writeLine } from './line.js';

/** Refusals that say something about who may do what. Others are about the request, and are in the log only. */
const AUDITED_REASONS: ReadonlySet<Reason> = new Set<Reason>([
  ...(['ADMIN_REQUIRED', 'ADMIN_TOKEN_INVALID', 'SESSION_TOKEN_INVALID', 'AUTH_REQUIRED', 'PROOF_INVALID'] as const),
  ...(['CHALLENGE_EXPIRED', 'TICKET_INVALID', 'IDENTITY_REVOKED', 'PERMISSION_DENIED', 'IDENTITY_MISMATCH'] as const),
]);

/** Who asked for what, as a door knows it. */
export interface Act {
  /** As commands store it; undefined for nobody. */
  readonly who: string | undefined;
  readonly from: string;
  readonly what: string;
  readonly on?: string;
}

/** Where lines go: files, or nowhere in a test. */
export interface AuditStore {
  readonly end: ChainEnd;
  append(text: string): void;
  /** Reads what is written from behind a line on; absent where nothing can be read. */
  reader?(after: number): AuditReader;
  /** Whether a line is there that was; absent where nothing can be read. */
  holds?(line: ChainEnd): boolean;
  close(): void;
}

/** What an audit log stands on. */
export interface AuditLogDeps {
  readonly store: AuditStore;
  readonly clock: Pick<Clock, 'wallMs' | 'after' | 'soon'>;
  /** Told once when the disk refuses lines, and when it takes them again. */
  readonly warn: (message: string, error?: unknown) => void;
}

/**
 * Writes down who did what to whom, from where, and what came of it, each line chained to the one before by its hash.
 *
 * What was done has a line each; refusals of one principal, address and reason have one in ten seconds, with their number. While the disk
 * takes nothing the server goes on: lines wait in memory up to a bound, and how many were lost beyond it is the next line.
 */
export class AuditLog {
  readonly #deps: AuditLogDeps;
  #end: ChainEnd;
  #pending: { readonly entry: AuditEntry; readonly atMs: number }[] = [];
  #pendingBytes = 0;
  #lost = 0;
  #isFlushing = false;
  #isFull = false;
  #isClosed = false;
  /** Refusals of the span that runs, by what is counted together. */
  readonly #counted = new Map<string, AuditEntry & { count: number }>();
  readonly #watches = new Set<AuditWatch>();
  /** Watches end by it. */
  #ending: Fault | undefined;
  /** What the network's journal knows of this log; set by the composition root once there is a journal. */
  anchored: () => ServerAnchors | undefined = () => undefined;

  constructor(deps: AuditLogDeps) {
    this.#deps = deps;
    this.#end = deps.store.end;
  }

  /** Something was done. */
  done({ who = 'nobody', from, what, on = '' }: Act): void {
    this.#add({ who, from, what, on: on.slice(0, AUDIT_LIMITS.targetMax), outcome: 'ok', count: 1 });
  }

  /** Something was refused, or would be in `required`, which `outcome` says. */
  refused({ who = 'nobody', from, what }: Act, reason: Reason, outcome: string = reason): void {
    if (!AUDITED_REASONS.has(reason)) return;
    const { countedMax, countMs } = AUDIT_LIMITS;
    if (this.#counted.size === 0) this.#deps.clock.after(countMs, () => this.#tell());
    const isRoom = this.#counted.size < countedMax;
    const key = `${who} ${from} ${outcome}`;
    const kept = this.#counted.get(key) ?? (isRoom ? undefined : this.#counted.get('others'));
    if (kept !== undefined) kept.count += 1;
    else if (isRoom) this.#counted.set(key, { who, from, what, on: '', outcome, count: 1 });
    else this.#counted.set('others', { who: 'others', from: '', what: '', on: '', outcome: 'refused', count: 1 });
  }

  /** Whether the log holds this line; true where it cannot be read. */
  holds(line: ChainEnd): boolean {
    return this.#deps.store.holds?.(line) ?? true;
  }

  /** Where the chain ends: with the newest line that is on the disk. */
  get end(): ChainEnd {
    return this.#end;
  }

  /**
   * Watches the lines behind a number, those that are kept first. Undefined: as many watch as may, or nothing can be read. A Fault after
   * a drain.
   */
  watch(after: number): AuditWatch | Fault | undefined {
    const { store, clock } = this.#deps;
    if (this.#ending !== undefined) return this.#ending;
    if (store.reader === undefined || this.#watches.size >= AUDIT_LIMITS.watchesMax) return undefined;
    const deps = {
      reader: store.reader(after),
      clock,
      end: () => this.#end.number,
      closed: (watch: AuditWatch) => void this.#watches.delete(watch),
    };
    const watch = new AuditWatch(deps, after);
    this.#watches.add(watch);
    return watch;
  }

  /** Ends all watches; lines are still written. */
  drain(fault: Fault): void {
    this.#ending = fault;
    for (const watch of [...this.#watches]) watch.end(fault);
  }

  /** Writes what is left, as far as the disk takes it. */
  close(): void {
    this.#tell();
    this.#flush();
    this.#isClosed = true;
    this.#deps.store.close();
  }

  #tell(): void {
    const all = [...this.#counted.values()];
    this.#counted.clear();
    for (const entry of all) this.#add(entry);
  }

  #add(entry: AuditEntry): void {
    const bytes = JSON.stringify(entry).length;
    if (this.#pendingBytes + bytes > AUDIT_LIMITS.pendingBytesMax) {
      this.#lost += entry.count;
      return;
    }
    this.#pending.push({ entry, atMs: this.#deps.clock.wallMs() });
    this.#pendingBytes += bytes;
    if (this.#isFlushing || this.#isFull) return;
    this.#isFlushing = true;
    this.#deps.clock.soon(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  /** One write and one sync for all lines of a turn. */
  #flush(): void {
    if (this.#isClosed || (this.#pending.length === 0 && this.#lost === 0)) return;
    const { store, clock, warn } = this.#deps;
    const { text, end } = this.#compose();
    try {
      store.append(text);
    } catch (error) {
      if (!this.#isFull) warn('the audit log cannot be written: the server goes on, and lines wait in memory', error);
      this.#isFull = true;
      clock.after(AUDIT_LIMITS.retryMs, () => this.#flush());
      return;
    }
    if (this.#isFull) warn(`the audit log is written again; ${this.#lost} acts are lost, and it says so`);
    this.#end = end;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#isFull = false;
    this.#lost = 0;
    for (const watch of this.#watches) watch.wake();
  }

  /** The lines that wait, and where the chain ends with them. */
  #compose(): { readonly text: string; readonly end: ChainEnd } {
    const lost = { who: 'server', from: '', what: 'AuditLost', on: '', outcome: 'ok', count: this.#lost };
    const atMs = this.#deps.clock.wallMs();
    let end = this.#end;
    let text = '';
    for (const { entry, atMs: at } of this.#lost === 0 ? this.#pending : [...this.#pending, { entry: lost, atMs }]) {
      const line = writeLine(end, entry, at);
      end = endAfter(end, line);
      text += `${line}\n`;
    }
    return { text, end };
  }
}
