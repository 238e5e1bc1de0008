import { WatchKind } from '../../gen/switchyard/v1/network.js';
import type { Position } from '../../gen/switchyard/v1/position.js';
import { Backoff } from './backoff.js';
import { showAgain } from './channel/call.js';
import { callSpan } from './channel/call-span.js';
import type { Caller } from './channel/caller.js';
import type { Method } from './channel/channel.js';
import { isOfMonth, SwitchyardError } from './error.js';
import { Scope, wait } from './instance/scope.js';
import { unlessSilent } from './instance/silence.js';
import { LIMITS } from './limits.js';
import { StatusCode } from './status.js';

/** What every watch's messages have in common. */
export interface Watched {
  readonly position?: Position | undefined;
  readonly kind: WatchKind;
}

/** What a caller may say about a watch. */
export interface WatchOptions {
  /** Ends the watch, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Continues past this position, one that an earlier watch told. Absent: from the beginning, or from now. */
  readonly after?: Position | undefined;
  /** Told whenever the watch breaks and will go on by itself after `delayMs`. */
  readonly onBreak?: ((error: SwitchyardError, delayMs: number) => void) | undefined;
}

/** One kind of watch: how it is asked for, and what its messages mean. */
export interface WatchPlan<Request, Response extends Watched> {
  readonly method: Method<Request, Response>;
  /** The request that continues past a position, or begins. */
  readonly request: (after: Position | undefined) => Request;
  /** The RESET that the client itself says when it has to begin again. */
  readonly reset: () => Response;
  /** Whether a beginning is a snapshot. Watches of closed endpoints have none: what has ended is not there. */
  readonly snapshot: boolean;
  /** How many revisions a DELTA covers, where messages tell: then a missing revision is noticed. */
  readonly revisions?: (response: Response) => number;
}

/**
 * A watch that goes on by itself: the server's messages as they are, over every break.
 *
 * After a break it continues past the last position. Where that is not possible (the position is compacted, the watch
 * lagged, a snapshot was cut short, a revision is missing) it begins again, and says so with a RESET of its own, which
 * has no position. It ends by its signal, by leaving the loop, or with an error that trying again would not change.
 *
 * A reader that takes its time pauses the call; nothing is read ahead for it but what the channel bounds.
 */
export async function* follow<Request, Response extends Watched>(
  caller: Caller,
  plan: WatchPlan<Request, Response>,
  options: WatchOptions,
): AsyncGenerator<Response, void, undefined> {
  const scope = new Scope(options.signal, caller.life);
  const release = caller.channel.hold();
  const backoff = new Backoff(caller.random);
  let after = options.after;
  let told = after !== undefined;
  let hasShown = false;
  try {
    for (;;) {
      const call = new Scope(scope.signal);
      const sinceMs = caller.clock.nowMs();
      let metadata: Readonly<Record<string, string>> = {};
      const span = callSpan(caller, plan.method.path);
      let failure: unknown;
      try {
        metadata = await caller.credentials(scope.signal);
        const messages = caller.channel.serverStream(plan.method, plan.request(after), {
          metadata: { ...metadata, ...span.metadata },
          signal: call.signal,
        });
        for await (const message of unlessSilent(messages, LIMITS.watchSilenceMs, caller.clock, call)) {
          hasShown = false;
          span.done();
          refuseBroken(plan, after, message);
          after = positionAfter(plan, message);
          told = true;
          yield message;
        }
        failure = new SwitchyardError(StatusCode.UNAVAILABLE, 'the server ended the watch without a reason');
      } catch (error) {
        failure = error;
      } finally {
        // Of a watch that was open before this is no part: its span is its opening.
        if (failure === undefined && !scope.signal.aborted) span.done();
        else span.failed(failure ?? scope.signal.reason);
        call.release();
      }
      if (!hasShown && (await showAgain(caller, failure, scope.signal, metadata))) {
        hasShown = true;
        continue;
      }
      const next = nextTry(failure, scope.signal, (error) => caller.failed(error, metadata));
      if (next.anew) after = undefined;
      backoff.stood(caller.clock.nowMs() - sinceMs);
      const isElsewhere = caller.channel.moveOn?.(next.error) ?? false;
      const delayMs = isElsewhere ? 0 : backoff.afterFailure(next.error.retryAfterMs);
      options.onBreak?.(next.error, delayMs);
      await wait(caller.clock, delayMs, scope.signal);
      if (after !== undefined || !told) continue;
      // Once: the next tries may fail as well, and nothing was told since.
      told = false;
      yield plan.reset();
    }
  } finally {
    scope.release();
    release();
  }
}

/** Where to continue when the watch breaks after this message; undefined: only from the beginning. */
function positionAfter<Response extends Watched>(
  plan: { readonly snapshot: boolean },
  message: Response,
): Position | undefined {
  switch (message.kind) {
    case WatchKind.SNAPSHOT:
      return undefined;
    case WatchKind.RESET:
      return plan.snapshot ? undefined : message.position;
    default:
      return message.position;
  }
}

/**
 * The server promises a whole snapshot where a watch begins with one, and then every revision, once, in order. Where messages
 * show it, a broken promise is not passed on.
 */
function refuseBroken<Response extends Watched>(
  plan: { readonly snapshot: boolean; readonly revisions?: (response: Response) => number },
  after: Position | undefined,
  message: Response,
): void {
  if (message.kind === WatchKind.SNAPSHOT || message.kind === WatchKind.RESET) return;
  if (!message.position) throw new SwitchyardError(StatusCode.DATA_LOSS, 'the watch told no position');
  if (message.kind === WatchKind.SNAPSHOT_END) return;
  if (plan.snapshot && !after) {
    const what = message.kind === WatchKind.DELTA ? 'a change' : 'a position';
    throw new SwitchyardError(StatusCode.DATA_LOSS, `${what} came before the end of the snapshot that it continues`);
  }
  if (!plan.revisions || !after) return;
  const covers = message.kind === WatchKind.DELTA ? plan.revisions(message) : 0;
  const { epoch, revision } = message.position;
  if (epoch === after.epoch && revision === after.revision + BigInt(covers)) return;
  throw new SwitchyardError(
    StatusCode.DATA_LOSS,
    `revision ${revision} of ${epoch} came with ${covers} changes after revision ${after.revision} of ${after.epoch}`,
  );
}

/** Whether, and how, to try again. Rethrows what trying again would not change. */
function nextTry(
  failure: unknown,
  signal: AbortSignal,
  ofSession: (error: SwitchyardError) => boolean,
): { error: SwitchyardError; anew: boolean } {
  if (signal.aborted) throw signal.reason;
  if (!(failure instanceof SwitchyardError)) throw failure;
  if (ofSession(failure)) return { error: failure, anew: true };
  if (isOfMonth(failure)) throw failure;
  switch (failure.code) {
    case StatusCode.INVALID_ARGUMENT:
    case StatusCode.NOT_FOUND:
    case StatusCode.PERMISSION_DENIED:
    case StatusCode.FAILED_PRECONDITION:
    case StatusCode.UNIMPLEMENTED:
    case StatusCode.UNAUTHENTICATED:
      throw failure;
    case StatusCode.OUT_OF_RANGE:
    case StatusCode.DATA_LOSS:
      return { error: failure, anew: true };
    default:
      return { error: failure, anew: failure.reason === 'WATCH_LAGGED' };
  }
}
