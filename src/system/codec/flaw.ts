import type { Reason } from '../../core/model/fault.js';

/**
 * What is wrong with bytes that were received, or with where they were received.
 *
 * Decoding returns it and never throws, so that no input can take a connection down by surprise. The reason is also the
 * code of the Answer; the offset counts from the first byte of the event (or of the packet, where the packet's own
 * header is wrong) and is part of the protocol: every implementation names the same one.
 */
export class Flaw {
  constructor(
    readonly reason: FlawReason,
    readonly offset: number,
    /** For people. */
    readonly description: string,
    /** The wrong field, in the document's spelling with its path: `params.name`. Empty: no single one. */
    readonly field: string = '',
  ) {}
}

/** The reasons that the codec itself can give. */
export type FlawReason = Extract<
  Reason,
  | 'FIELD_INVALID'
  | 'TOO_LARGE'
  | 'EVENT_TYPE_UNKNOWN'
  | 'EVENT_CATEGORY_WRONG'
  | 'EVENT_TRUNCATED'
  | 'EVENT_KEY_REPEATED'
  | 'PACKET_FLAGS_INVALID'
>;
