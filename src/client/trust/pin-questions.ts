import type { Caller } from '../channel/caller.js';
import type { Channel } from '../channel/channel.js';
import type { ServerChannel } from '../channel/channel-pool.js';
import { LIMITS } from '../limits.js';
import { isAway } from './admin-proof.js';
import { askForChallenge } from './proof.js';

/** A channel to one server, and how calls over it name the network. */
export interface PinChannel {
  readonly channel: ServerChannel | Channel;
  readonly inNetwork: (channel: Channel) => Channel;
}

/**
 * Asks a server for its pins beside a first call. False: it was away, and the time has passed after which it may be asked again, so that one
 * that refuses for its load is not asked with every call. Never rejects.
 */
export async function askAtFirst(caller: Caller, channel: Channel): Promise<boolean> {
  if ((await askOnce(caller, channel)) || caller.life.aborted) return true;
  return new Promise((resolve) => void caller.clock.after(LIMITS.pinsAgainMs, () => resolve(false)));
}

/** Asks a server for its pins, which the channel takes from the answer. False: it is away. Never rejects: it is asked again in an hour. */
async function askOnce(caller: Caller, channel: Channel): Promise<boolean> {
  try {
    await askForChallenge({ ...caller, channel }, caller.life);
    return true;
  } catch (error) {
    return !isAway(error);
  }
}

/**
 * Asks every server to which there is a channel, each hour, for the pins of its authorities, as long as the caller lives: a client that stays
 * connected for months would not hear of the next authority before it is used.
 */
export function askForPins(caller: Caller, channels: () => readonly PinChannel[]): void {
  const { clock, life } = caller;
  const ask = () =>
    void Promise.all(channels().map((one) => askOver(caller, one))).then(() => {
      if (!life.aborted) timer = clock.after(LIMITS.pinsMs, ask);
    });
  let timer = clock.after(LIMITS.pinsMs, ask);
  life.addEventListener('abort', () => timer.cancel(), { once: true });
}

async function askOver(caller: Caller, { channel, inNetwork }: PinChannel): Promise<void> {
  const another = 'another' in channel ? channel.another?.() : undefined;
  await askOnce(caller, inNetwork(another ?? channel));
  another?.close();
}
