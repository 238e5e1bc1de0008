import type { Clock, Random } from '../../base/clock.js';
import type { Tracer } from '../../tracing/tracer.js';
import type { SwitchyardError } from '../error.js';
import type { LocalAddresses } from '../local-addresses.js';
import type { Channel } from './channel.js';

/** Why a call was refused that may be worth another try once its caller has shown itself. */
export type ShowReason = 'AUTH_REQUIRED' | 'PROOF_INVALID';

/** The metadata of a call. */
type Metadata = Readonly<Record<string, string>>;

/** Who makes a call: an observer, an administrator or an instance, with its way to the server, its time and its chance. */
export interface Caller {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly random: Random;
  /** Those of this machine, whose loss no kernel reports. */
  readonly addresses: LocalAddresses;
  /** Ends with the object that calls, and everything that it has begun ends with it. */
  readonly life: AbortSignal;
  /** The metadata for the next call. An instance's waits until there is a session. */
  credentials(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** Where spans of what it does go; undefined: nowhere. Asked for each span. */
  tracer(): Tracer | undefined;
  /**
   * Shows who calls on the connection of the moment, after a call was refused because nobody had done so (AUTH_REQUIRED) or because what
   * was shown is good no more (PROOF_INVALID). `sent` is the metadata that the call had. Resolves with whether the call is worth another try;
   * absent where there is nothing to show.
   */
  readonly show?: ((signal: AbortSignal, reason: ShowReason, sent: Metadata) => Promise<boolean>) | undefined;
  /** In how long its credentials are other ones, which what stands is to be shown then; undefined: they stay. */
  readonly renewsInMs?: (() => number | undefined) | undefined;
  /**
   * Sees every error of a call before anybody acts on it. True: it was about the session that `metadata` proves, and
   * the next credentials are others.
   */
  failed(error: SwitchyardError, metadata: Readonly<Record<string, string>>): boolean;
}
