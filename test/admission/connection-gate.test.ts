import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../../harness/manual-clock.js';
import { AddressSet } from '../../src/admission/address-set.js';
import { ConnectionGate } from '../../src/admission/connection-gate.js';
import { ADMISSION_LIMITS, lastQuarter } from '../../src/admission/limits.js';
import type { GateCause, Place } from '../../src/admission/place.js';
import { addressKey } from '../../src/base/address.js';

const { handshakeMs, sweepMs } = ADMISSION_LIMITS;

function open(connectionsMax: number, connectionsPerAddressMax: number, exempt = AddressSet.NONE) {
  const clock = new ManualClock();
  const refused: string[] = [];
  const closed: string[] = [];
  const gate = new ConnectionGate({
    clock,
    exempt,
    limits: {
      connectionsMax,
      connectionsPerAddressMax,
      connectionsKept: lastQuarter(connectionsMax),
      handshakeMs,
      sweepMs,
    },
    refused: (cause, address) => refused.push(`${address} ${cause}`),
  });
  const enter = (address: string) => gate.enter(address, (cause) => closed.push(`${address} ${cause}`));
  return { clock, gate, enter, refused, closed };
}

/** A place of a connection that is through its handshake. */
function established(place: Place | undefined): Place {
  place!.establish();
  return place!;
}

describe('a gate', () => {
  it('refuses the 5th connection of one address when the bound is 4, and takes it when one has gone', () => {
    const { gate, enter, refused } = open(100, 4);
    const places = [1, 2, 3, 4].map(() => enter('2001:db8::1')!);
    expect(enter('2001:db8::2')).toBeUndefined();
    expect(refused).toEqual(['2001:db8::2 address']);
    expect(enter('2001:db8:0:1::1')).toBeDefined();
    places[0].leave();
    places[0].leave();
    expect(enter('2001:db8::3')).toBeDefined();
    expect([gate.count, gate.countOf('2001:db8::9')]).toEqual([5, 4]);
  });

  it('has no bound for an exempt address but the one in all', () => {
    const { enter, refused, closed } = open(8, 1, AddressSet.parse('10.0.0.0/8'));
    for (let count = 0; count < 8; count++) expect(enter('10.0.0.1')).toBeDefined();
    expect(refused).toEqual([]);
    expect(enter('10.0.0.1')).toBeDefined();
    expect(closed).toEqual(['10.0.0.1 silent']);
  });

  it('takes the place of the connection that has had no call for longest when all are taken', () => {
    const { gate, enter, closed } = open(4, 4);
    const [first, second, third] = ['a', 'b', 'c', 'd'].map((address) => established(enter(address)));
    first.setBusy(true);
    third.setBusy(true);
    third.setBusy(false);
    second.vouch();
    enter('e');
    expect(closed).toEqual(['d silent']);
    enter('f');
    expect(closed).toEqual(['d silent', 'c silent']);
    expect(gate.count).toBe(4);
  });

  it('refuses a newcomer when everybody works or has shown a credential', () => {
    const { gate, enter, refused, closed } = open(2, 2);
    established(enter('a')).setBusy(true);
    established(enter('b')).vouch();
    expect(enter('c')).toBeUndefined();
    expect([refused, closed, gate.count]).toEqual([['c full'], [], 2]);
  });

  it('moves nobody out for a connection of an address that is beyond its bound', () => {
    const { enter, refused, closed } = open(4, 2);
    for (const address of ['a', 'a', 'b', 'c']) established(enter(address));
    expect(enter('a')).toBeUndefined();
    expect([refused, closed]).toEqual([['a address'], []]);
  });

  it('lets connections without a credential stand in the last quarter for 10 s, however hard they work', () => {
    const { clock, gate, enter, closed } = open(8, 8);
    const places = 'abcdefgh'.split('').map((address) => established(enter(address)));
    for (const place of places) place.setBusy(true);
    places[7].vouch();
    clock.advance(handshakeMs - 1);
    expect(closed).toEqual([]);
    clock.advance(sweepMs + 1);
    expect(closed).toEqual(['g unproven']);
    clock.advance(10 * handshakeMs);
    expect([closed.length, gate.count]).toEqual([1, 7]);
  });

  it('serves who shows a credential in 150 ms while 500 a second come again without one, each with a call', () => {
    const { clock, enter, closed } = open(400, 100);
    const come = (at: number) => enter(`10.0.0.${at % 8}`);
    for (let at = 0; at < 800; at++) come(at)?.setBusy(true);
    let served = 0;
    for (let newcomer = 0; newcomer < 50; newcomer++) {
      const place = enter(`10.1.0.${newcomer}`);
      for (let at = 0; at < 75; at++) {
        clock.advance(2);
        const again = come(at);
        again?.establish();
        again?.setBusy(true);
      }
      place?.vouch();
      if (place !== undefined && !closed.includes(`10.1.0.${newcomer} unproven`)) served++;
    }
    expect(served).toBe(50);
  });

  it('lets a connection of the last quarter stay when others have left in time', () => {
    const { clock, enter, closed } = open(4, 4);
    const places = 'abcd'.split('').map((address) => established(enter(address)));
    clock.advance(handshakeMs / 2);
    places[0].leave();
    clock.advance(handshakeMs);
    expect(closed).toEqual([]);
  });

  it('closes a connection whose handshake takes more than 10 s, with one timer for all', () => {
    const { clock, gate, enter, closed } = open(1_000, 1_000);
    let timers = 0;
    const { after } = clock;
    clock.after = (delayMs, call) => {
      timers++;
      return after.call(clock, delayMs, call);
    };
    let most = 0;
    for (let count = 0; count < 500; count++) enter('slow');
    for (let count = 0; count < 250; count++) established(enter('quick'));
    for (let look = 0; look <= handshakeMs / sweepMs; look++) {
      most = Math.max(most, clock.pending);
      clock.advance(sweepMs);
    }
    expect([closed.length, gate.count, gate.countOf('slow')]).toEqual([500, 250, 0]);
    expect(new Set(closed)).toEqual(new Set(['slow handshake']));
    expect([most, timers, clock.pending]).toEqual([1, handshakeMs / sweepMs, 0]);
  });

  it('does not count the time in which the process was stopped as time that a handshake took', () => {
    const { clock, enter, closed } = open(4, 4);
    const place = enter('a');
    enter('b');
    clock.advance(handshakeMs - 4 * sweepMs);
    clock.freeze(60_000);
    clock.advance(sweepMs);
    expect(closed).toEqual([]);
    established(place);
    clock.advance(4 * sweepMs);
    expect(closed).toEqual(['b handshake']);
  });

  it('judges a handshake that is late after the look that was due while the process was stopped, when what has come was read', () => {
    const { clock, enter, closed } = open(4, 4);
    const place = enter('a')!;
    clock.advance(handshakeMs - sweepMs);
    clock.freeze(60_000);
    // The event loop calls its timers, reads the sockets, and then goes on with what was put off.
    const { turn } = clock;
    let turns = 0;
    clock.turn = () => {
      if (turns++ > 0) place.establish();
      turn.call(clock);
    };
    clock.advance(0);
    expect(turns).toBe(2);
    expect(closed).toEqual([]);
  });

  it('gives a connection whose client waits for the server its time again, for its handshake as for its credential', () => {
    const { clock, gate, enter, closed } = open(4, 4);
    for (const address of 'ab') established(enter(address)).vouch();
    const [shaking, unproven] = [enter('c')!, established(enter('d'))];
    unproven.setBusy(true);
    let isHeld = true;
    for (const place of [shaking, unproven]) place.isHeld = () => isHeld;
    clock.advance(3 * handshakeMs + sweepMs);
    expect(closed).toEqual([]);
    isHeld = false;
    clock.advance(handshakeMs - 2 * sweepMs);
    expect(closed).toEqual([]);
    clock.advance(2 * sweepMs);
    expect([closed, gate.count, clock.pending]).toEqual([['c handshake'], 3, 0]);
  });

  it('moves no connection out whose client waits for the server, as it does none that has a call', () => {
    const { enter, closed } = open(4, 4);
    const places = 'abcd'.split('').map((address) => established(enter(address)));
    places[0].isHeld = () => true;
    enter('e');
    expect(closed).toEqual(['b silent']);
  });

  it('takes the places that are kept for credentials by age, though the oldest had its time again', () => {
    const { clock, enter, closed } = open(4, 4);
    for (const address of 'abc') established(enter(address)).vouch();
    const held = established(enter('d'));
    held.isHeld = () => true;
    clock.advance(handshakeMs + sweepMs);
    enter('e');
    expect(closed).toEqual(['d unproven']);
  });

  it('closes whoever is in its handshake when it is closed, and nobody else', () => {
    const { clock, gate, enter, closed } = open(4, 4);
    enter('a');
    established(enter('b'));
    // In the last quarter, and through its handshake.
    enter('c');
    established(enter('d'));
    gate.close();
    expect(closed).toEqual(['a handshake', 'c handshake']);
    clock.advance(10 * handshakeMs);
    expect(closed).toHaveLength(2);
  });

  it('counts the same as a list of its connections, whatever they do, and never more than its bounds', () => {
    const act = fc.record({
      kind: fc.constantFrom('enter', 'enter', 'enter', 'leave', 'establish', 'vouch', 'busy', 'idle', 'wait'),
      which: fc.nat(40),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(act, { maxLength: 120 }),
        (all, each, acts) => {
          const clock = new ManualClock();
          const standing = new Map<Place, { address: string; sinceMs: number }>();
          const kept = lastQuarter(all);
          const taken: [Place, GateCause][] = [];
          const gate = new ConnectionGate({
            clock,
            exempt: AddressSet.parse('10.9.9.9'),
            limits: {
              connectionsMax: all,
              connectionsPerAddressMax: each,
              connectionsKept: kept,
              handshakeMs,
              sweepMs,
            },
            refused: () => {},
          });
          const silentFirst = () => [...standing.keys()].find((place) => !place.isBusy && !place.isVouched);
          const unproven = () => [...standing.keys()].find((place) => place.isKept && !place.isVouched);
          for (const { kind, which } of acts) {
            const place = [...standing.keys()][which % Math.max(1, standing.size)];
            if (kind === 'enter') {
              const address = which % 5 === 0 ? '10.9.9.9' : `10.0.0.${which % 4}`;
              const isFull = standing.size === all;
              const isOver = address !== '10.9.9.9' && countOf(standing, address) >= each;
              const silent = silentFirst();
              const canMove = silent !== undefined || unproven() !== undefined;
              taken.length = 0;
              const entered: Place | undefined = gate.enter(address, (cause) => {
                standing.delete(entered!);
                taken.push([entered!, cause]);
              });
              expect(entered !== undefined).toBe(!isOver && (!isFull || canMove));
              expect(taken.length > 0).toBe(isFull && !isOver && canMove);
              for (const [place, cause] of taken) {
                expect(cause).toBe(silent === undefined ? 'unproven' : 'silent');
                expect([place.isVouched, place.isBusy && !place.isKept]).toEqual([false, false]);
              }
              if (entered !== undefined) standing.set(entered, { address, sinceMs: clock.nowMs() });
            } else if (kind === 'wait') clock.advance(which * 500);
            else if (place !== undefined) {
              if (kind === 'leave') {
                place.leave();
                standing.delete(place);
              } else if (kind === 'establish') place.establish();
              else if (kind === 'vouch') place.vouch();
              else place.setBusy(kind === 'busy');
            }
            expect(gate.count).toBe(standing.size);
            expect(standing.size).toBeLessThanOrEqual(all);
            for (const address of ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3']) {
              expect(gate.countOf(address)).toBe(countOf(standing, address));
              expect(gate.countOf(address)).toBeLessThanOrEqual(each);
            }
            const old = [...standing].filter(([, { sinceMs }]) => clock.nowMs() - sinceMs > handshakeMs + sweepMs);
            expect(old.every(([one]) => one.isEstablished)).toBe(true);
            expect(old.filter(([one]) => !one.isVouched).length).toBeLessThanOrEqual(all - kept);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

function countOf(standing: ReadonlyMap<Place, { readonly address: string }>, address: string): number {
  return [...standing.values()].filter((one) => addressKey(one.address) === addressKey(address)).length;
}
