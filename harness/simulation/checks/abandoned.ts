import type { CallStatus } from '../../../src/client/error.js';
import { StatusCode } from '../../../src/client/status.js';
import type { Check } from '../check.js';
import { isHasty, isHastyStream } from '../clients/hasty.js';
import type { ServerCall } from '../machine/server-call.js';
import { type ServerScene, STORED_LATE_MS, storesInTime } from '../scene.js';

/**
 * **Abandoned**: no session and no stream survives whose caller gave up before its answer was written.
 *
 * A server that dies between the two does not know of it any more: its sessions live for their TTL.
 */
export class Abandoned implements Check {
  /** Instances and streams whose caller has given up, with when the server could last not have ended them. */
  private readonly sinceMs = new Map<string, number>();

  constructor(private readonly scene: ServerScene) {}

  ended(call: ServerCall, said: CallStatus | undefined): void {
    if (said?.code === StatusCode.OK) return;
    const made = this.madeBy(call);
    if (made !== undefined) this.sinceMs.set(made, this.scene.nowMs());
  }

  died(): void {
    this.sinceMs.clear();
  }

  swept(): void {
    const nowMs = this.scene.nowMs();
    const isAble = storesInTime(this.scene);
    for (const [made, sinceMs] of this.sinceMs) {
      if (!isAble) this.sinceMs.set(made, nowMs);
      else if (nowMs - sinceMs > STORED_LATE_MS) {
        // Nothing of it can come any more: its command was stored by now, or never will be.
        this.sinceMs.delete(made);
        const left = this.find(made);
        if (left === undefined) continue;
        this.scene.verdict.fail('Abandoned', `${left} lives, ${nowMs - sinceMs} ms after its caller gave up`);
      }
    }
  }

  /** What a hasty caller's call makes, by its name: the UUID of an instance or the name of a stream. */
  private madeBy(call: ServerCall): string | undefined {
    if (call.getPath().endsWith('.SessionService/Session')) {
      const { instanceUuid } = call.request as { readonly instanceUuid: string };
      return isHasty(instanceUuid) ? instanceUuid : undefined;
    }
    if (!call.getPath().endsWith('.StreamService/CreateStream')) return undefined;
    const { name } = (call.request as { readonly params?: { readonly name?: string } }).params ?? {};
    return name !== undefined && isHastyStream(name) ? name : undefined;
  }

  private find(made: string): string | undefined {
    const { sessions, streams } = this.scene.truth.state;
    if (isHasty(made)) {
      const session = sessions.ofInstance(made);
      return session && `session ${session.sid}`;
    }
    for (const id of streams.idsAfter(0)) {
      if (streams.get(id)?.params.name === made) return `stream ${id}`;
    }
    return undefined;
  }
}
