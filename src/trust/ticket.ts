import { hash } from 'node:crypto';
import { HASH_BYTES, sized } from './signed-bytes.js';

/*
 * The text of a ticket: `swt1_` and base64url without padding of
 *
 *    0       1             33      34                     34 + 32 n
 *   +-------+-------------+-------+----------------------+-------+------------------------------+-----------------+
 *   | flags | secret 32 B | pins  | pins, 32 B each      | addr. | of each: length, HOST:PORT   | check 4 B       |
 *   +-------+-------------+-------+----------------------+-------+------------------------------+-----------------+
 *
 * Numbers are single bytes. Flags: 1, the server speaks TLS; the others are 0. The check is the beginning of the SHA-256 of all before
 * it, so that a ticket that was cut or mistyped is known for one before anybody is asked.
 */
const PREFIX = 'swt1_';
const FLAG_TLS = 1;
const CHECK_BYTES = 4;

/** Bytes of a ticket's secret. */
export const TICKET_SECRET_BYTES = 32;
/** Addresses in a ticket's text: more would not be tried in a time that somebody waits. */
export const TICKET_ADDRESSES_MAX = 8;
/** Pins in a ticket's text: of the authority, and of the one that comes after it. */
export const TICKET_PINS_MAX = 2;
const ADDRESS_LENGTH_MAX = 255;

/** What the text of a ticket says. */
export interface TicketContent {
  /** {@link TICKET_SECRET_BYTES} bytes. */
  readonly secret: Uint8Array;
  /** Whether the server speaks TLS. */
  readonly isEncrypted: boolean;
  /** SHA-256 of the SubjectPublicKeyInfo of the authorities that the server may have. Empty: it is known to the system's. */
  readonly pins: readonly Uint8Array[];
  /** HOST:PORT, in the order in which they are to be tried. */
  readonly addresses: readonly string[];
}

/** A text that is no ticket. The message says what is wrong, and nothing of the text. */
export class TicketTextError extends Error {}

/** The text of a ticket. Throws for what it cannot say: a caller's mistake. */
export function encodeTicket({ secret, isEncrypted, pins, addresses }: TicketContent): string {
  if (pins.length > TICKET_PINS_MAX || addresses.length > TICKET_ADDRESSES_MAX)
    throw new Error('too much for a ticket');
  const texts = addresses.map((address) => Buffer.from(address));
  if (texts.some(({ length }) => length > ADDRESS_LENGTH_MAX)) throw new Error('an address too long for a ticket');
  const content = Buffer.concat([
    Buffer.of(isEncrypted ? FLAG_TLS : 0),
    sized('secret', secret, TICKET_SECRET_BYTES),
    Buffer.of(pins.length),
    ...pins.map((pin) => sized('pin', pin, HASH_BYTES)),
    Buffer.of(texts.length),
    ...texts.flatMap((text) => [Buffer.of(text.length), text]),
  ]);
  return PREFIX + Buffer.concat([content, checkOf(content)]).toString('base64url');
}

/** Reads the text of a ticket, white space around it aside. Throws a {@link TicketTextError}. */
export function decodeTicket(text: string): TicketContent {
  const trimmed = text.trim();
  if (!/^swt1_[A-Za-z0-9_-]+$/.test(trimmed)) throw new TicketTextError(`a ticket is ${PREFIX} and base64url`);
  const bytes = Buffer.from(trimmed.slice(PREFIX.length), 'base64url');
  // The last character may have bits that stand for nothing.
  const isCanonical = bytes.toString('base64url') === trimmed.slice(PREFIX.length);
  const content = bytes.subarray(0, -CHECK_BYTES);
  if (!isCanonical || bytes.length <= CHECK_BYTES || !bytes.subarray(-CHECK_BYTES).equals(checkOf(content))) {
    throw new TicketTextError('the ticket is cut or mistyped: its check does not fit');
  }
  const reader = new ContentReader(content);
  const flags = reader.byte();
  const secret = reader.take(TICKET_SECRET_BYTES);
  const pins = Array.from({ length: reader.byte() }, () => reader.take(HASH_BYTES));
  const addresses = Array.from({ length: reader.byte() }, () => reader.take(reader.byte()).toString());
  if (!reader.isAtEnd || (flags & ~FLAG_TLS) !== 0) {
    throw new TicketTextError('the ticket says something that this release does not know');
  }
  return { secret, isEncrypted: flags === FLAG_TLS, pins, addresses };
}

function checkOf(content: Uint8Array): Buffer {
  return hash('sha256', content, 'buffer').subarray(0, CHECK_BYTES);
}

/** Reads bytes in order. Throws a {@link TicketTextError} past their end. */
class ContentReader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  byte(): number {
    return this.take(1)[0];
  }

  take(count: number): Buffer {
    if (this.#at + count > this.bytes.length) throw new TicketTextError('the ticket ends too soon');
    this.#at += count;
    return this.bytes.subarray(this.#at - count, this.#at);
  }
}
