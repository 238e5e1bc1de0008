import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { TesteeProcess } from '../../conformance/runner/testee.js';
import { GO } from '../../conformance/testees/plans.js';
import { DirectCarrier } from '../../src/client/carrier/direct-carrier.js';
import { type Instance, type PeerStream, Switchyard, UnendorsedPeerError } from '../../src/client/index.js';
import { SigningKey } from '../../src/trust/signing-key.js';
import { ADMIN_TOKEN, type Running, run } from '../grpc/running.js';

/** The first build of a machine compiles gRPC, too. */
const BUILD_MS = 120_000;
/** More than a window of the connection and than the server's. */
const MUCH = 6 << 20;

const missing = await GO.missing();
if (missing !== undefined) process.stderr.write(`not checked: peers of sdk/go: ${missing}\n`);

(missing === undefined ? describe : describe.skip)('a connection between the Go and the TypeScript client', () => {
  let server: Running;
  let yard: Switchyard;
  let here: Instance;
  let there: TesteeProcess;
  let hereCvid: number;
  let thereCvid: number;

  beforeAll(async () => {
    server = await run();
    yard = new Switchyard({ server: server.address });
    here = yard.join({ uuid: randomUUID(), type: 2, name: 'typescript' });
    hereCvid = (await here.attached()).cvid;
    there = new TesteeProcess(GO, server.address);
    await there.can;
    await there.command({ do: 'join', as: 'go', uuid: randomUUID(), type: 2, name: 'go' });
    thereCvid = Number((await there.event('attached', 'go', BUILD_MS))!.cvid);
    await there.command({ do: 'acceptPeers', as: 'go' });
  }, BUILD_MS);

  afterAll(async () => {
    expect(await there.close()).toBeUndefined();
    await yard.close();
    await server.stop();
  });

  it('is asked for by TypeScript, goes both ways and ends well', async () => {
    const stream = await here.connect(thereCvid, { relayOnly: true });
    expect({ path: stream.path, endToEnd: stream.endToEnd }).toEqual({ path: 'relayed', endToEnd: true });
    const data = randomBytes(MUCH / 2).toString('hex');
    stream.end(data);
    const closed = once(stream, 'close');
    expect((await text(stream)) === data).toBe(true);
    await closed;
  });

  it('stays relayed when TypeScript looks for a direct path', async () => {
    const stream = await here.connect(thereCvid, { upgradeAfterMs: 50 });
    stream.write('one');
    expect(String((await once(stream, 'data'))[0])).toBe('one');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(stream.path).toBe('relayed');
    stream.end('two');
    expect(await text(stream)).toBe('two');
  });

  it('is asked for by Go, and ends well', async () => {
    const accepted = new Promise<PeerStream>((resolve) => {
      here.handlers.accept = ({ cvid }) => cvid === thereCvid;
      here.handlers.accepted = resolve;
    });
    const opened = await there.command({ do: 'connect', as: 'go', cvid: hereCvid, stream: 's' });
    expect(opened).toEqual({ path: 'relayed', endToEnd: true });
    const stream = await accepted;
    const closed = once(stream, 'close');
    stream.end('from TypeScript');
    expect(await there.command({ do: 'receiveEnd', stream: 's' })).toEqual({ rest: 'from TypeScript' });
    await there.command({ do: 'send', stream: 's', text: 'from Go' });
    await there.command({ do: 'endWriting', stream: 's' });
    expect(await text(stream)).toBe('from Go');
    await closed;
  });

  it('is endorsed at both ends by the keys of their identities, in the network that both are in', async () => {
    const administrator = new Switchyard({ server: server.address, adminToken: ADMIN_TOKEN });
    await administrator.identities.createNetwork('north');
    await administrator.close();
    const [key, goSecret] = [SigningKey.fromSecret(randomBytes(32)), randomBytes(32)];
    const pins = [SigningKey.fromSecret(goSecret).keyId.toString('hex')];
    const north = new Switchyard({ server: server.address, network: 'north' });
    const pinned = north.join({ uuid: randomUUID(), type: 2, key });
    const { cvid } = await pinned.attached();
    const go = new TesteeProcess(GO, server.address, 'north');
    await go.can;
    await go.command({ do: 'join', as: 'n', uuid: randomUUID(), type: 2, key: goSecret.toString('hex') });
    const goCvid = Number((await go.event('attached', 'n', BUILD_MS))?.cvid);
    await go.command({ do: 'acceptPeers', as: 'n' });
    for (const way of [{ relayOnly: true }, { fallback: 'none' as const }]) {
      const stream = await pinned.connect(goCvid, { ...way, pins });
      const closed = once(stream, 'close');
      stream.end('north');
      expect(await text(stream)).toBe('north');
      await closed;
    }
    pinned.handlers.accept = () => true;
    pinned.handlers.accepted = (stream) => void stream.end('endorsed');
    for (const direct of [false, true]) {
      const opened = await go.command({ do: 'connect', as: 'n', cvid, stream: `s${direct}`, direct, endorsed: true });
      expect(opened).toMatchObject({ endToEnd: true, endorsedBy: key.keyId.toString('hex') });
      expect(await go.command({ do: 'receiveEnd', stream: `s${direct}` })).toEqual({ rest: 'endorsed' });
      await go.command({ do: 'endWriting', stream: `s${direct}` });
    }
    const wrong = pinned.connect(goCvid, { relayOnly: true, pins: ['ab'.repeat(32)] });
    await expect(wrong).rejects.toThrow(UnendorsedPeerError);
    expect(await go.close()).toBeUndefined();
    await north.close();
  });

  it('tells Go that a peer without a key is not endorsed', async () => {
    here.handlers.accept = () => true;
    const asked = there.command({ do: 'connect', as: 'go', cvid: hereCvid, stream: 'unsigned', endorsed: true });
    await expect(asked).rejects.toThrow('it brought no endorsement of its key');
  });

  it('is made directly when either asks for that', async () => {
    const stream = await here.connect(thereCvid, { fallback: 'none' });
    expect({ path: stream.path, endToEnd: stream.endToEnd }).toEqual({ path: 'direct', endToEnd: true });
    const data = randomBytes(MUCH / 2).toString('hex');
    stream.end(data);
    expect((await text(stream)) === data).toBe(true);

    const accepted = new Promise<PeerStream>((resolve) => {
      here.handlers.accepted = resolve;
    });
    const fields = { do: 'connect', as: 'go', cvid: hereCvid, stream: 'direct', direct: true };
    expect(await there.command(fields)).toEqual({ path: 'direct', endToEnd: true });
    const ours = await accepted;
    expect(ours.path).toBe('direct');
    ours.end('from TypeScript');
    expect(await there.command({ do: 'receiveEnd', stream: 'direct' })).toEqual({ rest: 'from TypeScript' });
    await there.command({ do: 'send', stream: 'direct', text: 'from Go' });
    await there.command({ do: 'endWriting', stream: 'direct' });
    expect(await text(ours)).toBe('from Go');
  });

  it('goes on by the next attempt when Go has had the path of the first alone', async () => {
    const heard = jest.spyOn(DirectCarrier.prototype, 'heard').mockResolvedValueOnce(false);
    const accepted = new Promise<PeerStream>((resolve) => {
      here.handlers.accepted = resolve;
    });
    const fields = { do: 'connect', as: 'go', cvid: hereCvid, stream: 'alone', direct: true };
    expect(await there.command(fields)).toEqual({ path: 'direct', endToEnd: true });
    heard.mockRestore();
    const ours = await accepted;
    ours.end('from TypeScript');
    expect(await there.command({ do: 'receiveEnd', stream: 'alone' })).toEqual({ rest: 'from TypeScript' });
    await there.command({ do: 'send', stream: 'alone', text: 'from Go' });
    await there.command({ do: 'endWriting', stream: 'alone' });
    expect(await text(ours)).toBe('from Go');
    const { connection } = await here.getConnection(ours.connectionId);
    expect(connection.attempts.length).toBe(2);
  });

  it('is an error at Go when TypeScript cuts it, and is refused by a TypeScript that takes none', async () => {
    const accepted = new Promise<PeerStream>((resolve) => {
      here.handlers.accepted = resolve;
    });
    await there.command({ do: 'connect', as: 'go', cvid: hereCvid, stream: 'cut' });
    (await accepted).destroy();
    await expect(there.command({ do: 'receiveEnd', stream: 'cut' })).rejects.toThrow();
    here.handlers.accept = undefined;
    const refused = there.command({ do: 'connect', as: 'go', cvid: hereCvid, stream: 'none' });
    await expect(refused).rejects.toThrow('PEER_REFUSED');
  });
});
