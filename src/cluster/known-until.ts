import type { Clock } from '../base/clock.js';
import { BEAT_MS } from './limits.js';
import type { FollowerLink, FollowerMessage } from './peers.js';

/**
 * Up to when, by its own clock, a leader knows what a follower has renewed. A message may have been on its way for long, so its arrival says
 * nothing of that; how many of the leader's messages the follower had by then does: it was sent after the last of these. One of them is waited
 * for at a time, so that nothing grows while a follower is silent.
 */
export class KnownUntil {
  /** Nothing is known before the follower has answered. */
  #untilMs = Number.NEGATIVE_INFINITY;
  #sent = 0;
  /** Which message is waited for, and when it was sent. */
  #awaited: { readonly count: number; readonly sentMs: number } | undefined;

  get untilMs(): number {
    return this.#untilMs;
  }

  /** The link to the follower, by which each message is counted that is sent. */
  counted(link: FollowerLink, clock: Clock): FollowerLink {
    const send: FollowerLink['send'] = (message) => {
      this.#sent++;
      this.#awaited ??= { count: this.#sent, sentMs: clock.nowMs() };
      link.send(message);
    };
    return { send, refuse: () => link.refuse(), reject: (why) => link.reject(why) };
  }

  /** What no follower says of how much it has heard; undefined: the message is in order. */
  problemOf({ heard = 0 }: Pick<FollowerMessage, 'heard'>): string | undefined {
    return heard > this.#sent ? `heard: ${heard}; ${this.#sent} messages were sent` : undefined;
  }

  /** A message has come; `heard`: how many the follower had when it told its renewals last. One of an earlier build does not say. */
  received(heard: number | undefined, nowMs: number): void {
    if (heard === undefined) this.#untilMs = nowMs - BEAT_MS;
    else if (this.#awaited !== undefined && heard >= this.#awaited.count) {
      this.#untilMs = this.#awaited.sentMs;
      this.#awaited = undefined;
    }
  }
}
