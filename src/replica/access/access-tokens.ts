import { hash } from 'node:crypto';
import type { Clock, Random } from '../../base/clock.js';

/*
 * The text of an access token: `swa1_` and then, in base64url without padding, 24 random bytes. The prefix lets a scanner for leaked
 * secrets know what it has found.
 */
const PREFIX = 'swa1_';
const SECRET_BYTES = 24;

/** Bounds of access tokens. */
export const ACCESS_LIMITS = {
  /** How long one is good: a break of a person's work. */
  validMs: 3_600_000,
  /** Of one identity: some commands at once, each with its own; the oldest goes. */
  perIdentityMax: 32,
  /** In all: 20 MB. Beyond them nobody logs in until one has expired. */
  inAllMax: 65_536,
} as const;

/** Whom an access token, an issuer's token or a certificate is of. */
export interface AccessHolder {
  /** The identity, in lower case. */
  readonly uuid: string;
  /** The key by which it logged in. */
  readonly keyId: string;
  /** By what the call is made, where that is no access token: it vouches for the identity itself, so that a session may be opened by it. */
  readonly via?: 'issuer' | 'certificate';
  /** Those of a part of this process that is no identity; absent: those that the identity has. */
  readonly roles?: readonly string[];
  /** Until when it is good, by the monotonic clock; absent: as long as the process lives. */
  readonly untilMs?: number;
}

const PROCESS: AccessHolder = { uuid: '', keyId: '', roles: ['observer'] };

interface Kept extends AccessHolder {
  readonly untilMs: number;
}

/**
 * The tokens of those who have logged in: for calls of principals that have no session. Kept in memory, by the hash of each, so
 * that the time of a look-up says nothing of a token; a restart forgets them.
 */
export class AccessTokens {
  /** The oldest first, as all are good equally long. */
  readonly #kept = new Map<string, Kept>();
  readonly #ofIdentity = new Map<string, string[]>();
  readonly #deps: { readonly clock: Pick<Clock, 'nowMs'>; readonly random: Random };

  constructor(deps: { readonly clock: Pick<Clock, 'nowMs'>; readonly random: Random }) {
    this.#deps = deps;
  }

  #ofProcess: string | undefined;
  /** Tokens that were lent, by their digest. */
  readonly #lent = new Map<string, AccessHolder>();
  /** The digests of those, by identity: empty sets are not kept. */
  readonly #lentOfIdentity = new Map<string, Set<string>>();

  /** How many are good, or were a moment ago. */
  get count(): number {
    return this.#kept.size;
  }

  /** A new token; undefined when there are too many. */
  issue({ uuid, keyId }: AccessHolder): string | undefined {
    const { clock, random } = this.#deps;
    this.#forgetExpired();
    const own = this.#ofIdentity.get(uuid) ?? [];
    if (own.length >= ACCESS_LIMITS.perIdentityMax) this.#forget(own[0]);
    if (this.#kept.size >= ACCESS_LIMITS.inAllMax) return undefined;
    const token = PREFIX + Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url');
    const digest = digestOf(token);
    this.#kept.set(digest, { uuid, keyId, untilMs: clock.nowMs() + ACCESS_LIMITS.validMs });
    this.#ofIdentity.set(uuid, [...(this.#ofIdentity.get(uuid) ?? []), digest]);
    return token;
  }

  /** The token of this process's own observer, which shows the network to those whom another door has let in. */
  ofProcess(): string {
    this.#ofProcess ??= PREFIX + Buffer.from(this.#deps.random.bytes(SECRET_BYTES)).toString('base64url');
    return this.#ofProcess;
  }

  /**
   * A token for one call that another door of this process passes on, of somebody whom that has let in. It is good until it is given
   * back, and counts nowhere: the door bounds its calls.
   */
  lend(access: Pick<AccessHolder, 'uuid' | 'keyId'>): string {
    const token = PREFIX + Buffer.from(this.#deps.random.bytes(SECRET_BYTES)).toString('base64url');
    const digest = digestOf(token);
    this.#lent.set(digest, access);
    const own = this.#lentOfIdentity.get(access.uuid) ?? new Set();
    this.#lentOfIdentity.set(access.uuid, own.add(digest));
    return token;
  }

  /** The end of what was lent. What was begun with it goes on. */
  giveBack(token: string): void {
    this.#forgetLent(digestOf(token));
  }

  /** The hashes of an identity's tokens that are good, each with the key by which it was given and how long it is good. */
  hashesOf(uuid: string): { readonly hash: Buffer; readonly keyId: string; readonly leftMs: number }[] {
    const nowMs = this.#deps.clock.nowMs();
    return (this.#ofIdentity.get(uuid) ?? []).flatMap((digest) => {
      const kept = this.#kept.get(digest);
      return kept !== undefined && nowMs < kept.untilMs
        ? [{ hash: Buffer.from(digest, 'latin1'), keyId: kept.keyId, leftMs: kept.untilMs - nowMs }]
        : [];
    });
  }

  /**
   * Ends the tokens of an identity that were given, or lent, by a key that is not good any more. They stay ended when it is bound again.
   */
  endUnless(uuid: string, isGood: (keyId: string) => boolean): void {
    for (const digest of this.#ofIdentity.get(uuid) ?? []) {
      const kept = this.#kept.get(digest);
      if (kept !== undefined && !isGood(kept.keyId)) this.#forget(digest);
    }
    for (const digest of this.#lentOfIdentity.get(uuid) ?? []) {
      const lent = this.#lent.get(digest);
      if (lent !== undefined && !isGood(lent.keyId)) this.#forgetLent(digest);
    }
  }

  /** Ends the tokens of all identities that were given, or lent, by a key that is not good any more: each is looked at once. */
  endAllUnless(isGood: (holder: AccessHolder) => boolean): void {
    for (const [digest, kept] of this.#kept) if (!isGood(kept)) this.#forget(digest);
    for (const [digest, lent] of this.#lent) if (!isGood(lent)) this.#forgetLent(digest);
  }

  /** Whom a token is of; undefined for one that is not good. */
  find(token: string): AccessHolder | undefined {
    const digest = digestOf(token);
    if (this.#ofProcess !== undefined && digest === digestOf(this.#ofProcess)) return PROCESS;
    const lent = this.#lent.get(digest);
    if (lent !== undefined) return lent;
    const found = this.#kept.get(digest);
    return found !== undefined && this.#deps.clock.nowMs() < found.untilMs ? found : undefined;
  }

  #forgetExpired(): void {
    const nowMs = this.#deps.clock.nowMs();
    for (const [digest, { untilMs }] of this.#kept) {
      if (untilMs > nowMs) return;
      this.#forget(digest);
    }
  }

  #forget(digest: string): void {
    const { uuid } = this.#kept.get(digest)!;
    this.#kept.delete(digest);
    const left = (this.#ofIdentity.get(uuid) ?? []).filter((one) => one !== digest);
    if (left.length === 0) this.#ofIdentity.delete(uuid);
    else this.#ofIdentity.set(uuid, left);
  }

  #forgetLent(digest: string): void {
    const lent = this.#lent.get(digest);
    if (lent === undefined) return;
    this.#lent.delete(digest);
    const own = this.#lentOfIdentity.get(lent.uuid);
    own?.delete(digest);
    if (own?.size === 0) this.#lentOfIdentity.delete(lent.uuid);
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'buffer').toString('latin1');
}
