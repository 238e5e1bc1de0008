import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeTicket, encodeTicket, TicketTextError } from '../../src/trust/ticket.js';

/** A line of test/vectors/tickets.json. */
interface Vector {
  readonly name: string;
  readonly encrypted: boolean;
  readonly secret: string;
  readonly pins: readonly string[];
  readonly addresses: readonly string[];
  readonly text: string;
}

const VECTORS = JSON.parse(readFileSync('test/vectors/tickets.json', 'utf8')) as Vector[];
const [{ text: TEXT }] = VECTORS;

describe('the text of a ticket', () => {
  it.each(VECTORS)('$name: is that of test/vectors/tickets.json, and is read as what it says', (vector) => {
    const content = {
      isEncrypted: vector.encrypted,
      secret: Buffer.from(vector.secret, 'hex'),
      pins: vector.pins.map((pin) => Buffer.from(pin, 'hex')),
      addresses: vector.addresses,
    };
    expect(encodeTicket(content)).toBe(vector.text);
    expect(decodeTicket(`\n ${vector.text}\n`)).toEqual(content);
  });

  it('is refused when any character is missing or another', () => {
    for (let at = 0; at < TEXT.length; at++) {
      const other = TEXT[at] === 'A' ? 'B' : 'A';
      expect(() => decodeTicket(TEXT.slice(0, at))).toThrow(TicketTextError);
      expect(() => decodeTicket(TEXT.slice(0, at) + other + TEXT.slice(at + 1))).toThrow(TicketTextError);
    }
  });

  it('that is anything else is refused without being repeated', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeTicket(`swt1_${text}`)).toThrow(TicketTextError);
      }),
    );
    expect(() => decodeTicket('hunter2 is my secret')).toThrow(/^a ticket is swt1_ and base64url$/);
  });
});
