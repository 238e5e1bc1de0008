import { Backoff } from '../backoff.js';
import { SwitchyardError } from '../error.js';
import { Scope, wait } from '../instance/scope.js';
import { LIMITS } from '../limits.js';
import { StatusCode } from '../status.js';
import { callSpan } from './call-span.js';
import type { Caller } from './caller.js';
import type { Method } from './channel.js';

/** What a caller may say about a call. */
export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long it may take in all, retries included. The server is told, too. */
  readonly timeoutMs?: number | undefined;
  /**
   * Try again while the server is away, asks to come again later, or does not know what came of the call, until the time is over.
   * Only for what may be done twice: an answer that was lost looks like a server that is away. A function is asked each time.
   */
  readonly retry?: boolean | (() => boolean) | undefined;
  /** The W3C `traceparent` that the call belongs to. Absent: the program's active span, where it records any. */
  readonly traceparent?: string | undefined;
}

/** A response whose messages are all there: the protos allow their absence, the services do not. */
export type Complete<Response> = { [Field in keyof Response]: Exclude<Response[Field], undefined> };

/** Makes one call, with its deadline, its credentials and, if asked for, its retries. */
export async function call<Request, Response extends object>(
  caller: Caller,
  method: Method<Request, Response>,
  request: Request,
  options: CallOptions,
): Promise<Complete<Response>> {
  const timeoutMs = options.timeoutMs ?? LIMITS.callTimeoutMs;
  const endsAtMs = caller.clock.nowMs() + timeoutMs;
  const scope = new Scope(options.signal, caller.life);
  const release = caller.channel.hold();
  const tooLate = new SwitchyardError(StatusCode.DEADLINE_EXCEEDED, `${method.path} took longer than ${timeoutMs} ms`);
  const timer = caller.clock.after(timeoutMs, () => scope.abort(tooLate));
  const backoff = new Backoff(caller.random);
  const span = callSpan(caller, method.path, options.traceparent);
  let hasShown = false;
  try {
    for (;;) {
      scope.signal.throwIfAborted();
      const metadata = await caller.credentials(scope.signal);
      const leftMs = Math.max(1, endsAtMs - caller.clock.nowMs());
      try {
        const sent = { metadata: { ...metadata, ...span.metadata }, signal: scope.signal, timeoutMs: leftMs };
        const response = complete(method, await caller.channel.unary(method, request, sent));
        span.done();
        return response;
      } catch (error) {
        if (!(error instanceof SwitchyardError) || scope.signal.aborted) throw error;
        if (!hasShown && (await showAgain(caller, error, scope.signal, metadata))) {
          hasShown = true;
          continue;
        }
        caller.failed(error, metadata);
        const again = typeof options.retry === 'function' ? options.retry() : options.retry;
        if (!again || !(error.temporary || error.reason === 'OUTCOME_UNKNOWN')) throw error;
        if (caller.channel.moveOn?.(error)) continue;
        await wait(caller.clock, backoff.afterFailure(error.retryAfterMs), scope.signal);
      }
    }
  } catch (error) {
    span.failed(error);
    throw error;
  } finally {
    timer.cancel();
    scope.release();
    release();
  }
}

/** Whether a refused call is worth another try, because its caller has shown itself on the connection meanwhile. */
export async function showAgain(
  caller: Caller,
  error: unknown,
  signal: AbortSignal,
  sent: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  if (!(error instanceof SwitchyardError) || signal.aborted) return false;
  const { reason } = error;
  if (reason !== 'AUTH_REQUIRED' && reason !== 'PROOF_INVALID') return false;
  return (await caller.show?.(signal, reason, sent)) ?? false;
}

/** Messages of a response that the services may leave out. */
const OPTIONAL: ReadonlySet<string> = new Set([
  '/switchyard.v1.SessionService/Session identity',
  '/switchyard.v1.IdentityService/WhoAmI principal',
  '/switchyard.v1.IdentityService/Challenge adminProof',
  '/switchyard.v1.ServerService/GetServer uptime',
  '/switchyard.v1.ServerService/GetServer position',
  '/switchyard.v1.ServerService/GetServer snapshotAt',
]);

function complete<Response extends object>(method: Method<never, Response>, response: Response): Complete<Response> {
  for (const [field, value] of Object.entries(response)) {
    if (value === undefined && !OPTIONAL.has(`${method.path} ${field}`))
      throw new SwitchyardError(StatusCode.DATA_LOSS, `${method.path} answered without ${field}`);
  }
  return response as Complete<Response>;
}
