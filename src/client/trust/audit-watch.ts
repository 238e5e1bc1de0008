import { type AuditAnchor, type AuditLine, IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { Backoff } from '../backoff.js';
import { showAgain } from '../channel/call.js';
import type { Caller } from '../channel/caller.js';
import { SwitchyardError } from '../error.js';
import { Scope, wait } from '../instance/scope.js';
import { unlessSilent } from '../instance/silence.js';
import { LIMITS } from '../limits.js';
import { StatusCode } from '../status.js';

/** Where a watch of the audit log begins, and how it goes on. */
export interface WatchAuditOptions {
  /** Ends the watch, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The number of the last line that is known; 0: from the oldest that is kept. Absent: `newest` says it. */
  readonly after?: bigint | undefined;
  /** How many of the newest lines to begin with. Default: none. */
  readonly newest?: number | undefined;
  /** Ends without an error when the newest line was told, in the place of waiting for the next. */
  readonly isOnce?: boolean | undefined;
  /** Told whenever the watch breaks and will go on by itself after `delayMs`. Absent: the first break is an error. */
  readonly onBreak?: ((error: SwitchyardError, delayMs: number) => void) | undefined;
}

/** The lines of the audit log, over every break: it goes on behind the last line that came. */
export async function* followAudit(
  caller: Caller,
  { signal, after: from, newest = 0, isOnce = false, onBreak }: WatchAuditOptions,
): AsyncGenerator<AuditLine, void, undefined> {
  const scope = new Scope(signal, caller.life);
  const release = caller.channel.hold();
  const backoff = new Backoff(caller.random);
  let after = from;
  let hasShown = false;
  try {
    for (;;) {
      const call = new Scope(scope.signal);
      const sinceMs = caller.clock.nowMs();
      let metadata: Readonly<Record<string, string>> = {};
      let failure: unknown = new SwitchyardError(StatusCode.UNAVAILABLE, 'the server ended the watch without a reason');
      try {
        metadata = await caller.credentials(scope.signal);
        const request = { after, newest: after === undefined ? newest : 0 };
        const sent = { metadata, signal: call.signal };
        const messages = caller.channel.serverStream(IdentityServiceService.watchAudit, request, sent);
        for await (const { lines, end } of unlessSilent(messages, LIMITS.watchSilenceMs, caller.clock, call)) {
          hasShown = false;
          // Without a line it is where the watch stands from now on.
          if (after === undefined && lines.length === 0) after = end;
          for (const line of lines) {
            after = line.number;
            yield line;
          }
          if (isOnce && (after ?? 0n) >= end) return;
        }
      } catch (error) {
        failure = error;
      } finally {
        call.release();
      }
      if (scope.signal.aborted) throw scope.signal.reason;
      if (!hasShown && (await showAgain(caller, failure, scope.signal, metadata))) {
        hasShown = true;
        continue;
      }
      if (!(failure instanceof SwitchyardError) || !failure.temporary || onBreak === undefined) throw failure;
      backoff.stood(caller.clock.nowMs() - sinceMs);
      const delayMs = backoff.afterFailure(failure.retryAfterMs);
      onBreak(failure, delayMs);
      await wait(caller.clock, delayMs, scope.signal);
    }
  } finally {
    scope.release();
    release();
  }
}

/** What the network's journal knows of the server's audit log. */
export async function readAuditAnchors(caller: Caller, signal?: AbortSignal): Promise<readonly AuditAnchor[]> {
  const call = new Scope(signal, caller.life);
  const release = caller.channel.hold();
  try {
    const sent = { metadata: await caller.credentials(call.signal), signal: call.signal };
    const request = { after: undefined, newest: 0 };
    const messages = caller.channel.serverStream(IdentityServiceService.watchAudit, request, sent);
    for await (const { anchors } of unlessSilent(messages, LIMITS.watchSilenceMs, caller.clock, call)) return anchors;
    throw new SwitchyardError(StatusCode.UNAVAILABLE, 'the server ended the watch without a reason');
  } finally {
    call.release();
    release();
  }
}
