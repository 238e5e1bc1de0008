/** A live session. Never changed once it is made, so a copy of the reference is a snapshot of it. */
export interface Session {
  readonly sid: number;
  /** In lower case. */
  readonly uuid: string;
  readonly ttlMs: number;
  readonly name: string;
  readonly labels: Labels;
  /** SHA-256 of the token's secret, as 32 latin1 characters. */
  readonly tokenHash: string;
  /** Wall clock, for people only. */
  readonly openedAtMs: number;
  readonly openedRevision: number;
  /** The stream that it has from the start: its own SID. 0 once that stream has been stopped. */
  readonly streamId: number;
  /** The server that it is at, by its SID: the one that heard from it last. Absent: the server that founded the network. */
  readonly home?: number;
  /** The key by which its identity was proved: SHA-256, as 32 latin1 characters. Absent: nothing was proved. */
  readonly keyId?: string | undefined;
  /** Whose it is, in lower case, where that is not the instance itself: one of the sessions of a person or a service. */
  readonly identity?: string | undefined;
}

/** The identity whose session it is; of one of which nothing was proved, the instance's own UUID. */
export function identityOf({ uuid, identity }: Pick<Session, 'uuid' | 'identity'>): string {
  return identity ?? uuid;
}

/** What an instance is in its fleet, 0-7; 1 is a server. Source: `switchyard.v1.InstanceType`. */
export type InstanceType = number;

/** The make of an instance, 0-31. Source: `switchyard.v1.InstanceFlavor`. */
export type InstanceFlavor = number;

/** Facts for other programs. Keys are unique; the order means nothing. */
export type Labels = Readonly<Record<string, string>>;

/** Why a session ended. The numbers are those of `switchyard.v1.CloseReason`. */
export const CloseReason = { SUPERSEDED: 1, TERMINATED: 2, EXPIRED: 3, SERVER_LOST: 4, REVOKED: 5 } as const;
/** One of the numbers of {@link CloseReason}. */
export type CloseReason = (typeof CloseReason)[keyof typeof CloseReason];
