import type { Command } from '../../../src/core/model/command.js';
import { CloseReason } from '../../../src/core/model/session.js';
import type { Check } from '../check.js';
import { openedIn } from '../clients/system-packets.js';
import type { ServerCall } from '../machine/server-call.js';
import { type ServerScene, STORED_LATE_MS, storesInTime } from '../scene.js';
import type { Revision } from '../truth.js';

/** A shorter pause of the server is no reason to give anybody more time; a longer one gives as much as it lasted. */
const PAUSE_MS = 2_000;
/** How long an end that was refused waits for its next try, until the tick of the leases that finds it. */
const AGAIN_MS = 1_500;
const ATTACH = 'Attach';
const EXCHANGE = 'Exchange';

interface Lease {
  readonly ttlMs: number;
  /** When the session last showed that it lives. */
  renewedMs: number;
  /** Its newest attachment, while that is open. */
  attachment: ServerCall | undefined;
  /** The server decided that it is over. */
  isOver: boolean;
}

/**
 * **Leased**: no session expires before its TTL is over. **Ghostless**: none outlives its TTL and grace.
 *
 * Both by what reached the server, on the server's own time: what it could not hear while it was away does not count
 * against anybody.
 */
export class Leases implements Check {
  private readonly leases = new Map<number, Lease>();
  private troubledMs = 0;
  /** The most that were over and not ended at one time, since there was none. */
  private mostOver = 0;

  constructor(private readonly scene: ServerScene) {}

  durable({ changes }: Revision): void {
    for (const change of changes) {
      if (change.kind === 'SessionClosed') this.leases.delete(change.session.sid);
      if (change.kind !== 'SessionOpened') continue;
      const { sid, ttlMs } = change.session;
      this.leases.set(sid, { ttlMs, renewedMs: this.scene.nowMs(), attachment: undefined, isOver: false });
    }
  }

  arrived(call: ServerCall, sid: number | undefined): void {
    const lease = sid === undefined ? undefined : this.leases.get(sid);
    if (lease === undefined || lease.isOver) return;
    lease.renewedMs = this.scene.nowMs();
    if (call.getPath().endsWith(`/${ATTACH}`)) lease.attachment = call;
  }

  /** A session that is opened over system events is attached by that connection. */
  wrote(call: ServerCall, message: unknown): void {
    if (!call.getPath().endsWith(`/${EXCHANGE}`)) return;
    const sid = openedIn((message as { readonly packet: Uint8Array }).packet);
    const lease = sid === undefined ? undefined : this.leases.get(sid);
    if (lease !== undefined) lease.attachment = call;
  }

  ended(call: ServerCall): void {
    for (const lease of this.leases.values()) {
      if (lease.attachment !== call) continue;
      lease.attachment = undefined;
      lease.renewedMs = this.scene.nowMs();
    }
  }

  submitted(command: Command): void {
    if (command.kind !== 'CloseSession' || command.reason !== CloseReason.EXPIRED) return;
    const lease = this.leases.get(command.sid);
    if (lease === undefined || lease.isOver) return;
    lease.isOver = true;
    const restedMs = this.scene.nowMs() - lease.renewedMs;
    if (lease.attachment !== undefined) {
      this.scene.verdict.fail('Leased', `session ${command.sid} expires while it is attached`);
    } else if (restedMs < lease.ttlMs) {
      const text = `session ${command.sid} expires ${restedMs} ms after it was renewed; its TTL is ${lease.ttlMs} ms`;
      this.scene.verdict.fail('Leased', text);
    }
  }

  started(): void {
    this.troubledMs = this.scene.nowMs();
    for (const lease of this.leases.values()) {
      lease.attachment = undefined;
      lease.isOver = false;
      lease.renewedMs = this.scene.nowMs();
    }
  }

  proceeded(stoodMs: number): void {
    this.troubledMs = this.scene.nowMs();
    if (stoodMs < PAUSE_MS) return;
    for (const lease of this.leases.values()) lease.renewedMs += stoodMs;
  }

  swept(): void {
    const nowMs = this.scene.nowMs();
    if (!storesInTime(this.scene)) this.troubledMs = nowMs;
    const { graceMs, pendingMax } = this.scene.limits.replica;
    const over = [...this.leases].flatMap(([sid, { ttlMs, renewedMs, attachment }]) => {
      const overMs = nowMs - Math.max(renewedMs, this.troubledMs) - Math.max(ttlMs, graceMs);
      return attachment === undefined && overMs > 0 ? [{ sid, overMs }] : [];
    });
    this.mostOver = over.length === 0 ? 0 : Math.max(this.mostOver, over.length);
    // As many as may wait are stored in one go; the others are refused, and tried again.
    const lateMs = STORED_LATE_MS + Math.ceil(this.mostOver / pendingMax) * AGAIN_MS;
    for (const { sid, overMs } of over) {
      const overdueMs = overMs - lateMs;
      if (overdueMs <= 0) continue;
      this.scene.verdict.fail('Ghostless', `session ${sid} is there ${overdueMs} ms after the last moment it may be`);
    }
  }
}
