import { describe, expect, it } from '@jest/globals';
import { AddressSet } from '../../src/admission/address-set.js';

describe('a set of networks', () => {
  it('holds what is in one of them, however it is written', () => {
    const set = AddressSet.parse('10.0.0.0/8,192.0.2.7,fd00::/8,2001:db8::1,198.51.100.128/25');
    const inside = ['10.255.0.1', '::ffff:10.0.0.1', '192.0.2.7', 'fd12::3', '2001:db8::1', '198.51.100.200'];
    const outside = ['11.0.0.1', '192.0.2.8', 'fe80::1', '2001:db8::2', '198.51.100.127', '', 'localhost'];
    expect(inside.filter((host) => !set.has(host))).toEqual([]);
    expect(outside.filter((host) => set.has(host))).toEqual([]);
    expect(set.text).toBe('10.0.0.0/8,192.0.2.7/32,fd00::/8,2001:db8::1/128,198.51.100.128/25');
  });

  it('can be everybody of a family, and nobody', () => {
    expect([AddressSet.parse('0.0.0.0/0').has('203.0.113.1'), AddressSet.parse('::/0').has('fd00::1')]).toEqual([
      true,
      true,
    ]);
    expect([AddressSet.NONE.has('127.0.0.1'), AddressSet.NONE.isEmpty]).toEqual([false, true]);
  });

  it.each([
    ['', '"" is no network: write an address, or ADDRESS/BITS, such as 10.0.0.0/8 or fd00::/8'],
    ['10.0.0.0/8,', '"" is no network'],
    ['10.0.0.0/8, 10.1.0.0/16', '" 10.1.0.0/16" is no network'],
    ['localhost', '"localhost" is no network'],
    ['10.0.0/8', '"10.0.0/8" is no network'],
    ['10.0.0.0/8/8', '"10.0.0.0/8/8" is no network'],
    ['fe80::1%eth0', '"fe80::1%eth0" is no network'],
    ['10.0.0.0/', '"10.0.0.0/" must have 0-32 bits behind the slash'],
    ['10.0.0.0/33', '"10.0.0.0/33" must have 0-32 bits behind the slash'],
    ['10.0.0.0/-1', 'must have 0-32 bits'],
    ['fd00::/129', '"fd00::/129" must have 0-128 bits behind the slash'],
    ['10.1.2.3/8', '"10.1.2.3/8" has bits behind its first 8: write 10.0.0.0/8'],
    ['fd00::1/8', '"fd00::1/8" has bits behind its first 8: write fd00::/8'],
    ['::ffff:10.0.0.0/104', 'is an IPv4 address written as IPv6: write it as IPv4'],
  ])('refuses %j, and says which part is wrong', (text, message) => {
    expect(() => AddressSet.parse(text)).toThrow(message);
  });
});
