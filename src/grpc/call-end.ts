import { type ServerInterceptingCallInterface, status } from '@grpc/grpc-js';
import type { Clock } from '../base/clock.js';

/** Called once, when a call is over, with its gRPC status and how long it took. */
export type CallEnded = (code: status, tookMs: number) => void;

/** Reports the end of a call once: with the status that it is sent, or as cancelled when its caller gives it up. */
export function onCallEnd(call: ServerInterceptingCallInterface, clock: Clock, ended: CallEnded): void {
  const fromMs = clock.nowMs();
  const { sendStatus, start } = call;
  let isOver = false;
  const end = (code: status) => {
    // A call that has its status is cancelled by its end, too.
    if (isOver) return;
    isOver = true;
    ended(code, clock.nowMs() - fromMs);
  };
  call.sendStatus = (sent) => {
    end(sent.code ?? status.UNKNOWN);
    sendStatus.call(call, sent);
  };
  // A call that its caller gives up is sent no status. The listener is this call's own, so its method can be replaced.
  call.start = (listener) => {
    const { onCancel } = listener;
    listener.onCancel = () => {
      end(status.CANCELLED);
      onCancel.call(listener);
    };
    start.call(call, listener);
  };
}
