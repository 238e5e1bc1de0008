import type { Channel } from './channel.js';
import { ProcessHold } from './process-hold.js';

/** A channel to one server, of which can be found out whether it is there. */
export interface ServerChannel extends Channel {
  /** Resolves with whether a connection stands, or could be made in time. */
  ready(signal: AbortSignal, timeoutMs: number): Promise<boolean>;
  /**
   * A further channel to the server, for its maker to close, where the connection that stands was verified by an authority that was given up
   * since: what is told over it counts for less. Undefined: the present one will do.
   */
  another?(): ServerChannel | undefined;
}

interface Entry {
  readonly channel: ServerChannel;
  users: number;
}

/** A channel that somebody uses. */
export interface UsedChannel {
  readonly channel: ServerChannel;
  /** It is used no more. Once. */
  release(): void;
}

/** The channels of one client, one for each server that is used: the instances of a program share a connection to each. */
export class ChannelPool {
  readonly #make: (address: string) => ServerChannel;
  readonly #open = new Map<string, Entry>();
  readonly #hold = new ProcessHold();

  constructor(make: (address: string) => ServerChannel) {
    this.#make = make;
  }

  /** The channel to a server. It is closed when all who use it have released it. */
  use(address: string): UsedChannel {
    const known = this.#open.get(address);
    const entry = known ?? { channel: this.#make(address), users: 0 };
    if (known === undefined) this.#open.set(address, entry);
    entry.users++;
    let isUsed = true;
    return {
      channel: entry.channel,
      release: () => {
        if (!isUsed) return;
        isUsed = false;
        if (--entry.users > 0) return;
        if (this.#open.get(address) === entry) this.#open.delete(address);
        entry.channel.close();
      },
    };
  }

  /** Those that are in use. */
  get channels(): readonly ServerChannel[] {
    return [...this.#open.values()].map(({ channel }) => channel);
  }

  /** See {@link Channel.hold}. */
  hold(): () => void {
    return this.#hold.take();
  }

  /** Ends every call. */
  close(): void {
    this.#hold.close();
    for (const { channel } of this.#open.values()) channel.close();
  }
}
