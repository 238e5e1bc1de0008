import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { KnownPins } from '../../src/client/channel/known-pins.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { OwnCertificates } from '../../src/server/certificates/own-certificates.js';

const planted = Buffer.alloc(32, 7);

function authority(): Promise<OwnCertificates> {
  const deps = { folder: undefined, names: () => ['127.0.0.1'], clock: systemClock, random: systemRandom };
  return OwnCertificates.open({ ...deps, log: pino({ level: 'silent' }) });
}

const pemOf = (own: OwnCertificates) => Buffer.from(own.authority.toString());

describe('an authority that was given up', () => {
  it('tells nothing over a connection that it has verified, unless that has told the present pins', async () => {
    const [former, next, third] = [await authority(), await authority(), await authority()];
    const known = new KnownPins([former.pin]);
    const [standing, other] = [{}, {}];
    const told = (...pins: Buffer[]) => ({ server: 'hub:1', pins, authority: pemOf(former) });
    known.learn(told(former.pin, next.pin), standing);
    known.learn(told(next.pin), standing);
    known.learn(told(planted), other);
    expect(known.of('hub:1')).toEqual([next.pin]);
    known.learn({ ...told(planted), server: 'hub:2' }, other);
    expect(known.of('hub:2')).toEqual([next.pin]);
    known.learn(told(next.pin, third.pin), standing);
    expect(known.of('hub:1')).toEqual([next.pin, third.pin]);
    expect(known.of('hub:3')).toEqual([next.pin, third.pin]);
  });

  it('is known on at an address that was not asked since, together with those that took its place at another', async () => {
    const [shared, next, third] = [await authority(), await authority(), await authority()];
    const known = new KnownPins([shared.pin]);
    const told = (server: string, by: OwnCertificates, ...pins: Buffer[]) =>
      known.learn({ server, pins, authority: pemOf(by) }, by);
    told('b:1', shared, shared.pin);
    told('a:1', shared, shared.pin, next.pin);
    told('a:1', shared, next.pin);
    expect(known.of('b:1')).toEqual([shared.pin, next.pin]);
    told('a:1', next, next.pin, third.pin);
    expect(known.of('b:1')).toEqual([shared.pin, next.pin, third.pin]);
    told('b:1', next, next.pin);
    expect(known.of('b:1')).toEqual([next.pin]);
    // One of another authority has no say.
    const stranger = await authority();
    const both = new KnownPins([shared.pin, stranger.pin]);
    both.learn({ server: 'b:1', pins: [shared.pin], authority: pemOf(shared) }, {});
    both.learn({ server: 'c:1', pins: [stranger.pin, planted], authority: pemOf(stranger) }, {});
    expect(both.of('b:1')).toEqual([shared.pin]);
  });

  it('is known at no new address and gives pins to no other server, where another address still holds its pin', async () => {
    const [former, next, third] = [await authority(), await authority(), await authority()];
    const known = new KnownPins([former.pin]);
    const standing = {};
    const told = (server: string, by: OwnCertificates, ...pins: Buffer[]) =>
      known.learn({ server, pins, authority: pemOf(by) }, server === 'b:1' ? standing : {});
    told('b:1', former, former.pin);
    told('c:1', former, former.pin);
    told('a:1', former, former.pin, next.pin);
    told('a:1', next, next.pin);
    expect(known.of('new:1')).toEqual([next.pin]);
    told('new:1', former, planted);
    expect(known.of('new:1')).toEqual([next.pin]);
    // One that is behind, then one who has the former key at its address.
    told('c:1', former, former.pin);
    expect(known.of('b:1')).toEqual([former.pin, next.pin]);
    expect(known.of('c:1')).toEqual([former.pin, next.pin]);
    told('c:1', former, planted);
    expect(known.of('b:1')).toEqual([former.pin, next.pin]);
    expect(known.of('c:1')).toEqual([planted, next.pin]);
    expect(known.of('new:1')).toEqual([next.pin]);
    // Over a connection that was made before the change elsewhere.
    told('b:1', former, former.pin, planted);
    expect(known.of('new:1')).toEqual([next.pin]);
    told('b:1', former, former.pin);
    // What the present authority tells is good everywhere, and adds to what was told before.
    told('a:1', next, next.pin, third.pin);
    expect(known.of('new:1')).toEqual([next.pin, third.pin]);
    expect(known.of('b:1')).toEqual([former.pin, next.pin, third.pin]);
    expect(known.of('c:1')).toEqual([planted, next.pin, third.pin]);
  });

  it('is the one by which a server was verified: one that was its next alone stays where it was given', async () => {
    const [first, second, third] = [await authority(), await authority(), await authority()];
    const known = new KnownPins([first.pin, second.pin]);
    const told = (by: OwnCertificates, ...pins: Buffer[]) =>
      known.learn({ server: 'b:1', pins, authority: pemOf(by) }, {});
    told(second, second.pin, first.pin);
    told(second, second.pin);
    expect(known.of('new:1')).toEqual([first.pin, second.pin, second.pin]);
    told(second, second.pin, third.pin);
    told(third, third.pin);
    expect(known.of('new:1')).toEqual([first.pin, third.pin]);
  });

  it('is good again where its server goes back to it as the next one', async () => {
    const [first, second, other] = [await authority(), await authority(), await authority()];
    const known = new KnownPins([first.pin]);
    const told = (server: string, by: OwnCertificates, ...pins: Buffer[]) =>
      known.learn({ server, pins, authority: pemOf(by) }, {});
    told('b:1', first, first.pin);
    told('a:1', first, first.pin, second.pin);
    told('a:1', second, second.pin);
    told('a:1', second, second.pin, first.pin);
    told('a:1', first, first.pin);
    expect(known.of('b:1')).toEqual([first.pin, second.pin]);
    expect(known.of('new:1')).toContainEqual(first.pin);
    told('a:1', first, first.pin, other.pin);
    expect(known.of('b:1')).toContainEqual(other.pin);
  });

  it('is remembered of few servers: of changes at another address the last ones are known', async () => {
    const line = await Promise.all(Array.from({ length: 8 }, authority));
    const known = new KnownPins([line[0].pin]);
    const told = (server: string, by: OwnCertificates, ...pins: Buffer[]) =>
      known.learn({ server, pins, authority: pemOf(by) }, {});
    told('b:1', line[0], line[0].pin);
    for (const [number, next] of line.slice(1).entries()) told('a:1', line[number], line[number].pin, next.pin);
    expect(known.of('b:1')).toEqual([line[0], ...line.slice(-4)].map(({ pin }) => pin));
  });
});
