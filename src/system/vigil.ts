import type { Clock } from '../clock.js';
import type { SystemLimits } from '../limits.js';

/** How a connection stands while it is looked at. */
export interface Standing {
  readonly hasSession: boolean;
  /** Whether the server itself does not read: then silence is no fault of the client's. */
  readonly isPaused: boolean;
}

/** What one connection has had of the time and the packets that it may take. Only numbers: one timer looks at all. */
export class Vigil {
  private readonly sinceMs: number;
  private heardMs: number;
  private partialSinceMs: number | undefined;
  private tokens: number;
  private tokensMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly limits: SystemLimits,
  ) {
    const nowMs = clock.nowMs();
    this.sinceMs = nowMs;
    this.heardMs = nowMs;
    this.tokens = limits.packetsPerSecondMax;
    this.tokensMs = nowMs;
  }

  /** A whole packet came. */
  heard(): void {
    this.heardMs = this.clock.nowMs();
    this.partialSinceMs = undefined;
  }

  /** So many bytes of a packet wait for its end. */
  partial(bytes: number): void {
    if (bytes === 0) this.partialSinceMs = undefined;
    else this.partialSinceMs ??= this.clock.nowMs();
  }

  /** Takes one packet from a bucket that holds a second's worth; false: it is one too many. */
  take(): boolean {
    const nowMs = this.clock.nowMs();
    const { packetsPerSecondMax } = this.limits;
    const earned = ((nowMs - this.tokensMs) * packetsPerSecondMax) / 1_000;
    this.tokens = Math.min(packetsPerSecondMax, this.tokens + earned) - 1;
    this.tokensMs = nowMs;
    return this.tokens >= 0;
  }

  /** Which bound has been passed by now. */
  passed(nowMs: number, { hasSession, isPaused }: Standing): 'handshake' | 'slow' | 'idle' | undefined {
    const { handshakeMs, packetMs, idleMs } = this.limits;
    if (!hasSession && nowMs - this.sinceMs >= handshakeMs) return 'handshake';
    if (isPaused) return undefined;
    if (this.partialSinceMs !== undefined && nowMs - this.partialSinceMs >= packetMs) return 'slow';
    return nowMs - this.heardMs >= idleMs ? 'idle' : undefined;
  }
}
