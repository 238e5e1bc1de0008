import type { Origin } from '../../shares/origin.js';
import type { AccessHolder } from './access-tokens.js';

/** Who asks for something, as a door knows it. */
export interface Asker {
  /** The session whose token came with it; undefined without one. */
  readonly sid: number | undefined;
  /** It came with the administrator's token. */
  readonly isAdmin: boolean;
  readonly origin: Origin;
  /** Whom the access token is of that it came with; absent without one. */
  readonly access?: AccessHolder | undefined;
  /** Whether this identity has shown itself on the connection that it came over. */
  hasShown(uuid: string): boolean;
  /** Until when it counts there, by the monotonic clock; absent or undefined where its connection ends with that. */
  shownUntilMs?(uuid: string): number | undefined;
}
