import type { AttachResponse } from '../../../gen/switchyard/v1/session_service.js';
import type { Order } from '../../../src/core/model/order.js';
import type { Check } from '../check.js';
import type { ServerCall } from '../machine/server-call.js';
import { type ServerScene, STORED_LATE_MS, storesInTime } from '../scene.js';
import type { Revision } from '../truth.js';

/** How soon an attachment has every order that waits. */
const GIVEN_WITHIN_MS = 1_000;

/**
 * **Given**: an order is given on every attachment of its session until it is answered, and none waits past its deadline.
 */
export class Orders implements Check {
  private readonly waiting = new Map<string, { readonly order: Order; readonly sinceMs: number }>();
  private readonly attachments = new Map<number, { call: ServerCall; given: Set<string>; sinceMs: number }>();
  private troubledMs = 0;

  constructor(private readonly scene: ServerScene) {}

  durable({ changes }: Revision): void {
    for (const change of changes) {
      if (change.kind === 'OrderPlaced') {
        // Durable now, and known to the server when the disk has said so.
        const sinceMs = this.scene.nowMs() + this.scene.disk.slownessMs;
        this.waiting.set(keyOf(change.order), { order: change.order, sinceMs });
      } else if (change.kind === 'OrderSettled') this.settle(change.order);
      else if (change.kind === 'SessionClosed') {
        for (const { order } of [...this.waiting.values()]) if (order.sid === change.session.sid) this.settle(order);
      }
    }
  }

  arrived(call: ServerCall, sid: number | undefined): void {
    if (sid === undefined || !call.getPath().endsWith('/Attach')) return;
    this.attachments.set(sid, { call, given: new Set(), sinceMs: this.scene.nowMs() });
  }

  wrote(call: ServerCall, message: unknown): void {
    if (!call.getPath().endsWith('/Attach')) return;
    const { order } = message as AttachResponse;
    for (const attachment of this.attachments.values()) {
      if (attachment.call === call && order !== undefined) attachment.given.add(order.orderId);
    }
  }

  ended(call: ServerCall): void {
    for (const [sid, attachment] of this.attachments) if (attachment.call === call) this.attachments.delete(sid);
  }

  started(): void {
    this.proceeded();
  }

  died(): void {
    this.attachments.clear();
  }

  proceeded(): void {
    this.troubledMs = this.scene.nowMs();
  }

  swept(): void {
    if (!storesInTime(this.scene)) this.troubledMs = this.scene.nowMs();
    for (const { order } of this.waiting.values()) this.look(order);
  }

  private settle(order: Order): void {
    this.look(order);
    this.waiting.delete(keyOf(order));
  }

  private look(order: Order): void {
    const key = keyOf(order);
    const nowMs = this.scene.nowMs();
    const waitsMs = nowMs - Math.max(this.waiting.get(key)?.sinceMs ?? nowMs, this.troubledMs);
    if (waitsMs > order.deadlineMs + STORED_LATE_MS) {
      const text = `order ${key} waits for ${waitsMs} ms; its deadline is ${order.deadlineMs} ms`;
      this.scene.verdict.fail('Given', text);
    }
    const attachment = this.attachments.get(order.sid);
    if (attachment === undefined || attachment.call.blockedSinceMs !== undefined) return;
    const couldMs = Math.min(waitsMs, nowMs - attachment.sinceMs);
    if (couldMs > GIVEN_WITHIN_MS && !attachment.given.has(order.id)) {
      this.scene.verdict.fail('Given', `order ${key} was not given on an attachment of ${couldMs} ms`);
    }
  }
}

function keyOf({ sid, id }: { readonly sid: number; readonly id: string }): string {
  return `${sid} ${id}`;
}
