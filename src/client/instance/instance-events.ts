import type { StreamStopped } from '../../../gen/switchyard/v1/session.js';
import type { SwitchyardError } from '../error.js';
import type { OwnSession } from './own-session.js';

/** What an instance tells. */
export interface InstanceEvents {
  /** It has a new session: its first, or one in place of a lost one. */
  opened: [session: OwnSession];
  /** Orders reach it: for the first time, or again. */
  attached: [session: OwnSession];
  /** Its session is gone. Another one will be opened. */
  lost: [error: SwitchyardError];
  /** A call failed, or the attachment broke; it tries again by itself after `delayMs`. */
  broken: [error: SwitchyardError, delayMs: number];
  /** A stream, or a branch, of this session has stopped. */
  streamStopped: [stopped: StreamStopped];
  /** Something went wrong that nobody waits for: an answer that did not arrive, a handler that threw. */
  problem: [error: Error];
  /** It is over, for good: left (undefined), or why. */
  ended: [error: SwitchyardError | undefined];
}
