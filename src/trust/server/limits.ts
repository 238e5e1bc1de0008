/** The bounds of proofs, each with its reason. */
export interface TrustLimits {
  /** How long a nonce is good: a slow link and a slow device, and little for a thief to work with. */
  readonly nonceMs: number;
  /** Proofs that are remembered so that none is taken twice, for as long as their nonces are good: 4,000 sessions a second. */
  readonly usedMax: number;
  /** Signatures that are verified at once: what keeps the thread pool busy; the disk's work waits in the same queue. */
  readonly verifyingMax: number;
  /** Proofs that wait for that: some tenths of a second of verifying, and 1 KiB each. */
  readonly waitingMax: number;
  /**
   * Imported keys that are kept: a fleet of 50,000 that comes back at once finds all of its own again, where of fewer places each would
   * have been taken by another when its turn comes. 1.4 KiB for one of Ed25519 and 2.1 KiB for one of P-256, so 135 MiB at most.
   */
  readonly keysKeptMax: number;
  /** How long older keys stay good after a rotation: a day, so that a backup of the day before still gets in. */
  readonly overlapMs: number;
}

/** The bounds of every server. */
export const DEFAULT_TRUST_LIMITS: TrustLimits = {
  nonceMs: 60_000,
  usedMax: 262_144,
  verifyingMax: 64,
  waitingMax: 8_192,
  keysKeptMax: 65_536,
  overlapMs: 86_400_000,
};
