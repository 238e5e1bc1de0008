import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ServerPath } from '../../conformance/runner/path.js';
import { TesteeProcess } from '../../conformance/runner/testee.js';
import { GO, PYTHON } from '../../conformance/testees/plans.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { quietPort } from '../../harness/port.js';
import { agent, ask, type Running, run } from '../grpc/running.js';
import { EtcdProcess, lacksEtcd } from '../log/etcd-process.js';
import { itLong } from '../long.js';

/** The first build of a machine compiles gRPC, too; a silent server is noticed after half a minute. */
const TEST_MS = 120_000;
/** Longer than a client may take to go to another server, and shorter than what a rest for each try would add up to. */
const MOVED_MS = 15_000;
/** Two heartbeats that did not come, and then the move. */
const SILENT_MS = 60_000;
const NAME = 'a';
const PICTURE = 'picture';
const GONE = 'gone';

jest.setTimeout(TEST_MS);

/** Of each client, what this machine lacks to run it here. */
const clients = await Promise.all(
  [PYTHON, GO].map(async (plan) => ({ plan, lack: lacksEtcd() ?? (await plan.missing()) })),
);
for (const { plan, lack } of clients)
  if (lack !== undefined) process.stderr.write(`not checked: ${plan.name} at several servers: ${lack}\n`);

describe.each(clients)('the $plan.name client', ({ plan, lack }) => {
  (lack === undefined ? describe : describe.skip)('of two servers that share a network', () => {
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

    /** A server that clients reach over a path which can be closed. */
    async function serve(network: string, name: string) {
      const listen = `127.0.0.1:${await quietPort()}`;
      const path = new ServerPath(() => listen);
      await path.open();
      closing.push(() => path.close());
      const running = await run({ journal: etcd.url, network, name, listen, advertise: path.address });
      closing.push(() => running.stop());
      return { ...running, path };
    }

    /** Two servers that know of each other, and a testee that was given the address of the first alone, attached there with a picture and a watch of sessions that end. */
    async function begin() {
      const network = `sdk-${count++}`;
      const [a, b] = [await serve(network, 'a'), await serve(network, 'b')];
      for (let number = 100; (await ask(a, Sessions.session, agent(number))).servers.length < 2; number++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      const testee = new TesteeProcess(plan, a.path.address);
      closing.push(async () => expect(await testee.close()).toBeUndefined());
      await testee.can;
      await testee.command({ do: 'join', as: NAME, uuid: randomUUID(), type: 2, name: NAME });
      const cvid = (await testee.event('attached', NAME, MOVED_MS))?.cvid;
      expect(cvid).toBeDefined();
      await testee.command({ do: 'watch', as: PICTURE });
      expect(await testee.event('synced', PICTURE, MOVED_MS)).toBeDefined();
      await testee.command({ do: 'watchClosed', as: GONE });
      expect(await testee.event('bookmark', GONE, MOVED_MS)).toBeDefined();
      return { a, b, testee, cvid };
    }

    /** The picture goes on, from where it was, with what happens at another server; so does the watch of sessions that end. */
    async function expectGoesOn(testee: TesteeProcess, at: Running, withinMs = MOVED_MS): Promise<void> {
      const { instanceSid } = await ask(at, Sessions.session, { ...agent(2), name: 'later' });
      expect(instanceSid).toBeGreaterThan(0);
      const endsAtMs = performance.now() + withinMs;
      for (;;) {
        const { names } = (await testee.command({ do: 'picture', as: PICTURE })) as { names: string[] };
        if (names.includes('later')) break;
        if (performance.now() > endsAtMs) throw new Error(`the picture is ${names.join()}\n${testee.rest}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(await testee.event('synced', PICTURE, 0)).toBeUndefined();
      await ask(at, Sessions.session, agent(2));
      expect(await testee.event('closed', GONE, withinMs)).toMatchObject({ cvid: instanceSid, reason: 'SUPERSEDED' });
    }

    it('goes on with session and watches at the other one when its own cannot be reached', async () => {
      const { a, b, testee, cvid } = await begin();
      a.path.close();
      expect(await testee.event('broken', NAME, MOVED_MS)).toMatchObject({ delayMs: 0 });
      expect(await testee.event('attached', NAME, MOVED_MS)).toMatchObject({ cvid });
      await expectGoesOn(testee, b);
    });

    it('goes on with session and watches at the other one, without a wait, when its own one drains', async () => {
      const { a, b, testee, cvid } = await begin();
      const down = a.server.drain();
      expect(await testee.event('broken', NAME, MOVED_MS)).toMatchObject({ reason: 'DRAINING', delayMs: 0 });
      expect(await testee.event('attached', NAME, MOVED_MS)).toMatchObject({ cvid });
      await down;
      await expectGoesOn(testee, b);
    });

    itLong('goes on with session and watches at the other one when its own says nothing more', async () => {
      const { a, b, testee, cvid } = await begin();
      a.path.freeze();
      expect(await testee.event('attached', NAME, SILENT_MS)).toMatchObject({ cvid });
      await expectGoesOn(testee, b, SILENT_MS);
    });
  });
});
