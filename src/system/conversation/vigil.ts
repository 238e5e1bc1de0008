import type { Clock } from '../../base/clock.js';
import type { SystemLimits } from '../limits.js';

/** How a connection stands while it is looked at. */
export interface Standing {
  readonly hasSession: boolean;
  /** Whether the server itself does not read: then silence is no fault of the client's. */
  readonly isPaused: boolean;
  /** Whether it does not read though the client takes what waits to be sent: then a session that is late is no fault of its either. */
  readonly isHeld: boolean;
  /** What waits to be sent. */
  readonly bufferedBytes: number;
}

/** What one connection has had of the time and the packets that it may take. Only numbers: one timer looks at all. */
export class Vigil {
  /** Since when it is without a session, later by the time in which the client waited for the server. */
  private sinceMs: number;
  private heardMs: number;
  private partialSinceMs: number | undefined;
  private lookedMs: number;
  /** When the client last took something of what waited, or nothing waited. */
  private tookMs: number;
  private bufferedBytes = 0;
  private tokens: number;
  private tokensMs: number;

  constructor(
    private readonly clock: Pick<Clock, 'nowMs'>,
    private readonly limits: SystemLimits,
  ) {
    const nowMs = clock.nowMs();
    this.sinceMs = nowMs;
    this.heardMs = nowMs;
    this.lookedMs = nowMs;
    this.tookMs = nowMs;
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
  passed(nowMs: number, standing: Standing): 'handshake' | 'slow' | 'idle' | 'stalled' | undefined {
    const { hasSession, isPaused, isHeld, bufferedBytes } = standing;
    const { handshakeMs, packetMs, idleMs } = this.limits;
    if (isHeld) this.sinceMs += nowMs - this.lookedMs;
    if (!hasSession && nowMs - this.sinceMs >= handshakeMs) return 'handshake';
    if (bufferedBytes === 0 || bufferedBytes < this.bufferedBytes) this.tookMs = nowMs;
    this.bufferedBytes = bufferedBytes;
    if (isPaused) this.forgive(nowMs);
    this.lookedMs = nowMs;
    if (nowMs - this.tookMs >= idleMs) return 'stalled';
    if (isPaused) return undefined;
    if (this.partialSinceMs !== undefined && nowMs - this.partialSinceMs >= packetMs) return 'slow';
    return nowMs - this.heardMs >= idleMs ? 'idle' : undefined;
  }

  /** Takes the time since the last look off what the client has needed: the server did not read. */
  private forgive(nowMs: number): void {
    const pausedMs = nowMs - this.lookedMs;
    this.heardMs = Math.min(nowMs, this.heardMs + pausedMs);
    if (this.partialSinceMs !== undefined) this.partialSinceMs = Math.min(nowMs, this.partialSinceMs + pausedMs);
  }
}
