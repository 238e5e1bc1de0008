import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TesteePlan, TesteeProcess } from '../../conformance/runner/testee.js';
import { GO, PYTHON, TESTEES } from '../../conformance/testees/plans.js';
import { type Instance, InstanceType, type PeerStream, Switchyard } from '../../src/client/index.js';
import { type Running, run } from '../grpc/running.js';
import { IS_LONG, itLong } from '../long.js';
import { OldClient } from '../releases/old-client.js';
import { OldServer } from '../releases/old-server.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TARBALL = fileURLToPath(new URL('../releases/0.1.0/switchyard-0.1.0.tgz', import.meta.url));
/** The first build of Go on a machine compiles gRPC, too. */
const BUILD_MS = 120_000;
/**
 * More than the 4 MiB that an older reader takes ahead, so that it arrives only when each end lets the other go on; and less than this
 * one's window of 8 MiB, so that a sender that trusted its own window would send it all to a reader that is slow.
 */
const MUCH = randomBytes(3 << 20).toString('hex');
/** What the client of release 0.1.0 sends: see OldClient. */
const OLD_SAYS = 'from the old '.repeat(20_000).length;

/** A client on the server, which takes every peer and sends back what comes. */
async function joinTestee(plan: TesteePlan, server: string) {
  const testee = new TesteeProcess(plan, server);
  await testee.can;
  await testee.command({ do: 'join', as: 'it', uuid: randomUUID(), type: 2, name: plan.name });
  const { cvid } = (await testee.event('attached', 'it', BUILD_MS))!;
  await testee.command({ do: 'acceptPeers', as: 'it' });
  return { testee, cvid: Number(cvid) };
}

// Go is built for it, and the old client takes its time to look for a path: `npm run test:all` has these.
for (const plan of IS_LONG ? [GO, PYTHON] : [PYTHON]) {
  const missing = await plan.missing();
  if (missing !== undefined) process.stderr.write(`not checked: ${plan.name} with release 0.1.0: ${missing}\n`);
  const describeIt = missing === undefined ? describe : describe.skip;

  describeIt(`the ${plan.name} client with the server of release 0.1.0`, () => {
    let old: OldServer;
    let yard: Switchyard;
    let here: Instance;
    let there: Awaited<ReturnType<typeof joinTestee>>;

    beforeAll(async () => {
      old = await OldServer.unpack(TARBALL, ROOT);
      const address = await old.serve(':memory:', '--attempts-per-connection-max', '1');
      yard = new Switchyard({ server: address });
      const handlers = { accept: () => true, accepted: (stream: PeerStream) => void stream.pipe(stream) };
      here = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
      await here.attached();
      there = await joinTestee(plan, address);
    }, BUILD_MS);
    afterAll(async () => {
      expect(await there?.testee.close()).toBeUndefined();
      await yard?.close();
      await old?.remove();
    });

    it('is connected to through the server, which can read it, and carries more than a window back and forth', async () => {
      const stream = await here.connect(there.cvid, { relayOnly: true });
      expect([stream.path, stream.endToEnd]).toEqual(['relayed', false]);
      stream.end(MUCH);
      expect((await text(stream)) === MUCH).toBe(true);
    });

    it('connects through the server, carries more than a window back and forth, and ends well', async () => {
      const { testee } = there;
      const connected = await testee.command({ do: 'connect', as: 'it', cvid: here.session!.cvid, stream: 's' });
      expect(connected).toEqual({ path: 'relayed', endToEnd: false });
      const sent = testee.command({ do: 'send', stream: 's', text: MUCH });
      const { text: came } = await testee.command({ do: 'receive', stream: 's', length: MUCH.length });
      await sent;
      expect(came === MUCH).toBe(true);
      await testee.command({ do: 'endWriting', stream: 's' });
      expect(await testee.command({ do: 'receiveEnd', stream: 's' })).toEqual({ rest: '' });
    });

    it('errs when the peer cuts the connection, and never takes that for the end of the data', async () => {
      here.handlers.accepted = (stream) => void stream.destroy();
      await there.testee.command({ do: 'connect', as: 'it', cvid: here.session!.cvid, stream: 'cut' });
      await expect(there.testee.command({ do: 'receiveEnd', stream: 'cut' })).rejects.toThrow();
    });
  });
}

for (const plan of IS_LONG ? TESTEES : [PYTHON]) {
  const describeIt = (await plan.missing()) === undefined ? describe : describe.skip;

  describeIt(`the ${plan.name} client with the client of release 0.1.0`, () => {
    itLong(
      'connects to it and is connected to, is not cut by a reader with a smaller window, and both learn where the data ends',
      async () => {
        const folder = await mkdtemp(join(tmpdir(), 'switchyard-old-client-'));
        const server: Running = await run();
        try {
          const { testee, cvid } = await joinTestee(plan, server.address);
          const client = await (await OldClient.unpack(TARBALL, folder, ROOT, true)).join(server.address, String(cvid));
          expect(await client.next()).toEqual({ path: 'relayed', heard: OLD_SAYS });
          const connected = await testee.command({ do: 'connect', as: 'it', cvid: client.sid, stream: 's' });
          expect(connected).toEqual({ path: 'relayed', endToEnd: false });
          // The peer reads nothing for a second.
          const sent = testee.command({ do: 'send', stream: 's', text: MUCH });
          const { text: came } = await testee.command({ do: 'receive', stream: 's', length: MUCH.length });
          await sent;
          expect(came === MUCH).toBe(true);
          await testee.command({ do: 'endWriting', stream: 's' });
          expect(await testee.command({ do: 'receiveEnd', stream: 's' })).toEqual({ rest: '' });
          client.kill();
          await client.ended;
          expect(await testee.close()).toBeUndefined();
        } finally {
          await server.stop();
          await rm(folder, { recursive: true, force: true });
        }
      },
      BUILD_MS,
    );
  });
}
