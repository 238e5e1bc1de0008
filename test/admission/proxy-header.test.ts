import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HEADER_LENGTH_MAX, ProxyHeaderError, readProxyHeader } from '../../src/admission/proxy-header.js';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const hex = (...parts: readonly string[]) => Buffer.from(parts.join(''), 'hex');
const IPV4 = hex(SIGNATURE, '21', '11', '000c', 'c0000201', 'cb007101', '1267', '01bb');
const IPV6 = hex(SIGNATURE, '21', '21', '0024', '20010db8', '00'.repeat(11), '07', '00'.repeat(16), '1267', '01bb');
/** With a TLV of PP2_TYPE_CRC32C whose checksum is wrong, and one of no bytes. */
const TLVS = hex(SIGNATURE, '21', '11', '0016', 'c0000201', 'cb007101', '1267', '01bb', '030004deadbeef', '040000');

describe('a PROXY header of version 2', () => {
  it.each([
    ['of IPv4', IPV4, { host: '192.0.2.1', port: 4711 }],
    ['of IPv6', IPV6, { host: '2001:db8::7', port: 4711 }],
    ['with TLVs, which are skipped', TLVS, { host: '192.0.2.1', port: 4711 }],
    [
      'of IPv4 written as IPv6',
      hex(SIGNATURE, '21', '21', '0024', '00'.repeat(10), 'ffffc0000201', '00'.repeat(16), '1267', '01bb'),
      { host: '192.0.2.1', port: 4711 },
    ],
    ['that is LOCAL', hex(SIGNATURE, '20', '00', '0000'), undefined],
    ['that is LOCAL, with addresses to be discarded', hex(SIGNATURE, '20', 'ff', '0003', '010203'), undefined],
    ['of no family', hex(SIGNATURE, '21', '00', '0000'), undefined],
    ['of no family, with more', hex(SIGNATURE, '21', '00', '0002', '0102'), undefined],
    ['of a UNIX socket', hex(SIGNATURE, '21', '31', '00d8', '00'.repeat(216)), undefined],
  ])('%s says whose connection it is', (_, bytes, source) => {
    expect(readProxyHeader(bytes)).toEqual({ length: bytes.length, source });
    expect(readProxyHeader(Buffer.concat([bytes, bytes]))).toEqual({ length: bytes.length, source });
  });

  it.each([IPV4, IPV6, TLVS])('is not complete before its last byte: %#', (bytes) => {
    for (let length = 0; length < bytes.length; length++) {
      expect(readProxyHeader(bytes.subarray(0, length))).toBeUndefined();
    }
  });

  it.each([
    ['the line of version 1', Buffer.from('PROXY TCP4 192.0.2.1'), 'does not begin with the signature'],
    ['TLS', hex('1603010200'), 'does not begin with the signature'],
    ['a wrong last byte of the signature', hex(SIGNATURE.slice(0, -2), '0b'), 'does not begin with the signature'],
    ['version 1 behind the signature', hex(SIGNATURE, '11'), 'it is of version 1, not 2'],
    ['a command that nobody knows', hex(SIGNATURE, '22'), 'its command is 2, neither LOCAL nor PROXY'],
    ['datagrams', hex(SIGNATURE, '21', '12'), 'its family and transport are 0x12'],
    ['a family that nobody knows', hex(SIGNATURE, '21', '41'), 'its family and transport are 0x41'],
    ['no transport', hex(SIGNATURE, '21', '10'), 'its family and transport are 0x10'],
    ['addresses that are too short', hex(SIGNATURE, '21', '11', '000b'), '11 bytes follow, and its addresses have 12'],
    ['IPv6 in the space of IPv4', hex(SIGNATURE, '21', '21', '000c'), '12 bytes follow, and its addresses have 36'],
    ['a length without end', hex(SIGNATURE, '21', '11', 'ffff'), `65535 bytes follow; ${HEADER_LENGTH_MAX} are`],
    [
      'of source port 0',
      hex(SIGNATURE, '21', '11', '000c', 'c0000201', 'cb007101', '0000', '01bb'),
      'its source port is 0',
    ],
    ['LOCAL with a length without end', hex(SIGNATURE, '20', '00', 'ffff'), '65535 bytes follow'],
  ])('is not %s, which is noticed at once', (_, bytes, message) => {
    expect(() => readProxyHeader(bytes)).toThrow(ProxyHeaderError);
    expect(() => readProxyHeader(bytes)).toThrow(message);
  });

  it('that is the longest allowed is taken, and one byte more is not', () => {
    const longest = Buffer.concat([IPV4, Buffer.alloc(HEADER_LENGTH_MAX - 12)]);
    longest.writeUInt16BE(HEADER_LENGTH_MAX, 14);
    expect(readProxyHeader(longest)?.length).toBe(16 + HEADER_LENGTH_MAX);
    longest.writeUInt16BE(HEADER_LENGTH_MAX + 1, 14);
    expect(() => readProxyHeader(longest)).toThrow(ProxyHeaderError);
  });

  it('of any bytes is a header, an unfinished one or an error, and nothing else', () => {
    const tail = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(fc.boolean(), tail, (signed, bytes) => {
        const all = Buffer.concat([signed ? hex(SIGNATURE) : Buffer.alloc(0), bytes]);
        try {
          const header = readProxyHeader(all);
          if (header !== undefined) expect(header.length).toBeLessThanOrEqual(all.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ProxyHeaderError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
