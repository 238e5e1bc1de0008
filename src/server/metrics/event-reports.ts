import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.js';
import { EventLog } from '../../base/event-log.js';
import type { Change } from '../../core/model/change.js';
import type { Fault, Reason } from '../../core/model/fault.js';
import type { Position } from '../../core/model/position.js';
import { CloseReason, type Session } from '../../core/model/session.js';
import type { Publisher } from '../../replica/publisher.js';
import type { Origin } from '../../shares/origin.js';

/** A fleet of some size that comes at once is told one by one; the bytes of so many lines are some 30 KB. */
const SESSIONS_BURST = 100;
/** Refusals of one reason: enough to see who it is. */
const REFUSALS_BURST = 10;
/** One line stands for all that come after the burst in so much time: 9,000 a day for each kind, some 3 MB. */
const EVERY_MS = 10_000;
/** Words that came from a caller, in part, are not logged at any length. */
const WORDS_MAX = 200;

/** Refusals that say that somebody shows what was never given to him. */
const SUSPICIOUS: ReadonlySet<Reason> = new Set<Reason>(['ADMIN_TOKEN_INVALID', 'SESSION_TOKEN_INVALID']);

const CLOSE_WORDS = Object.fromEntries(Object.entries(CloseReason).map(([word, number]) => [number, word]));

/** What reports stand on. */
export interface EventReportsDeps {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Tells the log who came, who went, and who was refused what and why. Floods are counted. */
export class EventReports implements Publisher {
  readonly #sessions: EventLog;
  readonly #refusals: EventLog;

  constructor(deps: EventReportsDeps) {
    this.#sessions = new EventLog({ ...deps, burst: SESSIONS_BURST, everyMs: EVERY_MS });
    this.#refusals = new EventLog({ ...deps, burst: REFUSALS_BURST, everyMs: EVERY_MS });
  }

  /** A session was opened from there. */
  opened({ sid, uuid, name }: Session, { address }: Origin): void {
    this.#sessions.tell({
      level: 'info',
      kind: 'opened',
      words: 'a session was opened',
      facts: () => ({ sid, uuid, name, address }),
    });
  }

  /** Tells of sessions that ended. */
  publish(_position: Position, changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'SessionClosed') continue;
      const { session, reason } = change;
      this.#sessions.tell({
        level: 'info',
        kind: `closed ${reason}`,
        words: 'a session has ended',
        facts: () => ({ sid: session.sid, uuid: session.uuid, name: session.name, reason: CLOSE_WORDS[reason] }),
      });
    }
  }

  /** A call or a request from there was refused. A fault of ours is in the log already. */
  refused({ reason, message }: Fault, method: string, { address }: Origin): void {
    if (reason === 'INTERNAL') return;
    this.#refusals.tell({
      level: SUSPICIOUS.has(reason) ? 'warn' : 'info',
      kind: reason,
      words: 'a call was refused',
      facts: () => ({ method, reason, why: message.slice(0, WORDS_MAX), address }),
    });
  }

  /** A call or a request from there would have been refused in the mode `required`. */
  wouldRefuse({ reason, message }: Fault, method: string, { address }: Origin): void {
    this.#refusals.tell({
      level: 'info',
      kind: `observed ${reason}`,
      words: 'the mode required would refuse a call',
      facts: () => ({ method, reason, why: message.slice(0, WORDS_MAX), address }),
    });
  }
}
