import type { Clock } from '../base/clock.js';
import type { Forwarder } from './forwarder.js';
import { FATE_MS_MAX, LEAVE_MS_MAX, LOOK_MS } from './limits.js';
import type { LocalNews } from './local-news.js';

/** What leaves. */
export interface LeaveDeps {
  readonly forwarder: Pick<Forwarder, 'waiting' | 'leave'>;
  readonly news: Pick<LocalNews, 'isAnswered'>;
  readonly clock: Clock;
  readonly isFollowing: () => boolean;
}

/**
 * Has a follower leave in order: what became of its commands is waited for, then the leader is told what was renewed here last. So it need not
 * reckon with renewals that it has not heard of. Where it does not answer in time, it does.
 */
export async function leave({ forwarder, news, clock, isFollowing }: LeaveDeps): Promise<void> {
  const waitFor = async (isDone: () => boolean, maxMs: number) => {
    const untilMs = clock.nowMs() + maxMs;
    while (isFollowing() && !isDone() && clock.nowMs() < untilMs) {
      await new Promise<void>((resolve) => clock.after(LOOK_MS / 10, resolve));
    }
  };
  await waitFor(() => forwarder.waiting === 0, FATE_MS_MAX);
  if (!isFollowing()) return;
  if (forwarder.leave()) await waitFor(() => news.isAnswered, LEAVE_MS_MAX);
}
