import type { CallStatus } from '../../../src/client/error.js';
import { StatusCode } from '../../../src/client/status.js';
import type { Check } from '../check.js';
import { isHasty } from '../hasty.js';
import { type ServerScene, STORED_LATE_MS, storesInTime } from '../scene.js';
import type { ServerCall } from '../server-call.js';

/**
 * **Abandoned**: no session survives whose caller gave up before its answer was written.
 *
 * A server that dies between the two does not know of it any more: its sessions live for their TTL.
 */
export class Abandoned implements Check {
  /** Instances whose caller has given up, with when the server could last not have ended their session. */
  private readonly sinceMs = new Map<string, number>();

  constructor(private readonly scene: ServerScene) {}

  ended(call: ServerCall, said: CallStatus | undefined): void {
    if (!call.getPath().endsWith('.SessionService/Session') || said?.code === StatusCode.OK) return;
    const { instanceUuid } = call.request as { readonly instanceUuid: string };
    if (isHasty(instanceUuid)) this.sinceMs.set(instanceUuid, this.scene.nowMs());
  }

  died(): void {
    this.sinceMs.clear();
  }

  swept(): void {
    const nowMs = this.scene.nowMs();
    const isAble = storesInTime(this.scene);
    for (const [uuid, sinceMs] of this.sinceMs) {
      const session = this.scene.truth.state.sessions.ofInstance(uuid);
      if (!isAble) this.sinceMs.set(uuid, nowMs);
      else if (nowMs - sinceMs > STORED_LATE_MS) {
        // Nothing of it can come any more: its command was stored by now, or never will be.
        this.sinceMs.delete(uuid);
        if (session === undefined) continue;
        const text = `session ${session.sid} lives, ${nowMs - sinceMs} ms after its caller gave up`;
        this.scene.verdict.fail('Abandoned', text);
      }
    }
  }
}
