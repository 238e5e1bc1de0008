import type { Logger } from 'pino';
import type { Clock, Random } from '../clock.js';
import type { Feed } from '../feed/feed.js';
import type { DoorLimits } from '../limits.js';
import type { Relay } from '../relay/relay.js';
import type { Opening } from '../replica/opening.js';
import type { Replica } from '../replica/replica.js';

/** What the services stand on. Handed in by the composition root, shared with the other doors. */
export interface Backing {
  readonly replica: Replica;
  readonly opening: Opening;
  /** Everything that can be watched. */
  readonly feeds: { readonly network: Feed; readonly closed: Feed; readonly streams: Feed };
  /** The data of streams. */
  readonly relay: Relay;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits: DoorLimits;
  /** The administrators' token; undefined for a server that has no administrator. */
  readonly adminToken: string | undefined;
  /** How long an order waits for its answer. */
  readonly orderDeadlineMs: number;
}
