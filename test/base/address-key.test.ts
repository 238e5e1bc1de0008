import { describe, expect, it } from '@jest/globals';
import { addressKey } from '../../src/base/address.js';

describe('The key of an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', 'an IPv4 address'],
    ['::ffff:192.0.2.1', '192.0.2.1', 'an IPv4 address written as IPv6'],
    ['::FFFF:c000:201', '192.0.2.1', 'the same in groups'],
    ['2001:db8:0:1:a:b:c:d', '2001:db8:0:1', 'a whole IPv6 address'],
    ['2001:DB8::1', '2001:db8:0:0', 'an IPv6 address with a gap behind its network'],
    ['2001:0db8:0000:0001::', '2001:db8:0:1', 'an IPv6 address with leading zeros'],
    ['::1', '0:0:0:0', 'the loopback of IPv6'],
    ['::', '0:0:0:0', 'no address in particular'],
    ['fe80::1%eth0', 'fe80:0:0:0', 'an address with a zone'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0', 'an address that ends in IPv4'],
    ['unknown', 'unknown', 'what is no address'],
    ['1:2:3', '1:2:3', 'too few groups'],
    ['', '', 'nothing'],
  ])('of %s is %s: %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('is one for all addresses of a /64 of IPv6, and another for the next /64', () => {
    expect(addressKey('2001:db8::1')).toBe(addressKey('2001:db8::ffff:ffff:ffff:ffff'));
    expect(addressKey('2001:db8:0:0::1')).not.toBe(addressKey('2001:db8:0:1::1'));
  });
});
