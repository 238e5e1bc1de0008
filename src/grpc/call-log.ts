import { type ServerInterceptingCallInterface, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import { originOfPeer } from '../shares/origin.js';

/** What a log of calls stands on. */
export interface CallLogDeps {
  readonly log: Pick<Logger, 'debug' | 'isLevelEnabled'>;
  readonly clock: Clock;
}

/** Logs one call at its end, at level debug: what it was, whose, what came of it, and how long it took. */
export function logCall(call: ServerInterceptingCallInterface, path: string, { log, clock }: CallLogDeps): void {
  const fromMs = clock.nowMs();
  const { sendStatus, start } = call;
  const method = path.split('/').at(-1);
  let isNoted = false;
  const note = (code: string) => {
    // A call that has its status is cancelled by its end, too.
    if (isNoted) return;
    isNoted = true;
    const { address } = originOfPeer(call.getPeer());
    log.debug({ method, address, code, ms: Math.round(clock.nowMs() - fromMs) }, 'a call');
  };
  call.sendStatus = (sent) => {
    note(status[sent.code ?? status.UNKNOWN]);
    sendStatus.call(call, sent);
  };
  // A call that its caller gives up is sent no status.
  call.start = (listener) => {
    const onCancel = () => {
      note('CANCELLED');
      listener.onCancel();
    };
    start.call(call, { ...bound(listener), onCancel });
  };
}

/** The parts of a listener, whether its methods are its own or its class's. */
function bound(listener: Parameters<ServerInterceptingCallInterface['start']>[0]) {
  return {
    onReceiveMetadata: listener.onReceiveMetadata.bind(listener),
    onReceiveMessage: listener.onReceiveMessage.bind(listener),
    onReceiveHalfClose: listener.onReceiveHalfClose.bind(listener),
  };
}
