import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import type { WatchEndpointClosedResponse } from '../../../gen/switchyard/v1/network_service.js';
import type { Truth } from '../truth.js';
import type { Found } from '../verdict.js';

/**
 * What a watch of closed endpoints has told: every end past its place, once, in order, with its reason.
 *
 * It begins where the first message says, as it has no snapshot.
 */
export class ClosedHistory {
  cursor: number | undefined;

  constructor(
    private readonly truth: Truth,
    private readonly sids: ReadonlySet<number>,
  ) {}

  /** Takes the next message. Answers with what is wrong. */
  take(message: WatchEndpointClosedResponse): Found | undefined {
    const { kind, position, endpointClosed } = message;
    if (kind === WatchKind.RESET) {
      this.cursor = position === undefined ? undefined : Number(position.revision);
      return undefined;
    }
    const to = Number(position?.revision);
    const { cursor } = this;
    this.cursor = to;
    if (to > this.truth.last) return { check: 'Durable', text: `an end at ${to}; ${this.truth.last} is durable` };
    if (cursor === undefined) {
      if (kind === WatchKind.BOOKMARK) return undefined;
      return { check: 'Ordered', text: `an end at ${to} before it was said where the watch begins` };
    }
    if (to < cursor) return { check: 'Ordered', text: `an end at ${to} after ${cursor}` };
    const due = this.truth
      .between(cursor, to, NOBODY)
      .flatMap(({ revision, changes }) =>
        changes.flatMap((change) =>
          change.kind === 'SessionClosed' && this.concerns(change.session.sid)
            ? `${change.session.sid} at ${revision} for ${change.reason}`
            : [],
        ),
      );
    const told =
      endpointClosed && `${endpointClosed.cvid} at ${endpointClosed.position?.revision} for ${endpointClosed.reason}`;
    if (due.join() === (told ?? '')) return undefined;
    const check = kind === WatchKind.BOOKMARK ? 'Bookmarkable' : due.length === 0 ? 'Unique' : 'Reliable';
    return { check, text: `between ${cursor} and ${to} the ends [${told ?? ''}] were told; they are [${due}]` };
  }

  private concerns(sid: number): boolean {
    return this.sids.size === 0 || this.sids.has(sid);
  }
}

const NOBODY: ReadonlySet<number> = new Set();
