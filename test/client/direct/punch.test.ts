import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../../src/base/clock.js';
import { CandidateType, candidate } from '../../../src/client/direct/candidate.js';
import { makeIdentity } from '../../../src/client/direct/identity.js';
import { PUNCH_LIMITS } from '../../../src/client/direct/limits.js';
import type { PortMapper } from '../../../src/client/direct/nat-pmp.js';
import type { AttemptOutcome, Puncher } from '../../../src/client/direct/path.js';
import { TcpPunch } from '../../../src/client/direct/tcp.js';
import { UdpPunch } from '../../../src/client/direct/udp/udp.js';
import { systemClock } from '../../../src/client/system.js';
import { Rendezvous } from '../../../src/rendezvous/rendezvous.js';
import type { Endpoint } from '../../../src/stun/address.js';
import { bindingAnswer, decodeStun } from '../../../src/stun/binding.js';
import { openAdmission } from '../../admission/open.js';

const LOCALHOST = '127.0.0.1';
const NONCE = Buffer.alloc(16, 7);
const identities = [makeIdentity(), makeIdentity()] as const;
const rendezvous = new Rendezvous({ clock: systemClock, fence: openAdmission(systemClock).fence });
let udp: UdpSocket;
let at: Endpoint;
const open: Puncher[] = [];

beforeAll(async () => {
  const server = createServer().listen(0, LOCALHOST);
  await once(server, 'listening');
  at = { host: LOCALHOST, port: (server.address() as AddressInfo).port };
  udp = createSocket('udp4').bind(at.port, LOCALHOST);
  await once(udp, 'listening');
  rendezvous.serveTcp(server);
  rendezvous.serveUdp(udp);
});
afterEach(() => {
  for (const punch of open.splice(0)) punch.close();
});
afterAll(() => {
  rendezvous.close();
  udp.close();
});

/** The reflexive candidates, which on a machine by itself are those of its loopback interface. */
const seen = (punch: Puncher) => punch.candidates.filter(({ type }) => type === CandidateType.REFLEXIVE);

async function both(gather: (at: readonly Endpoint[], clock: Clock) => Promise<Puncher>): Promise<[Puncher, Puncher]> {
  const punches = await Promise.all([gather([at], systemClock), gather([at], systemClock)]);
  open.push(...punches);
  return punches;
}

function attempt(punches: readonly [Puncher, Puncher], end: 0 | 1, signal?: AbortSignal): Promise<AttemptOutcome> {
  const plan = {
    controlling: end === 0,
    identity: identities[end],
    peerPublicKey: identities[1 - end]!.publicKey,
    candidates: seen(punches[1 - end]!),
    nonce: NONCE,
    startAfterMs: 0,
  };
  return punches[end].attempt(plan, signal);
}

describe.each([
  ['TCP', TcpPunch.gather.bind(TcpPunch)],
  ['UDP', UdpPunch.gather.bind(UdpPunch)],
] as const)('a punch over %s', (_, gather) => {
  it('reaches the peer, says how, and gives a stream of bytes', async () => {
    const punches = await both(gather);
    const [one, other] = await Promise.all([attempt(punches, 0), attempt(punches, 1)]);
    expect(one.pairs.concat(other.pairs).some(({ outcome }) => outcome.endsWith('connected'))).toBe(true);
    one.path!.stream.end('to the peer');
    expect(String((await once(other.path!.stream, 'data'))[0])).toBe('to the peer');
    await once(other.path!.stream, 'end');
    const closed = once(one.path!.stream, 'close');
    one.path!.stream.resume();
    other.path!.stream.end();
    await closed;
  });

  it('carries much at once without losing any of it', async () => {
    const punches = await both(gather);
    const [one, other] = await Promise.all([attempt(punches, 0), attempt(punches, 1)]);
    const block = Buffer.alloc(4 << 20, 'abcdefg');
    one.path!.stream.end(block);
    const got: Buffer[] = [];
    for await (const chunk of other.path!.stream) got.push(chunk);
    expect(Buffer.concat(got).equals(block)).toBe(true);
    one.path!.stream.destroy();
  });

  it('measures its round trip to the rendezvous again whenever it is asked', async () => {
    const [punch] = await both(gather);
    expect(await punch.measure()).toBeGreaterThan(0);
    expect(await punch.measure()).toBeGreaterThan(0);
  });

  it('ends without a path when it is given up, and can be tried again with the same sockets', async () => {
    const punches = await both(gather);
    const giveUp = new AbortController();
    const alone = attempt(punches, 0, giveUp.signal);
    giveUp.abort();
    expect((await alone).path).toBeUndefined();
    const [one, other] = await Promise.all([attempt(punches, 0), attempt(punches, 1)]);
    expect([one.path, other.path]).not.toContain(undefined);
    one.path!.stream.destroy();
    other.path!.stream.destroy();
  });

  it('does without a rendezvous that is not there', async () => {
    const server = createServer().listen(0, LOCALHOST);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const punch = await gather([{ host: LOCALHOST, port }], systemClock);
    open.push(punch);
    expect(seen(punch)).toEqual([]);
    expect(await punch.measure()).toBeUndefined();
  });
});

describe('a punch over TCP', () => {
  it('asks the router for a port beside the rendezvous, and not after it', async () => {
    let asked = (_port: number) => {};
    const mapped = new Promise<number>((resolve) => {
      asked = resolve;
    });
    // One that answers only once the router was asked.
    const late = createServer((socket) => {
      socket
        .on('error', () => {})
        .once('data', async (bytes: Buffer) => {
          await mapped;
          socket.write(bindingAnswer(decodeStun(bytes), { host: '198.51.100.1', port: socket.remotePort! })!);
        });
    }).listen(0, LOCALHOST);
    await once(late, 'listening');
    const mapper: PortMapper = {
      map: async (port) => {
        asked(port);
        return { port: 4_711, close: () => {} };
      },
    };
    const place = { host: LOCALHOST, port: (late.address() as AddressInfo).port };
    const punch = await TcpPunch.gather([place], systemClock, undefined, mapper);
    open.push(punch);
    late.close();
    expect(await mapped).toBeGreaterThan(0);
    expect(seen(punch)).toContainEqual(expect.objectContaining({ host: '198.51.100.1', port: 4_711 }));
  });

  it('is reached without a port of the router where asking for one fails, also while it is still observed', async () => {
    const mapper: PortMapper = { map: () => Promise.reject(new Error('the routes cannot be read')) };
    const punch = await TcpPunch.gather([at], systemClock, undefined, mapper);
    open.push(punch);
    expect(seen(punch).length).toBeGreaterThan(0);
  });

  it('is not misled by strangers that come first', async () => {
    const punches = await both(TcpPunch.gather);
    const port = seen(punches[1]).map((one) => one.port);
    const strangers = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const socket = connect(port[0]!, LOCALHOST).on('error', () => {});
        await once(socket, 'connect');
        socket.write('GET / HTTP/1.1\r\n\r\n');
        return socket;
      }),
    );
    const [one, other] = await Promise.all([attempt(punches, 0), attempt(punches, 1)]);
    expect([one.path, other.path]).not.toContain(undefined);
    for (const socket of strangers) socket.destroy();
    one.path!.stream.destroy();
    other.path!.stream.destroy();
  });

  it('is reached though strangers that came before and after its dial threw it out', async () => {
    const punches = await both(TcpPunch.gather);
    const to = seen(punches[1])[0]!;
    let closed = 0;
    const strangers = async (count: number) => {
      for (let at = 0; at < count; at += 1) {
        const stranger = connect(to.port, LOCALHOST)
          .on('error', () => {})
          .on('close', () => {
            closed += 1;
          });
        ends.push(stranger);
        await once(stranger, 'connect');
      }
    };
    const ends: Socket[] = [];
    const proof = (end: 0 | 1) => ({ identity: identities[end], peerPublicKey: identities[1 - end]!.publicKey });
    const plan = { nonce: NONCE, startAfterMs: 0 };
    await strangers(PUNCH_LIMITS.acceptedMax / 2);
    const dialling = punches[0].attempt({ ...plan, ...proof(0), controlling: true, candidates: [to] });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await strangers(PUNCH_LIMITS.acceptedMax);
    while (closed < PUNCH_LIMITS.acceptedMax / 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const [one, other] = await Promise.all([
      dialling,
      punches[1].attempt({ ...plan, ...proof(1), controlling: false, candidates: [] }),
    ]);
    expect([one.path, other.path]).not.toContain(undefined);
    for (const end of [...ends, one.path!.stream, other.path!.stream]) end.destroy();
  });

  it('tells of the peer first, however many strangers have come', async () => {
    const punches = await both(TcpPunch.gather);
    const to = seen(punches[1])[0]!;
    const proof = (end: 0 | 1) => ({ identity: identities[end], peerPublicKey: identities[1 - end]!.publicKey });
    const plan = { nonce: NONCE, startAfterMs: 0 };
    const reached = punches[1].attempt({ ...plan, ...proof(1), controlling: false, candidates: [] });
    for (let at = 0; at <= PUNCH_LIMITS.pairsMax; at += 1) {
      const stranger = connect(to.port, LOCALHOST).on('error', () => {});
      stranger.write('GET / HTTP/1.1\r\n\r\n');
      await new Promise((resolve) => stranger.on('close', resolve).resume());
    }
    const dialling = punches[0].attempt({ ...plan, ...proof(0), controlling: true, candidates: [to] });
    const [one, other] = await Promise.all([dialling, reached]);
    const told = other.pairs.map(({ outcome }) => outcome);
    expect([told[0], told.length]).toEqual(['dialled by it: connected', PUNCH_LIMITS.pairsMax]);
    for (const { path } of [one, other]) path?.stream.destroy();
  });

  it('does not dial itself where the peer has the same address in a network of its own', async () => {
    const [punch] = await both(TcpPunch.gather);
    const own = seen(punch).map((one, rank) => candidate(CandidateType.HOST, one, rank));
    const giveUp = new AbortController();
    const plan = { controlling: true, identity: identities[0], peerPublicKey: identities[1].publicKey };
    const outcome = punch.attempt({ ...plan, candidates: own, nonce: NONCE, startAfterMs: 0 }, giveUp.signal);
    // The own listening port answers, and is found to have the wrong key; the attempt goes on without it.
    setImmediate(() => giveUp.abort());
    expect((await outcome).path).toBeUndefined();
  });
});
