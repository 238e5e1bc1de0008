import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ClientUnaryCall } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { quietPort } from '../../harness/port.js';
import { agent, ask, type Running, run } from '../grpc/running.js';
import { EtcdProcess, lacksEtcd } from '../log/etcd-process.js';

// containerd #4667: callers that had given up left leases of a day each behind. Here their commands were on the way to another server.

const CALLS = 8;
const EVERYTHING = { pageSize: 1_000, pageToken: '', instanceType: 0, instanceUuid: '' };

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: callers of a follower that give up: ${lacks}\n`);

// An etcd starts here, beside everything else that a busy machine does.
jest.setTimeout(60_000);

/** A wire between two servers that can hold what is sent over it, both ways, and let it go on. */
class HeldWire {
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  #isHeld = false;

  constructor(target: string) {
    const [host, port] = target.split(':');
    this.#listener = createServer((near) => {
      const far = connect(Number(port), host);
      this.#carry(near, far);
      this.#carry(far, near);
    });
  }

  async listen(): Promise<string> {
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    return `127.0.0.1:${(this.#listener.address() as { port: number }).port}`;
  }

  /** Bytes that wait here. */
  get held(): number {
    return this.#held.length;
  }

  hold(): void {
    this.#isHeld = true;
  }

  letGo(): void {
    this.#isHeld = false;
    for (const send of this.#held.splice(0)) send();
  }

  /** What is held never arrives. */
  cut(): void {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (bytes) => {
      if (this.#isHeld) this.#held.push(() => to.write(bytes));
      else to.write(bytes);
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      to.destroy();
      this.#sockets.delete(from);
    });
  }
}

(lacks ? describe.skip : describe)('a caller that gives up while a follower forwards its command to the leader', () => {
  let etcd: EtcdProcess;
  let count = 0;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(() => etcd.remove());

  /** A leader, its follower, and the wire between them. */
  async function serveTwo() {
    const network = `given-up-${count++}`;
    const peerListen = `127.0.0.1:${await quietPort()}`;
    const wire = new HeldWire(peerListen);
    closing.push(() => wire.cut());
    const peer = { 'peer-listen': peerListen, 'peer-advertise': await wire.listen() };
    const leader = await serve({ network, name: 'a', ...peer });
    const follower = await serve({ network, name: 'b' });
    await ask(follower, Sessions.session, agent(1));
    return { leader, follower, wire };
  }

  async function serve(flags: Record<string, string>): Promise<Running> {
    const at = await run({ journal: etcd.url, 'leader-ttl': '5s', ...flags });
    closing.push(() => at.stop());
    return at;
  }

  /** Calls of Session with a TTL of a day. The result are those that were not answered, and who is told of each answer. */
  function call(at: Running, answered: (error: unknown) => void): ClientUnaryCall[] {
    const { path, requestSerialize, responseDeserialize } = Sessions.session;
    return Array.from({ length: CALLS }, (_, n) =>
      at.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { ...agent(100 + n), ttl: { seconds: 86_400n, nanos: 0 } },
        answered,
      ),
    );
  }

  const uuids = async (at: Running) =>
    (await ask(at, Sessions.listSessions, EVERYTHING)).sessions.map(({ instanceUuid }) => instanceUuid);
  const revision = async (at: Running) => (await ask(at, Sessions.listSessions, EVERYTHING)).position!.revision;

  async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
    for (let tries = 0; tries < 500 && !(await holds()); tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await holds()).toBe(true);
  }

  /** Makes the calls, whose commands get no farther than the wire, and gives them up. */
  async function giveUp({ follower, wire }: { readonly follower: Running; readonly wire: HeldWire }): Promise<void> {
    wire.hold();
    let ended = 0;
    const calls = call(follower, () => ended++);
    await until(() => wire.held > 0);
    // What comes in one turn of the follower's event loop is sent in one message.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(ended).toBe(0);
    for (const one of calls) one.cancel();
    await until(() => ended === CALLS);
  }

  it('leaves no session once the leader has stored the commands', async () => {
    const two = await serveTwo();
    const before = await revision(two.leader);
    await giveUp(two);
    expect(await revision(two.leader)).toBeLessThan(before + BigInt(CALLS));
    two.wire.letGo();
    // Each was opened, and ended.
    await until(async () => (await revision(two.leader)) >= before + BigInt(2 * CALLS));
    expect(await uuids(two.leader)).toEqual([agent(1).instanceUuid]);
  });

  it('leaves no session when the follower ends before the leader has had the commands', async () => {
    const two = await serveTwo();
    const before = await revision(two.leader);
    await giveUp(two);
    const ended = two.follower.stop();
    await new Promise((resolve) => setTimeout(resolve, 200));
    two.wire.letGo();
    await ended;
    expect(await uuids(two.leader)).toEqual([agent(1).instanceUuid]);
    expect(await revision(two.leader)).toBeGreaterThanOrEqual(before + BigInt(2 * CALLS));
  });

  it('leaves no session when the follower leads before the leader has had the commands', async () => {
    const { leader, follower, wire } = await serveTwo();
    const before = await revision(follower);
    await giveUp({ follower, wire });
    wire.cut();
    await leader.stop();
    await until(async () => (await revision(follower)) >= before + BigInt(2 * CALLS));
    expect(await uuids(follower)).toEqual([agent(1).instanceUuid]);
  });
});
