import type { Logger } from 'pino';
import type { AuditLog } from '../audit/audit-log.js';
import { AUDIT_LIMITS } from '../audit/limits.js';
import type { ChainEnd } from '../audit/line.js';
import type { Clock, Timer } from '../base/clock.js';
import { isFault } from '../core/model/fault.js';
import type { AuditAnchor } from '../core/model/trust/audit-anchor.js';
import type { Replica } from '../replica/replica.js';

/** What an {@link AuditAnchorer} stands on. */
export interface AuditAnchorerDeps {
  readonly audit: Pick<AuditLog, 'end' | 'holds' | 'done' | 'anchored'>;
  readonly replica: Pick<Replica, 'enforce'> & { readonly state: Pick<Replica['state'], 'auditAnchors'> };
  /** The UUID of the server whose log it is. */
  readonly server: string;
  readonly clock: Pick<Clock, 'after' | 'wallMs'>;
  readonly log: Pick<Logger, 'error' | 'warn'>;
}

/**
 * Keeps the newest line of the audit log in the network's journal, every ten minutes in which there were new ones.
 *
 * Whoever can write the log's files could take lines away at their end, or write all of them anew: then the anchored line is missing,
 * which a start and `switchyard audit verify` see. A start that misses it writes that into the journal, so that later anchors hide nothing.
 */
export class AuditAnchorer {
  readonly #deps: AuditAnchorerDeps;
  /** The anchored line was missing at the start, and the journal does not say so yet: where the log ended then. */
  #broken: ChainEnd | undefined;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(deps: AuditAnchorerDeps) {
    this.#deps = deps;
    deps.audit.anchored = () => deps.replica.state.auditAnchors.of(deps.server);
  }

  /** Compares the log with what is anchored of it, and begins to anchor. */
  begin(): void {
    const { audit, log } = this.#deps;
    const anchor = audit.anchored()?.anchor;
    if (anchor !== undefined && !audit.holds(endOf(anchor))) {
      const { number, atMs } = anchor;
      const at = new Date(atMs).toISOString();
      log.error(
        { line: number, at },
        'the audit log does not hold the line that the journal knows: it was changed or cut short',
      );
      this.#broken = audit.end;
      audit.done({ who: 'server', from: '', what: 'AuditBroken', on: `line ${number}` });
      void this.#anchor();
    } else this.#later(AUDIT_LIMITS.anchorSoonMs);
  }

  /** Anchors nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #later(delayMs: number): void {
    if (!this.#isClosed) this.#timer = this.#deps.clock.after(delayMs, () => void this.#anchor());
  }

  /** A line that is on the disk only, so that no crash makes the log look cut short. */
  async #anchor(): Promise<void> {
    const { audit, replica, server, clock, log } = this.#deps;
    const isBroken = this.#broken !== undefined;
    const { number, hash } = this.#broken ?? audit.end;
    const anchored = audit.anchored()?.anchor;
    if (!isBroken && number === (anchored?.number ?? 0)) return this.#later(AUDIT_LIMITS.anchorMs);
    const plain = { kind: 'AnchorAudit', server, number, hash: stored(hash), atMs: clock.wallMs() } as const;
    const outcome = await replica.enforce(isBroken ? { ...plain, isBroken } : plain);
    if (!isFault(outcome)) this.#broken = undefined;
    else if (!this.#isClosed)
      log.warn({ reason: outcome.reason }, 'the audit log could not be anchored; it is tried again');
    this.#later(isFault(outcome) || isBroken ? AUDIT_LIMITS.anchorSoonMs : AUDIT_LIMITS.anchorMs);
  }
}

/** A hash as the core has it. */
function stored(hash: string): string {
  return Buffer.from(hash, 'hex').toString('latin1');
}

function endOf({ number, hash }: AuditAnchor): ChainEnd {
  return { number, hash: Buffer.from(hash, 'latin1').toString('hex') };
}
