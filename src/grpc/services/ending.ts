import { Fault } from '../../core/model/fault.js';
import type { Position } from '../../core/model/position.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Subscription } from '../../feed/subscription.js';
import { overFault } from '../../replica/access/token.js';
import type { Backing } from '../backing.js';
import type { Source } from '../pump.js';

/**
 * Resolves when a session has ended, with where the network stands then. Whoever asks may give up, and the server may be
 * drained before.
 *
 * Watches the session's end as a client would, so that it needs no ears of its own in the replica.
 */
export function sessionEnd({ replica, feeds }: Backing, sid: number, signal: AbortSignal): Promise<Position | Fault> {
  const ending = feeds.closed.subscribe({ sids: [sid] });
  if (ending instanceof Fault) return Promise.resolve(ending);
  return new Promise((resolve) => {
    const settle = (outcome: Position | Fault) => {
      ending.close();
      resolve(outcome);
    };
    const look = () => {
      for (let message = ending.next(); message !== undefined; message = ending.next()) {
        if (message instanceof Fault) return settle(message);
      }
      if (!replica.state.sessions.has(sid)) settle(replica.state.position);
    };
    const giveUp = () => settle(new Fault('ORDER_DEADLINE', 'the call was given up'));
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    ending.onReady(look);
    look();
  });
}

/** A watch that ends with its session: after that it could see nothing more. */
export function untilEnd(watching: Subscription, state: StateView, sid: number): Source<Uint8Array> {
  const isOver = () => !state.sessions.has(sid);
  return {
    get isCostly() {
      return watching.isCostly;
    },
    next: () => watching.next() ?? (isOver() ? overFault(state, sid) : undefined),
    onReady: (wake) => watching.onReady(wake),
    close: () => watching.close(),
  };
}
