import { describe, expect, it } from '@jest/globals';
import { RENDEZVOUS_LIMITS } from '../../src/rendezvous/limits.js';
import { AddressRate } from '../../src/rendezvous/rate.js';

const limits = { ...RENDEZVOUS_LIMITS, addressRate: 10, addressBurst: 2, totalRate: 1_000, totalBurst: 1_000 };

describe('the rate of an address', () => {
  it('lets a burst through, then as many as the rate allows', () => {
    const rate = new AddressRate(limits, 0);
    expect([0, 0, 0, 99, 100, 100].map((now) => rate.take('192.0.2.1', now))).toEqual([
      true,
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  it('is its own', () => {
    const rate = new AddressRate(limits, 0);
    for (let i = 0; i < 3; i += 1) rate.take('192.0.2.1', 0);
    expect(rate.take('192.0.2.2', 0)).toBe(true);
  });

  it('counts 64 bits of IPv6 as one address', () => {
    const rate = new AddressRate(limits, 0);
    expect(['2001:db8::1', '2001:db8::2', '2001:db8::3'].map((host) => rate.take(host, 0))).toEqual([
      true,
      true,
      false,
    ]);
    expect(rate.take('2001:db8:0:1::1', 0)).toBe(true);
  });

  it('is remembered for so many addresses and no more, the quietest forgotten first', () => {
    const rate = new AddressRate({ ...limits, addressesMax: 3 }, 0);
    for (let i = 0; i < 2; i += 1) for (const host of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) rate.take(host, 0);
    rate.take('192.0.2.4', 0);
    expect(rate.size).toBe(3);
    expect([rate.take('192.0.2.3', 0), rate.take('192.0.2.1', 0)]).toEqual([false, true]);
  });

  it('has an end for all together, however many addresses ask', () => {
    const rate = new AddressRate({ ...limits, totalBurst: 100 }, 0);
    let taken = 0;
    for (let i = 0; i < 1_000; i += 1) if (rate.take(`10.0.${i >> 8}.${i & 255}`, 0)) taken += 1;
    expect(taken).toBe(100);
  });
});
