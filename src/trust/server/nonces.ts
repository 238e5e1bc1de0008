import { timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../../base/clock.js';
import { NONCE_BYTES, uuidBytes } from '../signed-bytes.js';
import { ShortHmac } from './short-hmac.js';

/*
 * A nonce. Integers are big-endian:
 *
 *    0                        8          16                                       40
 *   +------------------------+----------+----------------------------------------+
 *   | ms since this start    |  random  |  first 24 B of an HMAC-SHA-256         |
 *   +------------------------+----------+----------------------------------------+
 *
 * The HMAC, by a key of this start, is over the 16 bytes before it, the server's UUID (16 B) and the network's name. So the
 * server recognises its nonces and keeps nothing of them.
 */
const KEY_BYTES = 32;
const HEAD_BYTES = 16;
const RANDOM_BYTES = 8;
const RANDOM_AT = 8;
/** Nonces whose random bytes are drawn at once: each draw takes the event loop 2 µs, as long as the HMAC. */
const DRAWN_AT_ONCE = 128;

/** What nonces are made of. */
export interface NoncesDeps {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly random: Random;
  /** In lower case. Known once the network is founded. */
  readonly serverUuid: () => string;
  /** How long a nonce is good. */
  readonly nonceMs: number;
}

/** The nonces that a server hands out for proofs. */
export class Nonces {
  readonly #deps: NoncesDeps;
  readonly #hmac: ShortHmac;
  readonly #startMs: number;
  /** What is left of the random bytes that were drawn. They are no secret: they keep the nonces of one millisecond apart. */
  #drawn: Uint8Array = new Uint8Array(0);
  /** The last seal: a proof's nonce is looked at for its network, and again when the proof is checked. */
  #last: { head: Buffer; network: string; seal: Buffer } = {
    head: Buffer.alloc(0),
    network: '',
    seal: Buffer.alloc(0),
  };

  constructor(deps: NoncesDeps) {
    this.#deps = deps;
    this.#hmac = new ShortHmac(deps.random.bytes(KEY_BYTES));
    this.#startMs = deps.clock.nowMs();
  }

  /** A new nonce. */
  issue(network: string): Buffer {
    const nonce = Buffer.alloc(NONCE_BYTES);
    nonce.writeBigUInt64BE(BigInt(this.#ageMs()));
    nonce.set(this.#draw(), RANDOM_AT);
    nonce.set(this.#seal(nonce.subarray(0, HEAD_BYTES), network), HEAD_BYTES);
    return nonce;
  }

  /** Why a nonce is not good; undefined for one that is. */
  problemOf(nonce: Uint8Array, network: string): string | undefined {
    if (nonce.length !== NONCE_BYTES) return `a nonce of ${nonce.length} bytes; it has ${NONCE_BYTES}`;
    const bytes = Buffer.from(nonce.buffer, nonce.byteOffset, nonce.length);
    const seal = this.#seal(bytes.subarray(0, HEAD_BYTES), network);
    if (!timingSafeEqual(bytes.subarray(HEAD_BYTES), seal))
      return 'the nonce is not of this server, or of before its start';
    const { nonceMs } = this.#deps;
    const isExpired = this.#ageMs() - Number(bytes.readBigUInt64BE()) > nonceMs;
    return isExpired ? `the nonce is older than ${nonceMs / 1_000} s` : undefined;
  }

  #ageMs(): number {
    return Math.floor(this.#deps.clock.nowMs() - this.#startMs);
  }

  #draw(): Uint8Array {
    if (this.#drawn.length === 0) this.#drawn = this.#deps.random.bytes(DRAWN_AT_ONCE * RANDOM_BYTES);
    const drawn = this.#drawn.subarray(0, RANDOM_BYTES);
    this.#drawn = this.#drawn.subarray(RANDOM_BYTES);
    return drawn;
  }

  #seal(head: Uint8Array, network: string): Buffer {
    const last = this.#last;
    if (last.network === network && last.head.equals(head)) return last.seal;
    const hmac = this.#hmac.digest(head, uuidBytes(this.#deps.serverUuid()), Buffer.from(network));
    const seal = hmac.subarray(0, NONCE_BYTES - HEAD_BYTES);
    this.#last = { head: Buffer.from(head), network, seal };
    return seal;
  }
}
