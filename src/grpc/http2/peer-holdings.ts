import { Holdings } from '../../base/holdings.js';
import { SharedBytes } from '../../base/shared-bytes.js';
import { keysOf, tableOf } from '../../base/tables.js';
import type { DoorLimits } from '../limits.js';

/** Kinds of bytes held for the peers of the gRPC door. Each kind has a bound of its own, for all peers together. */
const KINDS = {
  requests: { bound: 'requestBytesMax', why: 'requests that are not complete' },
  answers: { bound: 'answerBytesMax', why: 'answers that are not taken' },
  streams: { bound: 'streamBytesMax', why: 'messages of streams that are not taken' },
  calls: { bound: 'callBytesMax', why: 'calls that stay open, with their metadata' },
  watches: { bound: 'watchBytesMax', why: 'messages of watches that are not taken' },
} as const satisfies Record<string, { readonly bound: keyof DoorLimits; readonly why: string }>;

/** A kind of what is held for peers. */
export type HeldKind = keyof typeof KINDS;
/** What a call's messages count as when they are written to it. */
export type WrittenKind = 'answers' | 'streams';

const NAMES = keysOf(KINDS);

/** The paths of the methods that are counted in different ways. */
export interface CallPaths {
  /** Each request is answered by one message, which counts for its connection as well. */
  readonly answers: ReadonlySet<string>;
  /** Watches, whose messages are shared and so are counted before they are written. */
  readonly watches: ReadonlySet<string>;
  /** Methods whose calls are followed by {@link AnswerFates}. */
  readonly watched?: ReadonlySet<string>;
  /** Methods whose calls carry data of the relay. */
  readonly relays?: ReadonlySet<string>;
}

/**
 * Bytes that the gRPC door holds for all its peers: open calls, incomplete requests, and answers that they have not taken. Of a
 * peer it knows only which one it is.
 */
export class PeerHoldings<P extends object> {
  readonly #holdings: Readonly<Record<HeldKind, Holdings<P>>>;
  /** What watches have on their way. */
  readonly watches: SharedBytes<P>;

  constructor(limits: DoorLimits, expel: (peer: P, why: string) => void) {
    this.#holdings = tableOf(NAMES, (kind) => {
      const { bound, why } = KINDS[kind];
      return new Holdings<P>({ bytesMax: limits[bound], expel: (peer) => expel(peer, why) });
    });
    this.watches = new SharedBytes(this.#holdings.watches);
  }

  /** A peer holds so many bytes more, or (negative) fewer. */
  add(kind: HeldKind, peer: P, bytes: number): void {
    this.#holdings[kind].add(peer, bytes);
  }

  /** A peer is leaving: nothing counts for it any more. */
  forget(peer: P): void {
    for (const kind of NAMES) this.#holdings[kind].forget(peer);
  }

  /** Bytes that are held in all, by kind. */
  totals(): Record<HeldKind, number> {
    return tableOf(NAMES, (kind) => this.#holdings[kind].total);
  }
}
