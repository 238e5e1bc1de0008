import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import type { Clock } from '../../../src/base/clock.js';
import { makeIdentity, type PathIdentity } from '../../../src/client/direct/identity.js';
import { PUNCH_LIMITS } from '../../../src/client/direct/limits.js';
import type { AttemptPlan } from '../../../src/client/direct/path.js';
import { PathRace } from '../../../src/client/direct/race.js';
import { systemClock } from '../../../src/client/system.js';
import { CONNECTION_TIMES } from '../../../src/core/model/connection-times.js';

const NONCE = Buffer.alloc(16, 7);
const caller = makeIdentity();
const peer = makeIdentity();
const opened: Socket[] = [];

afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

/** Both ends of a TCP connection. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const one = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[other]] = (await Promise.all([once(server, 'connection'), once(one, 'connect')])) as [[Socket], unknown];
  server.close();
  for (const socket of [one, other]) {
    socket.on('error', () => {});
    opened.push(socket);
  }
  return [one, other];
}

function race(controlling: boolean, changes: Partial<AttemptPlan> = {}, clock: Clock = systemClock): PathRace<Socket> {
  const identity: PathIdentity = controlling ? caller : peer;
  const peerPublicKey = (controlling ? peer : caller).publicKey;
  const plan = { controlling, identity, peerPublicKey, nonce: NONCE, candidates: [], startAfterMs: 0, ...changes };
  return new PathRace(plan, clock, (socket) => socket.resetAndDestroy());
}

describe('a race of paths', () => {
  it('gives a path up whose peer says nothing, by the clock that it was given', async () => {
    const clock = new ManualClock();
    const [one] = await pair();
    const plan = {
      controlling: true,
      identity: caller,
      peerPublicKey: peer.publicKey,
      nonce: NONCE,
      candidates: [],
      startAfterMs: 0,
    };
    const waiting = new PathRace<Socket>(plan, clock, (socket) => socket.resetAndDestroy());
    const outcome = waiting.enter(one);
    clock.advance(CONNECTION_TIMES.secureMs - 1);
    await new Promise(setImmediate);
    expect(one.destroyed).toBe(false);
    clock.advance(1);
    expect(await outcome).toBe('the handshake took too long');
    expect(one.destroyed).toBe(true);
    waiting.end();
  });

  it('has the same winner at both ends, which carries data both ways', async () => {
    const [one, other] = await pair();
    const [controlling, controlled] = [race(true), race(false)];
    const outcomes = [controlling.enter(one), controlled.enter(other)];
    const [here, there] = await Promise.all([controlling.winner, controlled.winner]);
    expect([here!.raw, there!.raw]).toEqual([one, other]);
    expect([here!.stream.getProtocol(), there!.stream.getProtocol()]).toEqual(['TLSv1.3', 'TLSv1.3']);
    here!.stream.write('ping');
    expect(String((await once(there!.stream, 'data'))[0])).toBe('ping');
    there!.stream.write('pong');
    expect(String((await once(here!.stream, 'data'))[0])).toBe('pong');
    expect(await Promise.all(outcomes)).toEqual(['connected', 'connected']);
    expect([typeof here!.roundTripMs, there!.roundTripMs]).toEqual(['number', undefined]);
  });

  it('is won by the peer though as many strangers as there is room for are silent, once they have had their time', async () => {
    const clock = new ManualClock();
    const silent = await Promise.all(Array.from({ length: PUNCH_LIMITS.strangersMax }, () => pair()));
    const controlled = race(false, {}, clock);
    for (const [, end] of silent) void controlled.enterAccepted(end);
    const [[, early], [one, other]] = [await pair(), await pair()];
    expect(await controlled.enterAccepted(early)).toBe('not needed any more');
    clock.advance(CONNECTION_TIMES.silentMs);
    const controlling = race(true);
    const outcomes = [controlling.enter(one), controlled.enterAccepted(other)];
    expect(silent.map(([, end]) => end.destroyed)).toEqual(silent.map((_, at) => at === 0));
    expect(await Promise.all(outcomes)).toEqual(['connected', 'connected']);
  });

  it('takes the paths that this end dials, however many strangers have come', async () => {
    const silent = await Promise.all(Array.from({ length: PUNCH_LIMITS.strangersMax }, () => pair()));
    const [controlling, controlled] = [race(true), race(false)];
    for (const [, end] of silent) void controlled.enterAccepted(end);
    const [one, other] = await pair();
    expect(await Promise.all([controlling.enter(one), controlled.enter(other)])).toEqual(['connected', 'connected']);
  });

  it('nominates one of many, and ends the others', async () => {
    const [controlling, controlled] = [race(true), race(false)];
    const pairs = await Promise.all([pair(), pair(), pair(), pair(), pair()]);
    const outcomes = pairs.flatMap(([one, other]) => [controlling.enter(one), controlled.enter(other)]);
    const [here, there] = await Promise.all([controlling.winner, controlled.winner]);
    const won = pairs.findIndex(([one]) => one === here!.raw);
    expect(pairs[won]![1]).toBe(there!.raw);
    expect((await Promise.all(outcomes)).filter((outcome) => outcome === 'connected')).toHaveLength(2);
    for (const socket of pairs.filter((_, at) => at !== won).flat()) expect(socket.destroyed).toBe(true);
  });

  it('goes on with another path when the peer behind one is somebody else', async () => {
    const [controlling, controlled] = [race(true), race(false)];
    const stranger = race(false, { identity: makeIdentity() });
    const [[wrong, wrongEnd], [right, rightEnd]] = [await pair(), await pair()];
    void stranger.enter(wrongEnd);
    expect(await controlling.enter(wrong)).toBe('the peer has another key than the one ordered');
    void controlled.enter(rightEnd);
    expect(await controlling.enter(right)).toBe('connected');
  });

  it('does not take a dialler that shows no key, or another than the one ordered', async () => {
    const controlled = race(false);
    const [bare, bareEnd] = await pair();
    const naked = tlsConnect({ socket: bare, rejectUnauthorized: false, ALPNProtocols: ['switchyard-direct/1'] });
    naked.on('error', () => {});
    expect(await controlled.enter(bareEnd)).toBe('the peer has another key than the one ordered');
    const [wrong, wrongEnd] = await pair();
    void race(true, { identity: makeIdentity() }).enter(wrong);
    expect(await controlled.enter(wrongEnd)).toBe('the peer has another key than the one ordered');
    controlled.end();
    expect(await controlled.winner).toBeUndefined();
  });

  it('makes no path with an older client, which cannot say where its data ends, and says so', async () => {
    for (const ALPNProtocols of [['switchyard-direct/2', 'switchyard-direct/1'], ['switchyard-direct/1']]) {
      const [one, other] = await pair();
      const { secureContext } = caller;
      tlsConnect({ socket: one, rejectUnauthorized: false, secureContext, ALPNProtocols }).on('error', () => {});
      expect(await race(false).enter(other)).toBe(
        `the peer is an older client: it speaks only ${ALPNProtocols[0]}, which cannot say where data ends`,
      );
    }
  });

  it('does not take a path of another connection between the same two', async () => {
    const [one, other] = await pair();
    void race(true, { nonce: Buffer.alloc(16, 8) }).enter(one);
    expect(await race(false).enter(other)).toBe('the peer speaks of another connection');
  });

  it('does not take what speaks no TLS', async () => {
    const [one, other] = await pair();
    one.write('SSH-2.0-OpenSSH_9.2\r\n');
    expect(await race(false).enter(other)).toMatch(/^(the handshake failed|closed in the handshake)$/);
  });

  it('ends without a winner when it is given up, and destroys what is on its way', async () => {
    const controlling = race(true);
    const [silent] = await pair();
    const outcome = controlling.enter(silent);
    controlling.end();
    expect([await controlling.winner, await outcome]).toEqual([undefined, 'not needed any more']);
    expect(silent.destroyed).toBe(true);
    const [late] = await pair();
    expect(await controlling.enter(late)).toBe('not needed any more');
    expect(late.destroyed).toBe(true);
  });
});
