import { getEventListeners, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GrpcChannel, StatusCode, Switchyard, WatchKind } from '../../../src/client/index.js';
import { FakeServer, status, type Watch } from '../worlds/fake-server.js';

const at = (revision: number) => ({ epoch: 'e', revision: BigInt(revision) });
const message = (kind: WatchKind, revision: number, name = '') => ({
  kind,
  position: at(revision),
  committedAt: undefined,
  deltas:
    kind === WatchKind.DELTA
      ? [
          {
            nodeAdded: [{ cvid: revision, parent: 9, instanceUuid: 'u', name, labels: {} }],
            nodeRemoved: [],
            linkAdded: [],
            linkRemoved: [],
          },
        ]
      : [],
});

describe('over a real connection', () => {
  let server: FakeServer;
  let port: number;
  let yard: Switchyard;

  beforeEach(async () => {
    server = new FakeServer();
    port = await server.start();
    yard = new Switchyard({ server: `127.0.0.1:${port}`, adminToken: 'secret' });
  });
  afterEach(async () => {
    await yard.close();
    server.stop();
  });

  it('keeps a process alive while somebody holds it, and not once it is closed', () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const channel = new GrpcChannel(`127.0.0.1:${port}`);
    channel.hold();
    expect(timers()).toBe(before + 1);
    channel.close();
    expect(timers()).toBe(before);
    channel.hold();
    expect(timers()).toBe(before);
  });

  it('a call carries its metadata and is answered', async () => {
    const { node, position } = await yard.getNode(7);
    expect([node.cvid, position]).toEqual([7, at(7)]);
    expect(server.seen[0]?.get('switchyard-admin')).toEqual(['secret']);
  });

  it('a refusal arrives with its reason, and with when to come again', async () => {
    await expect(yard.getNode(404)).rejects.toMatchObject({
      code: StatusCode.NOT_FOUND,
      reason: 'NODE_NOT_FOUND',
      message: 'no node 404',
      temporary: false,
    });
    await expect(yard.getNode(503)).rejects.toMatchObject({ reason: 'DRAINING', retryAfterMs: 1_000, temporary: true });
  });

  it('a message of more than gRPC’s usual 4 MiB is taken, one of more than 16 MiB is refused', async () => {
    server.name = 'x'.repeat(5 << 20);
    expect((await yard.getNode(7)).node.name).toHaveLength(5 << 20);
    server.name = 'x'.repeat(17 << 20);
    await expect(yard.getNode(7)).rejects.toMatchObject({ code: StatusCode.RESOURCE_EXHAUSTED });
  });

  it('a method that the server does not have is UNIMPLEMENTED', async () => {
    await expect(yard.findPath(1, 2)).rejects.toMatchObject({ code: StatusCode.UNIMPLEMENTED });
  });

  it('a server that is not there is UNAVAILABLE', async () => {
    server.stop();
    await expect(yard.getNode(7)).rejects.toMatchObject({ code: StatusCode.UNAVAILABLE, temporary: true });
  });

  it('a call ends by its time limit, and the server is told', async () => {
    await expect(yard.getNode(408, { timeoutMs: 50 })).rejects.toMatchObject({ code: StatusCode.DEADLINE_EXCEEDED });
    await until(() => server.cancelled === 1);
  });

  it('a call ends by its signal with the signal’s reason, the server is told, and no listener stays', async () => {
    const controller = new AbortController();
    const called = yard.getNode(408, { signal: controller.signal });
    await until(() => server.seen.length === 1);
    controller.abort(new Error('enough'));
    await expect(called).rejects.toThrow('enough');
    await until(() => server.cancelled === 1);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await expect(yard.getNode(7, { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('a call that may be repeated finds a server that comes back', async () => {
    server.stop();
    const called = yard.getNode(7, { retry: true, timeoutMs: 20_000 });
    await expect(yard.getNode(7)).rejects.toMatchObject({ code: StatusCode.UNAVAILABLE });
    await server.start(port);
    expect((await called).node.cvid).toBe(7);
  });

  it('a call of which nobody knows what came is repeated only where it may be done twice', async () => {
    const outcome = { code: StatusCode.UNAVAILABLE, reason: 'OUTCOME_UNKNOWN', temporary: false };
    await expect(yard.getNode(565)).rejects.toMatchObject(outcome);
    expect(server.seen).toHaveLength(1);
    server.seen.length = 0;
    expect((await yard.getNode(565, { retry: true })).node.cvid).toBe(565);
    expect(server.seen).toHaveLength(2);
  });

  it('a watch is ended at the server when its loop is left', async () => {
    const cancelled = new Promise<void>((resolve) => {
      server.onWatch = (watch) => {
        watch.on('cancelled', resolve);
        watch.write(message(WatchKind.SNAPSHOT_END, 1));
      };
    });
    for await (const { kind } of yard.watchNetworkDelta()) if (kind === WatchKind.SNAPSHOT_END) break;
    await cancelled;
  });

  it('a watch continues past its position through a restart of the server', async () => {
    const asked: (bigint | undefined)[] = [];
    server.onWatch = (watch) => {
      asked.push(watch.request.after?.revision);
      if (!watch.request.after) watch.write(message(WatchKind.SNAPSHOT_END, 1));
      watch.write(message(WatchKind.DELTA, watch.request.after ? 3 : 2));
    };
    const network = yard.watchNetwork();
    await network.reached(at(2));
    server.stop();
    await server.start(port);
    await network.reached(at(3));
    expect(asked).toEqual([undefined, 2n]);
    expect([...network.graph.nodes()].map(({ cvid }) => cvid)).toEqual([2, 3]);
    network.close();
    await network.ended;
  });

  it('an error with details ends a watch, which then begins again', async () => {
    let calls = 0;
    server.onWatch = (watch) => {
      calls += 1;
      if (calls === 1) watch.emit('error', status(11, 'compacted', 'REVISION_COMPACTED'));
      else watch.write(message(WatchKind.SNAPSHOT_END, 5));
    };
    const reasons: (string | undefined)[] = [];
    const watch = yard.watchNetworkDelta({ after: at(1), onBreak: (error) => reasons.push(error.reason) });
    expect((await watch.next()).value).toMatchObject({ kind: WatchKind.RESET });
    expect((await watch.next()).value).toMatchObject({ kind: WatchKind.SNAPSHOT_END });
    expect(reasons).toEqual(['REVISION_COMPACTED']);
    await watch.return();
  });

  it('a reader that takes its time pauses the server, other calls go on, and it misses nothing', async () => {
    let full: () => void = () => {};
    const stopped = new Promise<void>((resolve) => {
      full = resolve;
    });
    let written = 1;
    server.onWatch = async (watch: Watch) => {
      watch.write(message(WatchKind.SNAPSHOT_END, 1));
      // Far more than all the windows between the two hold.
      while (written < 2_000) {
        written += 1;
        if (watch.write(message(WatchKind.DELTA, written, 'x'.repeat(10_000)))) continue;
        const drained = once(watch, 'drain').then(() => 'drained');
        const quiet = new Promise((resolve) => setTimeout(resolve, 300, 'quiet'));
        if ((await Promise.race([drained, quiet])) === 'quiet') full();
        await drained;
      }
    };
    const watch = yard.watchNetworkDelta();
    await watch.next();
    await stopped;
    // 16 messages here, 8 MiB in HTTP/2's window, 16 messages and a socket's buffers there.
    expect(written).toBeLessThan(1_100);
    expect((await yard.getNode(7)).node.cvid).toBe(7);
    let last = 1n;
    for await (const { position } of watch) {
      last = position!.revision;
      if (last === 2_000n) break;
    }
    expect(last).toBe(2_000n);
  });

  it('a closed channel refuses', async () => {
    const channel = new GrpcChannel(`127.0.0.1:${port}`);
    const closed = new Switchyard({ channel });
    await closed.close();
    channel.close();
    await expect(closed.getNode(7)).rejects.toMatchObject({ code: StatusCode.CANCELLED });
  });

  it('an answer that does not arrive because the connection was cut is an error, not a wait', async () => {
    const deaf = createServer((socket) => void socket.on('error', () => {}).destroy());
    deaf.listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    const { port: deafPort } = deaf.address() as { port: number };
    const other = new Switchyard({ server: `127.0.0.1:${deafPort}` });
    await expect(other.getNode(7)).rejects.toMatchObject({ code: StatusCode.UNAVAILABLE });
    await other.close();
    deaf.close();
  });
});

describe('over TLS', () => {
  // Made for these tests, valid until 2126: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
  // -days 36500 -subj /CN=switchyard.test -addext subjectAltName=DNS:switchyard.test
  const pem = (name: string) => readFileSync(new URL(`../tls/${name}.pem`, import.meta.url));
  const [cert, key] = [pem('cert'), pem('key')];
  let server: FakeServer;
  let target: string;

  beforeEach(async () => {
    server = new FakeServer();
    const pairs = [{ cert_chain: cert, private_key: key }];
    target = `127.0.0.1:${await server.start(0, ServerCredentials.createSsl(cert, pairs, true))}`;
  });
  afterEach(() => server.stop());

  it('both ends know each other by their certificates', async () => {
    const tls = { ca: cert, cert, key, serverName: 'switchyard.test' };
    const yard = new Switchyard({ server: target, tls });
    expect((await yard.getNode(7)).node.cvid).toBe(7);
    await yard.close();
  });

  it.each([
    ['of an authority that is not trusted', true as const],
    ['with another name', { ca: cert, cert, key, serverName: 'other.test' }],
    ['that wants a certificate of the client', { ca: cert, serverName: 'switchyard.test' }],
    [
      'that a further check refuses',
      { ca: cert, cert, key, serverName: 'switchyard.test', checkServerIdentity: refuse },
    ],
  ])('a server %s is not talked to', async (_name, tls) => {
    const yard = new Switchyard({ server: target, tls });
    await expect(yard.getNode(7)).rejects.toMatchObject({ code: StatusCode.UNAVAILABLE });
    expect(server.seen).toEqual([]);
    await yard.close();
  });

  function refuse(): Error {
    return new Error('not the one I know');
  }
});

/** Waits for what the other end of a connection will see in a moment. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
