/**
 * A connectivity check: a datagram between the two ends before there is a stream.
 *
 *      0               4       5                         21              25
 *     +---------------+-------+-------------------------+---------------+
 *     | "SYCK"        | kind  | nonce of the connection | token         |
 *     +---------------+-------+-------------------------+---------------+
 *
 * The first byte tells it from STUN (0-3, RFC 7983) and from the packets of a stream (255). The nonce came with the
 * order, so whoever knows it is the peer, the server, or somebody on the way; more than being answered with as many
 * bytes they do not get by it. Who the peer is, TLS proves.
 */
export interface Check {
  readonly kind: CheckKind;
  /** 16 bytes. */
  readonly nonce: Uint8Array;
  /** Chosen by who asks and handed back by who answers; for OPEN the number of the stream. */
  readonly token: number;
}

/** What a check says: can you hear me; I hear you; let us make stream number `token` here; it is made. */
export const CheckKind = { ASK: 1, ANSWER: 2, OPEN: 3, OPENED: 4 } as const;
/** One of the numbers of {@link CheckKind}. */
export type CheckKind = (typeof CheckKind)[keyof typeof CheckKind];

const MAGIC = Buffer.from('SYCK');
const BYTES = 25;

/** Writes a check. */
export function encodeCheck({ kind, nonce, token }: Check): Buffer {
  const bytes = Buffer.concat([MAGIC, Buffer.from([kind]), nonce, Buffer.alloc(4)]);
  bytes.writeUInt32BE(token, 21);
  return bytes;
}

/** Reads a check of this connection; undefined when the datagram is anything else. */
export function decodeCheck(bytes: Buffer, nonce: Uint8Array): Check | undefined {
  if (bytes.length !== BYTES || !bytes.subarray(0, 4).equals(MAGIC) || !bytes.subarray(5, 21).equals(nonce)) {
    return undefined;
  }
  const kind = Object.values(CheckKind).find((known) => known === bytes[4]);
  return kind && { kind, nonce, token: bytes.readUInt32BE(21) };
}
