import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { quietPort } from '../../harness/port.js';
import { systemRandom } from '../../src/client/system.js';
import { run } from '../grpc/running.js';
import { connect, joinAs, linkUp, next, opened, start, tell, uuid } from './worlds/server-scene.js';

describe('through restarts of the server', () => {
  let data: string;

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'switchyard-client-'));
    opened.push(() => rm(data, { recursive: true }));
  });

  it('a drain ends nothing: sessions, links and watches go on as if nothing had happened', async () => {
    let running = await run({ data, listen: `127.0.0.1:${await quietPort()}` });
    opened.push(() => running.stop());
    const yard = connect(running.address);
    const network = await yard.watchNetwork().synced();
    const [me, peer] = [joinAs(yard, 1), joinAs(yard, 2)];
    const [{ cvid, token }] = await Promise.all([me.attached(), peer.attached()]);
    await network.reached((await linkUp(me, peer)).position);
    const told = tell(network);
    const retries: (number | undefined)[] = [];
    me.on('broken', ({ retryAfterMs }) => retries.push(retryAfterMs));
    const again = Promise.all([next(me, 'attached'), next(peer, 'attached')]);

    await running.server.drain();
    await running.stop();
    running = await run({ data, listen: running.address });
    await again;
    // The server said when to come again, and was heard.
    expect(retries[0]).toBe(1_000);
    expect(me.session).toMatchObject({ cvid, token });
    const { position } = await joinAs(yard, 3).attached();
    await network.reached(position);
    expect(told).toEqual(['+agent-3']);
    expect(network.graph.equals((await connect(running.address).watchNetwork().synced()).graph)).toBe(true);
  });

  it('a kill -9 in the middle loses nothing that was acknowledged', async () => {
    const wire = { child: await serve(data, `127.0.0.1:${await quietPort()}`) };
    opened.push(() => wire.child.kill());
    const { address } = wire.child;
    // Little jitter: it is not what this is about, and twenty times up to 10 s is long.
    const yard = connect(address, { random: { ...systemRandom, fraction: () => 0.05 } });
    const network = await yard.watchNetwork().synced();
    const instances = Array.from({ length: 20 }, (_, number) => joinAs(yard, number));
    const sessions = await Promise.all(instances.map((instance) => instance.attached()));
    for (let round = 0; round < 2; round += 1) {
      const again = Promise.all(instances.map((instance) => next(instance, 'attached')));
      await wire.child.kill();
      wire.child = await serve(data, address);
      await again;
      const [one, other] = [instances[round]!, instances[round + 10]!];
      await network.reached((await linkUp(one, other)).position);
    }
    expect(instances.map(({ session }) => session?.token)).toEqual(sessions.map(({ token }) => token));
    expect(network.graph.size).toEqual({ nodes: 21, links: 22 });
    expect(network.graph.equals((await connect(address).watchNetwork().synced()).graph)).toBe(true);
  });

  it('a server that forgot everything is a new network: new sessions, a new picture', async () => {
    const running = await run({ listen: `127.0.0.1:${await quietPort()}` });
    const yard = connect(running.address);
    const network = await yard.watchNetwork().synced();
    const me = joinAs(yard, 1);
    const first = await me.attached();
    await network.reached(first.position);
    const lost = next(me, 'lost');
    const again = next(me, 'attached');
    const synced = next(network, 'synced');
    await running.stop();
    await start({ listen: running.address });
    expect(await lost).toMatchObject([{ reason: expect.stringMatching(/^SESSION_(EXPIRED|TOKEN_INVALID)$/) }]);
    await Promise.all([again, synced]);
    await network.reached(me.session!.position);
    expect(network.position?.epoch).not.toBe(first.position.epoch);
    expect([...network.graph.nodes()].map(({ instanceUuid }) => instanceUuid)).toContain(uuid(1));
    expect(network.graph.size).toEqual({ nodes: 2, links: 1 });
  });
});

/** A server in a process of its own, which can be killed. */
async function serve(data: string, listen: string) {
  const path = (relative: string) => new URL(relative, import.meta.url);
  const program = `
    import { run } from '${path('../grpc/running.ts').href}';
    const { address } = await run({ data: '${data}', listen: '${listen}' });
    console.log(address);
  `;
  const typescript = fileURLToPath(path('../../harness/typescript.mjs'));
  const args = ['--no-warnings', '--import', typescript, '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [address] = (await once(createInterface(child.stdout), 'line')) as [string];
  const exited = once(child, 'exit');
  return {
    address,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
