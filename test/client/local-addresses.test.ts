import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { LocalAddresses } from '../../src/client/local-addresses.js';

function machine(...addresses: string[]) {
  const clock = new ManualClock();
  let there = addresses;
  const lose = (address: string) => {
    there = there.filter((one) => one !== address);
  };
  return { clock, lose, local: new LocalAddresses(clock, () => there) };
}

describe('the addresses of this machine', () => {
  it('say within a second that one is gone, once, and to those alone who wait for that one', async () => {
    const { clock, lose, local } = machine('10.0.0.1', '10.0.0.2');
    const heard: string[] = [];
    local.whenGone('10.0.0.1', () => heard.push('first'));
    local.whenGone('10.0.0.1', () => heard.push('second'));
    local.whenGone('10.0.0.2', () => heard.push('other'));
    await clock.pass(5_000);
    expect(heard).toEqual([]);
    lose('10.0.0.1');
    await clock.pass(1_000);
    expect(heard).toEqual(['first', 'second']);
    await clock.pass(5_000);
    expect(heard).toEqual(['first', 'second']);
  });

  it('are looked at only while somebody waits', async () => {
    const { clock, lose, local } = machine('10.0.0.1');
    const heard: string[] = [];
    const forget = local.whenGone('10.0.0.1', () => heard.push('gone'));
    expect(clock.pending).toBe(1);
    forget();
    lose('10.0.0.1');
    await clock.pass(2_000);
    expect([clock.pending, heard]).toEqual([0, []]);
  });

  it('are not waited for where this machine does not have them', async () => {
    const { clock, local } = machine('10.0.0.1');
    local.whenGone('0.0.0.0', () => expect('that').toBe('not called'));
    await clock.pass(2_000);
    expect(clock.pending).toBe(0);
  });

  it('can be waited for again by who hears that one is gone', async () => {
    const { clock, lose, local } = machine('10.0.0.1', '10.0.0.2');
    const heard: string[] = [];
    local.whenGone('10.0.0.1', () => local.whenGone('10.0.0.2', () => heard.push('10.0.0.2')));
    lose('10.0.0.1');
    await clock.pass(1_000);
    lose('10.0.0.2');
    await clock.pass(1_000);
    expect([heard, clock.pending]).toEqual([['10.0.0.2'], 0]);
  });
});
