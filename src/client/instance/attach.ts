import { type AttachResponse, SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
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
    scope.release();
  }
}
