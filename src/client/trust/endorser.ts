import { makeEndorsement } from '../../trust/endorsement.js';
import { DEFAULT_NETWORK } from '../../trust/signed-bytes.js';
import type { Caller } from '../channel/caller.js';
import type { EndorsementPlace } from '../connection/peer-key-check.js';
import type { InstanceOptions } from '../instance/instance-options.js';

/**
 * How long an endorsement is good: half of what is taken, so that one is not refused because the clock of this machine is some hours
 * ahead.
 */
const GOOD_MS = 12 * 3_600_000;
/** When less is left of it, another one is made: a peer whose clock is some hours ahead takes it as well. */
const RENEW_MS = 6 * 3_600_000;

/** Endorses the key of an instance's connections by the key of its identity. The last endorsement is kept while it is good. */
export class Endorser {
  /** Where and when the endorsements of peers are looked at, too. */
  readonly place: EndorsementPlace;
  readonly #options: Pick<InstanceOptions, 'key' | 'uuid' | 'identity'>;
  #last: { readonly keyId: Buffer; readonly connectionKey: Uint8Array; untilMs: number; bytes: Buffer } | undefined;

  constructor(
    options: Pick<InstanceOptions, 'key' | 'uuid' | 'identity'>,
    { channel, clock }: Pick<Caller, 'channel' | 'clock'>,
  ) {
    this.place = { network: channel.network ?? DEFAULT_NETWORK, clock };
    this.#options = options;
  }

  /** The endorsement of a connection's key; undefined for an instance without a key of its own. */
  async endorse(connectionKey: Uint8Array): Promise<Buffer | undefined> {
    const { key: source, uuid, identity = uuid } = this.#options;
    if (source === undefined) return undefined;
    const key = typeof source === 'function' ? await source() : source;
    const { network, clock } = this.place;
    const nowMs = clock.wallMs();
    const last = this.#last;
    // A clock that was set back makes the last one good for too long.
    const isGood = last !== undefined && last.untilMs > nowMs + RENEW_MS && last.untilMs <= nowMs + GOOD_MS;
    if (isGood && last.keyId.equals(key.keyId) && last.connectionKey === connectionKey) return last.bytes;
    const untilMs = nowMs + GOOD_MS;
    const bytes = makeEndorsement(key, {
      network,
      identityUuid: identity,
      connectionKey,
      expiresAtMs: untilMs,
    });
    this.#last = { keyId: key.keyId, connectionKey, untilMs, bytes };
    return bytes;
  }
}
