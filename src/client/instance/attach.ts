import { type AttachResponse, SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import type { Timer } from '../../base/clock.js';
import { call } from '../channel/call.js';
import { callSpan } from '../channel/call-span.js';
import type { Caller } from '../channel/caller.js';
import { LIMITS } from '../limits.js';
import { Scope } from './scope.js';
import { unlessSilent } from './silence.js';

/** One attachment, to its end; rejects when it breaks, or says nothing for too long. Leaving the loop ends it. */
export async function* attach(caller: Caller, signal: AbortSignal): AsyncGenerator<AttachResponse, void, undefined> {
  const { channel, clock } = caller;
  const method = SessionServiceService.attach;
  const scope = new Scope(signal);
  const span = callSpan(caller, method.path);
  const stopShowing = keepShown(caller, scope.signal);
  try {
    const metadata = { ...(await caller.credentials(signal)), ...span.metadata };
    const orders = channel.serverStream(method, {}, { metadata, signal: scope.signal });
    for await (const response of unlessSilent(orders, LIMITS.attachmentSilenceMs, clock, scope)) {
      span.done();
      yield response;
    }
  } catch (error) {
    span.failed(error);
    throw error;
  } finally {
    stopShowing();
    scope.release();
  }
}

/**
 * Shows the server the credentials of the moment whenever those before are about to end, as what a session has begun ends with them.
 * Answers with the way to stop.
 */
function keepShown(caller: Caller, signal: AbortSignal): () => void {
  const { clock } = caller;
  let timer: Timer | undefined;
  const plan = (leastMs: number) => {
    const inMs = caller.renewsInMs?.();
    if (inMs !== undefined && !signal.aborted) timer = clock.after(Math.max(leastMs, inMs), show);
  };
  const show = () => {
    timer = undefined;
    // One that is not taken ends the attachment, which then says why.
    call(caller, SessionServiceService.keepAlive, { proof: undefined }, { signal })
      .catch(() => {})
      .finally(() => plan(LIMITS.reconnectMs));
  };
  plan(0);
  return () => timer?.cancel();
}
