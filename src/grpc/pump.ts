import { Fault } from '../core/model/fault.js';
import { toEnding } from './status.js';

/** Something that is read step by step: a subscription of a feed, an attachment, an end of a stream. */
export interface Source<M> {
  /** Whether the next message is made for this reader alone. Absent: never. */
  readonly isCostly?: boolean;
  /** The next message, `ended` after the last, a Fault that ends it, or undefined when there is nothing yet. */
  next(): M | 'ended' | Fault | undefined;
  /** `wake` is called when {@link next} may have something after it had nothing. */
  onReady(wake: () => void): void;
  close(): void;
}

/** A call that the server writes to, whichever way else it goes. */
export interface WritableCall<A> {
  readonly cancelled: boolean;
  write(message: A, written: () => void): unknown;
  emit(event: 'error', error: Error): unknown;
  end(): unknown;
  on(event: 'cancelled', call: () => void): unknown;
}

/**
 * Carries a source to a streaming call, with one write in flight: the next message is only taken when HTTP/2's flow
 * control has let the last one go. So a client that does not read holds one message here, and the source decides what
 * becomes of the rest.
 *
 * The source is closed when the call ends, however it ends. What the source throws ends this call, with the fault that `failed` makes
 * of it: those who wake the source wake others after it.
 */
export function pump<M, A>(
  source: Source<M>,
  call: WritableCall<A>,
  encode: (message: M) => A,
  failed: (error: unknown) => Fault,
): void {
  let writing = false;
  let over = call.cancelled;
  const fail = (fault: Fault) => {
    over = true;
    call.emit('error', toEnding(fault));
  };
  const tryStep = () => {
    if (writing || over) return;
    const message = source.next();
    if (message === undefined) return;
    if (message instanceof Fault) return fail(message);
    if (message === 'ended') {
      over = true;
      call.end();
      return;
    }
    writing = true;
    // grpc-js never calls back on a call that was cancelled; 'cancelled' below is what ends this then.
    call.write(encode(message), () => {
      writing = false;
      step();
    });
  };
  const step = () => {
    try {
      tryStep();
    } catch (error) {
      fail(failed(error));
    }
  };
  const end = () => {
    over = true;
    source.close();
  };
  // It comes once. `once` would be a wrapper for each of many thousand watches.
  call.on('cancelled', end);
  if (over) {
    end();
    return;
  }
  source.onReady(step);
  step();
}
