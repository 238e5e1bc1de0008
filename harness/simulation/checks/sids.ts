import type { SessionResponse } from '../../../gen/switchyard/v1/session_service.js';
import { baseOfSid, poolOfSid } from '../../../src/core/store/sid.js';
import type { Check } from '../check.js';
import type { ServerCall } from '../machine/server-call.js';
import type { Scene } from '../scene.js';
import type { Revision } from '../truth.js';

/**
 * **Rested**: no two live sessions share a SID, and a freed base comes again only after every other of its pool
 * was in use.
 *
 * Looks at the SIDs that were stored, and at those that sessions were told.
 */
export class Sids implements Check {
  /** The revision in which each SID was handed out last. */
  private readonly handedAt = new Map<number, number>();
  private readonly freedAt = new Map<number, number>();
  private readonly live = new Set<number>();

  constructor(private readonly scene: Scene) {}

  durable({ revision, changes }: Revision): void {
    for (const change of changes) {
      if (change.kind === 'SessionClosed') {
        this.live.delete(change.session.sid);
        this.freedAt.set(change.session.sid, revision);
      }
      if (change.kind === 'SessionOpened') this.hand(change.session.sid, revision);
    }
  }

  wrote(call: ServerCall, message: unknown): void {
    if (!call.getPath().endsWith('.SessionService/Session')) return;
    const { instanceSid, position } = message as SessionResponse;
    const revision = Number(position?.revision);
    const handed = this.handedAt.get(instanceSid);
    if (handed === undefined || handed === revision) return;
    this.scene.verdict.fail('Rested', `SID ${instanceSid} was handed out at ${handed} and told again for ${revision}`);
  }

  private hand(sid: number, revision: number): void {
    const before = this.handedAt.get(sid);
    if (this.live.has(sid)) this.scene.verdict.fail('Rested', `SID ${sid} is handed out at ${revision} while it lives`);
    else if (before !== undefined) {
      const passed = this.freeSince(sid, before);
      if (passed !== undefined) {
        const text = `SID ${sid} of ${before} comes again at ${revision}; base ${passed} was free all the while`;
        this.scene.verdict.fail('Rested', text);
      }
    }
    this.handedAt.set(sid, revision);
    this.live.add(sid);
  }

  /** A base of the same pool that was free in that revision and has been ever since; undefined when there is none. */
  private freeSince(sid: number, since: number): number | undefined {
    for (let base = 1; base <= this.scene.limits.core.sidBaseMax; base++) {
      const other = (base << 8) | poolOfSid(sid);
      if (base === baseOfSid(sid) || this.live.has(other)) continue;
      const isUnchanged = (this.handedAt.get(other) ?? 0) < since && (this.freedAt.get(other) ?? 0) < since;
      if (isUnchanged) return base;
    }
    return undefined;
  }
}
