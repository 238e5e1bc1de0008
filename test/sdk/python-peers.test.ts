import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { TesteeProcess } from '../../conformance/runner/testee.js';
import { GO, PYTHON } from '../../conformance/testees/plans.js';
import { DirectCarrier } from '../../src/client/carrier/direct-carrier.js';
import { TcpPunch } from '../../src/client/direct/tcp.js';
import { type Instance, InstanceType, type PeerStream, SigningKey, Switchyard } from '../../src/client/index.js';
import { pythonWithGrpc } from '../gate/requirements.mjs';
import { ADMIN_TOKEN, type Running, run } from '../grpc/running.js';
import { IS_LONG, itLong } from '../long.js';

/** The first build of Go on a machine compiles gRPC, too. */
const BUILD_MS = 120_000;
/** More than the window of 4 MiB: it arrives only when each end says what its reader has taken. */
const LONG = 'forth and back '.repeat(350_000);

const python = await pythonWithGrpc();
const hasTls =
  python !== undefined &&
  (await promisify(execFile)(python, ['-c', 'import cryptography, OpenSSL']).then(
    () => true,
    () => false,
  ));
if (!hasTls) process.stderr.write('not checked: connections of sdk/python to peers: apt-get install python3-openssl\n');
const goMissing = IS_LONG && hasTls ? await GO.missing() : 'it takes long';
if (IS_LONG && goMissing !== undefined) process.stderr.write(`not checked: peers of sdk/python in Go: ${goMissing}\n`);
const itWithGo = IS_LONG && goMissing !== undefined ? it.skip : itLong;

/** A client on the server, which takes every peer and sends back what comes. */
async function joinTestee(
  plan: typeof PYTHON,
  server: string,
  as: string,
  { network, key }: { network?: string; key?: Buffer } = {},
) {
  const testee = new TesteeProcess(plan, server, network);
  expect(await testee.can).toContain('relayed');
  const proof = key && { key: key.toString('hex') };
  await testee.command({ do: 'join', as, uuid: randomUUID(), type: 2, name: as, ...proof });
  const cvid = Number((await testee.event('attached', as, BUILD_MS))!.cvid);
  await testee.command({ do: 'acceptPeers', as });
  return { testee, cvid };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Has a testee connect, send {@link LONG} and read it back, and end its way. */
async function expectEcho(testee: TesteeProcess, as: string, cvid: number, path: 'relayed' | 'direct' = 'relayed') {
  const stream = `${as} to ${cvid}, ${path}`;
  const direct = path === 'direct';
  expect(await testee.command({ do: 'connect', as, cvid, stream, direct })).toEqual({ path, endToEnd: true });
  const sent = testee.command({ do: 'send', stream, text: LONG });
  const { text: came } = await testee.command({ do: 'receive', stream, length: LONG.length });
  await sent;
  expect(came === LONG).toBe(true);
  await testee.command({ do: 'endWriting', stream });
  expect(await testee.command({ do: 'receiveEnd', stream })).toEqual({ rest: '' });
}

(hasTls ? describe : describe.skip)('a connection between the Python client and another', () => {
  let server: Running;
  let yard: Switchyard;
  let here: Instance;
  let there: Awaited<ReturnType<typeof joinTestee>>;

  beforeAll(async () => {
    server = await run();
    there = await joinTestee(PYTHON, server.address, 'p');
    yard = new Switchyard({ server: server.address });
    const handlers = { accept: () => true, accepted: (stream: PeerStream) => void stream.pipe(stream) };
    here = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
    await here.attached();
  }, BUILD_MS);
  afterAll(async () => {
    expect(await there.testee.close()).toBeUndefined();
    await yard.close();
    await server.stop();
  });

  it('is asked for by TypeScript, carries more than the window both ways, and ends well', async () => {
    const stream = await here.connect(there.cvid, { relayOnly: true });
    expect([stream.path, stream.endToEnd]).toEqual(['relayed', true]);
    const closed = once(stream, 'close');
    stream.end(LONG);
    expect((await text(stream)) === LONG).toBe(true);
    await closed;
  });

  itLong('is asked for by Python, carries more than the window both ways, and ends well', async () => {
    await expectEcho(there.testee, 'p', here.session!.cvid);
  });

  it.each(['none', 'late'] as const)(
    'is direct where TypeScript asks for that with fallback %s, carries more than the window both ways, and ends well',
    async (fallback) => {
      const stream = await here.connect(there.cvid, { fallback });
      expect([stream.path, stream.endToEnd]).toEqual(['direct', true]);
      const closed = once(stream, 'close');
      stream.end(LONG);
      expect((await text(stream)) === LONG).toBe(true);
      await closed;
    },
  );

  it('is direct where Python asks for that, carries more than the window both ways, and ends well', async () => {
    await expectEcho(there.testee, 'p', here.session!.cvid, 'direct');
  });

  it('goes on by the next attempt when Python has had the path of the first alone', async () => {
    const attempt = jest.spyOn(TcpPunch.prototype, 'attempt');
    const heard = jest.spyOn(DirectCarrier.prototype, 'heard').mockResolvedValueOnce(false);
    await expectEcho(there.testee, 'p', here.session!.cvid, 'direct');
    expect(attempt).toHaveBeenCalledTimes(2);
    for (const spy of [heard, attempt]) spy.mockRestore();
  });

  it('is dialled by Python where TypeScript listens', async () => {
    const outside = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, listenPort: await freePort() });
    await outside.attached();
    const stream = await outside.connect(there.cvid, { fallback: 'none' });
    expect([stream.path, stream.endToEnd]).toEqual(['direct', true]);
    stream.end('at the gate');
    expect(await text(stream)).toBe('at the gate');
    await outside.leave();
  });

  it('is reported as a link of the kind that was asked for, also where only the relay carries it', async () => {
    const stream = await here.connect(there.cvid, { transport: 'udp', relayOnly: true });
    stream.end('a link');
    expect(await text(stream)).toBe('a link');
    // The report comes before the first byte is said back.
    expect(await there.testee.event('problem', 'p', 1)).toBeUndefined();
  });

  it('moves to a direct path that TypeScript asks for while more than the window is on its way, and ends well', async () => {
    const stream = await here.connect(there.cvid, { upgradeAfterMs: 50 });
    expect([stream.path, stream.endToEnd]).toEqual(['relayed', true]);
    const moved = once(stream, 'path');
    const came = text(stream);
    const closed = once(stream, 'close');
    stream.write(LONG);
    await moved;
    expect(stream.path).toBe('direct');
    stream.end(LONG);
    expect((await came) === LONG + LONG).toBe(true);
    await closed;
    expect(await there.testee.event('problem', 'p', 1)).toBeUndefined();
  });

  it('moves to a direct path that Python asks for while more than the window is on its way, and ends well', async () => {
    const { testee } = there;
    here.handlers.accepted = (stream) => void stream.pipe(stream);
    const asked = { as: 'p', cvid: here.session!.cvid, stream: 'moves', moves: true };
    expect(await testee.command({ do: 'connect', ...asked })).toMatchObject({ endToEnd: true });
    const sent = testee.command({ do: 'send', stream: 'moves', text: LONG });
    // An end that does not read what came by the relay does not get to the move.
    const receiving = testee.command({ do: 'receive', stream: 'moves', length: 2 * LONG.length });
    expect(await testee.command({ do: 'moved', stream: 'moves' })).toEqual({ path: 'direct' });
    await sent;
    await testee.command({ do: 'send', stream: 'moves', text: LONG });
    const { text: came } = await receiving;
    expect(came === LONG + LONG).toBe(true);
    await testee.command({ do: 'endWriting', stream: 'moves' });
    expect(await testee.command({ do: 'receiveEnd', stream: 'moves' })).toEqual({ rest: '' });
  });

  it('moves once where the program of TypeScript reads only later than Python would try again', async () => {
    const { testee } = there;
    const attempt = jest.spyOn(TcpPunch.prototype, 'attempt');
    const accepted = new Promise<PeerStream>((resolve) => {
      here.handlers.accepted = resolve;
    });
    const asked = { as: 'p', cvid: here.session!.cvid, stream: 'late', moves: true, upgradeAfter: 0.1 };
    await testee.command({ do: 'connect', ...asked });
    const stream = await accepted;
    await testee.command({ do: 'send', stream: 'late', text: 'before ' });
    // Python says on the relay that it has moved, which waits there for the reader. It would try again after 0.1 s, 0.3 s, 0.7 s and 1.5 s.
    await sleep(2_000);
    await testee.command({ do: 'send', stream: 'late', text: 'and after' });
    const moved = once(stream, 'path');
    const came = text(stream);
    await moved;
    expect(attempt).toHaveBeenCalledTimes(1);
    stream.end('all of it');
    expect(await testee.command({ do: 'receive', stream: 'late', length: 9 })).toEqual({ text: 'all of it' });
    await testee.command({ do: 'endWriting', stream: 'late' });
    expect(await came).toBe('before and after');
    attempt.mockRestore();
  });

  itLong('is an error at Python when TypeScript cuts it, and never the end of the data', async () => {
    const accepted = new Promise<PeerStream>((resolve) => {
      here.handlers.accepted = resolve;
    });
    await there.testee.command({ do: 'connect', as: 'p', cvid: here.session!.cvid, stream: 'cut' });
    // What is cut before it is handed out is refused instead, as PEER_LEFT.
    (await accepted).destroy();
    await expect(there.testee.command({ do: 'receiveEnd', stream: 'cut' })).rejects.toThrow();
  });

  it('is endorsed by the key of its identity for the network that both are in', async () => {
    const administrator = new Switchyard({ server: server.address, adminToken: ADMIN_TOKEN });
    await administrator.identities.createNetwork('north');
    await administrator.close();
    const north = new Switchyard({ server: server.address, network: 'north' });
    const pinned = north.join({ uuid: randomUUID(), type: InstanceType.AGENT });
    await pinned.attached();
    const secret = randomBytes(32);
    const { testee, cvid } = await joinTestee(PYTHON, server.address, 'n', { network: 'north', key: secret });
    const pins = [SigningKey.fromSecret(secret).keyId.toString('hex')];
    const stream = await pinned.connect(cvid, { relayOnly: true, pins });
    stream.end('north');
    expect(await text(stream)).toBe('north');
    expect(await testee.close()).toBeUndefined();
    await north.close();
  });

  itWithGo(
    'carries more than the window both ways with Go, whichever asks',
    async () => {
      const go = await joinTestee(GO, server.address, 'g');
      await expectEcho(there.testee, 'p', go.cvid);
      await expectEcho(go.testee, 'g', there.cvid);
      await expectEcho(there.testee, 'p', go.cvid, 'direct');
      await expectEcho(go.testee, 'g', there.cvid, 'direct');
      expect(await go.testee.close()).toBeUndefined();
    },
    BUILD_MS,
  );
});
