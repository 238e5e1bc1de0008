import type { SessionResponse } from '../../gen/switchyard/v1/session_service.js';
import type { Complete } from '../../src/client/channel/call.js';
import { CloseReason, msOf, type WatchEndpointClosedResponse } from '../../src/client/index.js';
import { SESSION_METADATA } from '../../src/grpc/caller.js';
import type { Outcome } from '../simulation/check.js';
import { sidOfToken } from '../simulation/clients/token.js';
import type { Truth } from '../simulation/truth.js';
import type { Verdict } from '../simulation/verdict.js';

interface Lease {
  readonly ttlMs: number;
  /** The server has heard of the session at this moment or later. */
  provenMs: number;
}

/**
 * **Leased**, as far as it can be told from outside: whoever hears that a session expired hears it no sooner than its TTL
 * after a call of that session was sent and answered, and after the server process began that ended it.
 *
 * All moments are of this process's monotonic clock. The server's own was later in each case, so nothing is found that is
 * not wrong.
 */
export class Expiries {
  /** How often each session was heard to expire. */
  readonly heard = new Map<number, number>();
  private readonly leases = new Map<number, Lease>();

  constructor(
    private readonly truth: Truth,
    private readonly verdict: Verdict,
  ) {}

  /** A client heard how a call ended. */
  answered({ method, response, error, metadata }: Outcome, sentMs: number): void {
    if (error !== undefined) return;
    if (method === 'Session') {
      const { instanceSid, ttl } = response as Complete<SessionResponse>;
      this.leases.set(instanceSid, { ttlMs: msOf(ttl), provenMs: sentMs });
      return;
    }
    const sid = sidOfToken(metadata[SESSION_METADATA]);
    const lease = sid === undefined ? undefined : this.leases.get(sid);
    if (lease !== undefined) lease.provenMs = Math.max(lease.provenMs, sentMs);
  }

  /** A watcher hears of an end; the present server process was begun at `begunMs`. */
  ended({ endpointClosed, position }: WatchEndpointClosedResponse, begunMs: number): void {
    if (endpointClosed?.reason !== CloseReason.EXPIRED) return;
    const { cvid } = endpointClosed;
    this.heard.set(cvid, (this.heard.get(cvid) ?? 0) + 1);
    const lease = this.leases.get(cvid);
    if (lease === undefined) return;
    this.leases.delete(cvid);
    // What the journal held when it was last read, a process before this one has ended.
    const isOfThisProcess = Number(position?.revision) > this.truth.last;
    const provenMs = isOfThisProcess ? Math.max(lease.provenMs, begunMs) : lease.provenMs;
    const restedMs = performance.now() - provenMs;
    if (restedMs >= lease.ttlMs) return;
    const text = `session ${cvid} expired ${restedMs.toFixed(0)} ms after the server heard of it; its TTL is ${lease.ttlMs} ms`;
    this.verdict.fail('Leased', text);
  }
}
