import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressBytes, addressText } from '../../src/stun/address.js';
import {
  bindingAnswer,
  bindingRequest,
  decodeStun,
  encodeStun,
  mappedAddress,
  StunError,
  StunType,
} from '../../src/stun/binding.js';

const hex = (text: string) => Buffer.from(text.replace(/\s+/g, ''), 'hex');

/** RFC 5769, section 2.1: a request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, MESSAGE-INTEGRITY. */
const RFC_REQUEST = hex(`
  00010058 2112a442 b7e7a701bc34d686fa87dfae
  80220010 5354554e207465737420636c69656e74  00240004 6e0001ff  80290008 932ff9b151263b36
  00060009 6576746a3a68367659202020  00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2  80280004 e57a3bcf`);
/** RFC 5769, section 2.2: 192.0.2.1, port 32853. */
const RFC_IPV4_RESPONSE = hex(`
  0101003c 2112a442 b7e7a701bc34d686fa87dfae
  8022000b 7465737420766563746f7220  00200008 0001a147e112a643
  00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7  80280004 c07d4c96`);
/** RFC 5769, section 2.3: 2001:db8:1234:5678:11:2233:4455:6677, port 32853. */
const RFC_IPV6_RESPONSE = hex(`
  01010048 2112a442 b7e7a701bc34d686fa87dfae
  8022000b 7465737420766563746f7220  00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
  00080014 a382954e4be67bf11784c97c8292c275bfe3ed41  80280004 c8fb0b4c`);
/** RFC 5769, section 2.4: long-term credentials, and neither SOFTWARE nor FINGERPRINT. */
const RFC_LONG_TERM_REQUEST = hex(`
  00010060 2112a442 78ad3433c6ad72c029da412e
  00060012 e3839ee38388e383aae38383e382afe382b90000
  0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341
  0014000b 6578616d706c652e6f726700  00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666`);
const RFC_TRANSACTION = hex('b7e7a701bc34d686fa87dfae');
const HERE = { host: '192.0.2.1', port: 32853 };

describe('the vectors of RFC 5769', () => {
  it('reads the request, its padding and its FINGERPRINT', () => {
    const { type, transactionId, attributes, fingerprint } = decodeStun(RFC_REQUEST);
    expect({ type, transactionId, fingerprint }).toEqual({
      type: StunType.REQUEST,
      transactionId: RFC_TRANSACTION,
      fingerprint: true,
    });
    expect(attributes.map((a) => a.type)).toEqual([0x8022, 0x0024, 0x8029, 0x0006, 0x0008]);
    expect(attributes[3]!.value.toString()).toBe('evtj:h6vY');
  });

  it('reads the IPv4 response', () => {
    expect(mappedAddress(decodeStun(RFC_IPV4_RESPONSE), RFC_TRANSACTION)).toEqual(HERE);
  });

  it('reads the IPv6 response', () => {
    const address = { host: '2001:db8:1234:5678:11:2233:4455:6677', port: 32853 };
    expect(mappedAddress(decodeStun(RFC_IPV6_RESPONSE), RFC_TRANSACTION)).toEqual(address);
  });

  it('answers the request with long-term credentials, which prove something that nobody asked for', () => {
    const answer = decodeStun(bindingAnswer(decodeStun(RFC_LONG_TERM_REQUEST), HERE)!);
    expect(mappedAddress(answer, hex('78ad3433c6ad72c029da412e'))).toEqual(HERE);
    expect(answer.fingerprint).toBe(false);
  });

  it('writes the same masked address as the responses have', () => {
    const request = bindingRequest(RFC_TRANSACTION);
    expect(bindingAnswer(decodeStun(request), HERE)).toEqual(
      hex('0101000c 2112a442 b7e7a701bc34d686fa87dfae 00200008 0001a147e112a643'),
    );
  });
});

describe('an answer', () => {
  it('names the attributes that would have to be understood, with error 420', () => {
    const answer = bindingAnswer(decodeStun(RFC_REQUEST), HERE)!;
    expect(decodeStun(answer)).toEqual({
      type: StunType.ERROR,
      transactionId: RFC_TRANSACTION,
      attributes: [
        { type: 0x0009, value: Buffer.concat([hex('00000414'), Buffer.from('Unknown Attribute')]) },
        { type: 0x000a, value: hex('0024') },
      ],
      fingerprint: true,
    });
  });

  it.each([
    ['an indication', 0x0011],
    ['a success', 0x0101],
    ['an error', 0x0111],
    ['a request of another method', 0x0003],
  ])('is not given to %s', (_, type) => {
    const message = { type, transactionId: RFC_TRANSACTION, attributes: [], fingerprint: false };
    expect(bindingAnswer(decodeStun(encodeStun(message)), HERE)).toBeUndefined();
  });

  it('does not look behind MESSAGE-INTEGRITY', () => {
    const attributes = [
      { type: 0x0008, value: Buffer.alloc(20) },
      { type: 0x0024, value: Buffer.alloc(4) },
    ];
    const request = { type: StunType.REQUEST, transactionId: RFC_TRANSACTION, attributes, fingerprint: false };
    expect(decodeStun(bindingAnswer(request, HERE)!).type).toBe(StunType.SUCCESS);
  });

  it('is at most 32 bytes larger than its request, whatever the request holds', () => {
    const attribute = fc.record({
      type: fc.integer({ min: 0, max: 0xffff }).filter((type) => type !== 0x8028),
      value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 30 }), fc.boolean(), fc.ipV6(), (attributes, fingerprint, host) => {
        const transactionId = RFC_TRANSACTION;
        const bytes = encodeStun({ type: StunType.REQUEST, transactionId, attributes, fingerprint });
        const answer = bindingAnswer(decodeStun(bytes), { host, port: 1 })!;
        expect(answer.length - bytes.length).toBeLessThanOrEqual(32);
      }),
    );
  });
});

describe('hostile bytes', () => {
  const request = bindingRequest(RFC_TRANSACTION);
  const cases: [string, Buffer, RegExp][] = [
    ['nothing', Buffer.alloc(0), /no header/],
    ['a header cut short', request.subarray(0, 19), /no header/],
    ['no magic cookie, as of RFC 3489', hex('00010000 00000000 b7e7a701bc34d686fa87dfae'), /magic cookie/],
    ['TLS or RTP on the same port', Buffer.concat([hex('80'), request.subarray(1)]), /first two bits/],
    ['an odd length', hex('00010001 2112a442 b7e7a701bc34d686fa87dfae 00'), /not padded/],
    ['more announced than there is', hex('00010004 2112a442 b7e7a701bc34d686fa87dfae'), /24 bytes announced, 20 there/],
    ['less announced than there is', Buffer.concat([request, hex('00000000')]), /20 bytes announced/],
    ['an attribute that ends outside', hex('00010004 2112a442 b7e7a701bc34d686fa87dfae 80220001'), /offset 20/],
    [
      'a wrong FINGERPRINT',
      hex('00010008 2112a442 b7e7a701bc34d686fa87dfae 80280004 00000000'),
      /FINGERPRINT is wrong/,
    ],
    ['a FINGERPRINT of no bytes', hex('00010004 2112a442 b7e7a701bc34d686fa87dfae 80280000'), /FINGERPRINT is wrong/],
  ];
  it.each(cases)('%s', (_, bytes, message) => {
    expect(() => decodeStun(bytes)).toThrow(message);
    expect(() => decodeStun(bytes)).toThrow(StunError);
  });

  it('something behind the FINGERPRINT', () => {
    const attributes = [{ type: 0x8022, value: Buffer.from('late') }];
    const sealed = encodeStun({ type: 1, transactionId: RFC_TRANSACTION, attributes: [], fingerprint: true });
    const late = encodeStun({ type: 1, transactionId: RFC_TRANSACTION, attributes, fingerprint: false }).subarray(20);
    const bytes = Buffer.concat([sealed, late]);
    bytes.writeUInt16BE(bytes.length - 20, 2);
    expect(() => decodeStun(bytes)).toThrow(/FINGERPRINT/);
  });

  /** A decoded message says whether it had a FINGERPRINT; one that was refused is undefined. */
  const read = (bytes: Buffer) => {
    try {
      return decodeStun(bytes);
    } catch (error) {
      if (error instanceof StunError) return undefined;
      throw error;
    }
  };

  it('one changed byte in a message with FINGERPRINT is noticed', () => {
    fc.assert(
      fc.property(fc.nat({ max: RFC_REQUEST.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bytes = Buffer.from(RFC_REQUEST);
        bytes[at]! ^= flip;
        // A changed type, or a length before it that swallows it, takes the FINGERPRINT away; nothing else may be taken.
        expect(read(bytes)?.fingerprint ?? false).toBe(false);
      }),
      { examples: [[79, 8]] },
    );
  });

  it('is refused or read, and never anything else', () => {
    const start = fc.constantFrom(request, RFC_REQUEST, RFC_IPV6_RESPONSE);
    const mangled = fc
      .tuple(
        start,
        fc.array(fc.tuple(fc.nat({ max: 107 }), fc.nat({ max: 255 })), { maxLength: 4 }),
        fc.nat({ max: 108 }),
      )
      .map(([bytes, changes, length]) => {
        const copy = Buffer.from(bytes);
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        return copy.subarray(0, length);
      });
    fc.assert(
      fc.property(fc.oneof(mangled, fc.uint8Array().map(Buffer.from)), (bytes) => {
        try {
          bindingAnswer(decodeStun(bytes), HERE);
        } catch (error) {
          expect(error).toBeInstanceOf(StunError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('an address', () => {
  it('comes back from its bytes, and from an answer', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65535 }), (host, port) => {
        const plain = addressText(addressBytes(host)!);
        expect(addressBytes(plain)).toEqual(addressBytes(host));
        const answer = bindingAnswer(decodeStun(bindingRequest(RFC_TRANSACTION)), { host, port })!;
        expect(mappedAddress(decodeStun(answer), RFC_TRANSACTION)).toEqual({ host: plain, port });
      }),
    );
  });

  it.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('%s is written %s, as RFC 5952 asks', (written, plain) => {
    expect(addressText(addressBytes(written)!)).toBe(plain);
  });

  it.each(['::ffff:192.0.2.1', '::FFFF:c000:201'])(
    'of IPv4 that is written as IPv6 (%s) is the one of IPv4',
    (written) => {
      expect(addressText(addressBytes(written)!)).toBe('192.0.2.1');
    },
  );

  it.each(['', 'localhost', '1.2.3', '1.2.3.256', 'fe80::1%lan', '1:2:3:4:5:6:7:8:9'])('%p is none', (text) => {
    expect(addressBytes(text)).toBeUndefined();
  });

  it('in a response is not taken from another transaction, an error or a wrong length', () => {
    const response = decodeStun(RFC_IPV4_RESPONSE);
    expect(mappedAddress(response, Buffer.alloc(12))).toBeUndefined();
    expect(mappedAddress({ ...response, type: StunType.ERROR }, RFC_TRANSACTION)).toBeUndefined();
    const attributes = [{ type: 0x0020, value: hex('0002a147e112a643') }];
    expect(mappedAddress({ ...response, attributes }, RFC_TRANSACTION)).toBeUndefined();
  });
});
