import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import {
  Server as GrpcServer,
  type handleBidiStreamingCall,
  type handleUnaryCall,
  ServerCredentials,
  status,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuthService, KVService, LeaseService, MaintenanceService } from '../../gen/etcdserverpb/rpc.js';
import { systemClock } from '../../src/client/system.js';
import { EtcdClient } from '../../src/log/etcd/client.js';
import { SameCluster } from '../../src/log/etcd/same-cluster.js';
import { EtcdProcess, lacksEtcd } from './etcd-process.js';

describe('the cluster that members of an etcd belong to', () => {
  const members = () => new SameCluster(['a:1', 'b:1', 'c:1']);

  it('is that of the first answer, and a member of another is named with it', () => {
    const cluster = members();
    expect([cluster.heard(0, 0xan, 1n), cluster.heard(1, 0xan, 2n), cluster.problem]).toEqual([
      'ours',
      'ours',
      undefined,
    ]);
    expect(cluster.heard(2, 0xbn, 3n)).toBe('foreign');
    expect(cluster.problem).toBe(
      'a:1 is a member of cluster a, and c:1 of cluster b: --journal has to name the members of one etcd: compare what etcdctl member list says at each',
    );
    expect([cluster.isOurs(0), cluster.isOurs(2)]).toEqual([true, false]);
    expect([cluster.heard(2, 0xan, 3n), cluster.problem]).toEqual(['ours', undefined]);
  });

  it('is another one altogether only when every member says so: one that does not answer may still be ours', () => {
    const cluster = members();
    cluster.heard(0, 0xan, 1n);
    cluster.forget(0);
    expect([cluster.isOurs(0), cluster.heard(1, 0xbn, 2n), cluster.heard(2, 0xbn, 3n)]).toEqual([
      false,
      'foreign',
      'foreign',
    ]);
    expect(cluster.heard(0, 0xbn, 1n)).toBe('replaced');
    expect(cluster.problem).toBe(
      'etcd was restored or made anew: this process began with cluster a, and now there is a:1 of cluster b, b:1 of cluster b, c:1 of cluster b',
    );
  });

  it('is compared where two addresses say that they are one member, and the one that is another is named', () => {
    const cluster = members();
    cluster.heard(0, 0xan, 1n);
    expect([cluster.heard(1, 0xan, 1n), cluster.isOurs(1), cluster.twinOf(1)]).toEqual(['ours', false, 0]);
    cluster.compared(1, false);
    expect([cluster.isOurs(0), cluster.isOurs(1), cluster.heard(1, 0xan, 1n)]).toEqual([true, false, 'foreign']);
    expect(cluster.problem).toMatch(
      /^a:1 is a member of cluster a, and b:1 of another cluster of the same ids \(begun/,
    );
    cluster.heard(2, 0xan, 1n);
    cluster.compared(2, true);
    for (const at of [0, 2]) cluster.forget(at);
    // It was compared once: the other one need not answer for it.
    expect([cluster.heard(2, 0xan, 1n), cluster.isOurs(2)]).toEqual(['ours', true]);
  });
});

/** A port behind which one etcd stands, and then another. */
class Switch {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  port = 0;

  constructor(public to: number) {
    this.#server = createServer((socket) => {
      const far = connect(this.to, '127.0.0.1');
      for (const one of [socket, far]) {
        this.#sockets.add(one);
        one.on('error', () => one.destroy());
        one.once('close', () => {
          socket.destroy();
          far.destroy();
        });
      }
      socket.pipe(far).pipe(socket);
    });
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** From now on connections lead there; those that stand break. */
  turn(to: number): void {
    this.to = to;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  end(): void {
    this.turn(this.to);
    this.#server.close();
  }
}

/** An etcd that tells strangers nothing of its status, as from 3.5.28 on with authentication, and remembers what it was asked. */
async function secretive(clusterId: bigint, lease = 7n) {
  const asked: string[] = [];
  const header = { clusterId, memberId: 1n, revision: 1n, raftTerm: 1n };
  const server = new GrpcServer();
  const answering =
    (what: string, answer: object, isOpen = false): handleUnaryCall<object, object> =>
    (call, answered) => {
      asked.push(what);
      if (isOpen || call.metadata.get('token').length > 0) return answered(null, answer);
      answered({ code: status.INVALID_ARGUMENT, details: 'etcdserver: user name is empty' });
    };
  const keepAlive: handleBidiStreamingCall<{ ID: bigint }, object> = (call) => {
    call.on('data', ({ ID }) => void call.write({ header, ID, TTL: ID === lease ? 10n : 0n }));
    call.on('end', () => call.end());
  };
  const add = (service: object, methods: object) => server.addService(service as never, methods as never);
  add(MaintenanceService, { status: answering('status', {}) });
  add(AuthService, { authenticate: answering('password', { header, token: 't' }, true) });
  add(KVService, { range: () => {}, txn: answering('put', { header, succeeded: true, responses: [] }) });
  add(LeaseService, {
    leaseGrant: answering('grant', { header, ID: lease, TTL: 10n, error: '' }),
    leaseKeepAlive: keepAlive,
  });
  const bound = promisify(server.bindAsync.bind(server));
  const port = await bound('127.0.0.1:0', ServerCredentials.createInsecure());
  return { asked, port, stop: () => server.forceShutdown() };
}

describe('members that tell strangers nothing of their status', () => {
  const user = { name: 'u', password: 'secret' };
  it.each([
    ['of two clusters', 2n, 'of cluster 2', undefined],
    ['of two clusters with the same ids', 1n, 'of another cluster of the same ids', 8n],
  ])('%s are refused, and nothing is stored at the second', async (_what, id, problem, lease) => {
    const [first, second] = [await secretive(1n), await secretive(id, lease)];
    const addresses = [first, second].map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = new EtcdClient(addresses, systemClock, { user });
    await expect(client.checkMembers()).rejects.toMatchObject({
      kind: 'differs',
      message: expect.stringContaining(problem),
    });
    first.stop();
    const put = { compare: [], success: [{ kind: 'put', key: 'k', value: Buffer.from('x') }] } as const;
    for (let tries = 0; tries < 3; tries++) await expect(client.commit(put)).rejects.toMatchObject({ kind: 'unclear' });
    expect(second.asked.filter((what) => what !== 'status' && what !== 'grant')).toEqual([]);
    client.close();
    second.stop();
  });
});

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

(lacks ? describe.skip : describe)('a client of several etcds', () => {
  let etcds: readonly [EtcdProcess, EtcdProcess];
  beforeAll(async () => {
    etcds = await Promise.all([EtcdProcess.start(), EtcdProcess.start()]);
  });
  afterAll(() => Promise.all(etcds.map((etcd) => etcd.remove())));

  const clientOf = (...ports: number[]) =>
    new EtcdClient(
      ports.map((port) => ({ host: '127.0.0.1', port })),
      systemClock,
    );
  const put = (key: string) => ({ compare: [], success: [{ kind: 'put', key, value: Buffer.from('x') }] }) as const;
  const isAt = async (etcd: EtcdProcess, key: string) => {
    const store = etcd.connect();
    const { values } = await store.read({ key });
    store.close();
    return values.length > 0;
  };

  it('is refused at once where they are two, with the names of both, and not where one does not answer', async () => {
    const [a, b] = etcds.map(({ port }) => port);
    const two = clientOf(a, b);
    await expect(two.checkMembers()).rejects.toMatchObject({
      kind: 'differs',
      message: expect.stringMatching(
        new RegExp(
          `^127.0.0.1:(${a}|${b}) is a member of cluster [0-9a-f]+, and 127.0.0.1:(${a}|${b}) of cluster [0-9a-f]+: --journal`,
        ),
      ),
    });
    two.close();
    const one = clientOf(a, 1);
    await one.checkMembers();
    one.close();
  });

  it('is refused where two have the ids that every etcd has which was installed alone, and is not where two addresses are one', async () => {
    const alone = await Promise.all([1, 2].map(() => EtcdProcess.start({ hasDefaultIds: true })));
    try {
      const [a, b] = alone.map(({ port }) => port);
      const two = clientOf(a, b);
      await expect(two.checkMembers()).rejects.toMatchObject({
        kind: 'differs',
        message: expect.stringContaining('of another cluster of the same ids (begun without --initial-cluster)'),
      });
      two.close();
      const again = await new Switch(a).start();
      const one = clientOf(a, again.port);
      await one.checkMembers();
      await one.commit(put('one'));
      one.close();
      again.end();
    } finally {
      await Promise.all(alone.map((etcd) => etcd.remove()));
    }
  });

  it('stores nothing at a member that has become one of another etcd, and says so once', async () => {
    const [ours, foreign] = etcds;
    const [first, second] = await Promise.all([new Switch(ours.port).start(), new Switch(ours.port).start()]);
    const client = clientOf(first.port, second.port);
    const said: (readonly [string, boolean])[] = [];
    client.mixed = (problem, isReplaced) => void said.push([problem, isReplaced]);
    await client.checkMembers();
    await client.commit(put('before'));
    first.turn(foreign.port);
    // The first answers may say nothing, as of a connection that has broken.
    for (let tries = 0; tries < 6; tries++) await client.commit(put(`at-${tries}`)).catch(() => undefined);
    const at = await Promise.all(Array.from({ length: 6 }, (_, tries) => isAt(foreign, `at-${tries}`)));
    expect(at).toEqual(at.map(() => false));
    expect(await isAt(ours, 'at-5')).toBe(true);
    second.turn(foreign.port);
    for (let tries = 0; tries < 6; tries++) await client.commit(put(`late-${tries}`)).catch(() => undefined);
    expect(await isAt(foreign, 'late-5')).toBe(false);
    expect(said.at(-1)).toEqual([expect.stringContaining('etcd was restored or made anew'), true]);
    expect(new Set(said.map(([problem]) => problem)).size).toBe(said.length);
    client.close();
    first.end();
    second.end();
  });
});
