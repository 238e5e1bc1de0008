import type { Check } from '../check.js';
import type { ServerCall } from '../machine/server-call.js';
import type { ServerScene } from '../scene.js';

/** No quiet watch is silent for longer: network_service.proto promises it. */
const WATCH_SILENCE_MS = 30_000;
/** An attachment has a heartbeat at least so often: session.proto promises it. */
const ATTACHMENT_SILENCE_MS = 15_000;

/**
 * **Audible**: no stream that can be written to is silent for longer than its contract says.
 *
 * One whose client takes nothing cannot be written to; its silence begins when it can.
 */
export class Silence implements Check {
  private readonly quietSinceMs = new Map<ServerCall, number>();

  constructor(private readonly scene: ServerScene) {}

  arrived(call: ServerCall): void {
    const method = call.getPath().split('/').at(-1)!;
    if (method === 'Attach' || method.startsWith('Watch')) this.quietSinceMs.set(call, this.scene.nowMs());
  }

  wrote(call: ServerCall): void {
    if (!this.quietSinceMs.has(call)) return;
    this.look(call);
    this.quietSinceMs.set(call, this.scene.nowMs());
  }

  ended(call: ServerCall): void {
    this.quietSinceMs.delete(call);
  }

  died(): void {
    this.quietSinceMs.clear();
  }

  proceeded(): void {
    for (const call of this.quietSinceMs.keys()) this.quietSinceMs.set(call, this.scene.nowMs());
  }

  swept(): void {
    if (!this.scene.serverRuns()) return;
    for (const call of this.quietSinceMs.keys()) this.look(call);
  }

  private look(call: ServerCall): void {
    const nowMs = this.scene.nowMs();
    if (call.blockedSinceMs !== undefined) this.quietSinceMs.set(call, nowMs);
    const silenceMs = nowMs - this.quietSinceMs.get(call)!;
    const allowedMs = call.getPath().endsWith('/Attach') ? ATTACHMENT_SILENCE_MS : WATCH_SILENCE_MS;
    if (silenceMs <= allowedMs) return;
    this.scene.verdict.fail('Audible', `${call.getPeer()} ${call.getPath()} heard nothing for ${silenceMs} ms`);
  }
}
