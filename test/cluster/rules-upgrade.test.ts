import { describe, expect, it, jest } from '@jest/globals';
import type { RequestTermination } from '../../src/core/model/command.js';
import type { State } from '../../src/core/store/state.js';
import type { KnownNumbers } from '../../src/journal/readers.js';

/* The core of a build that knows second rules; a server of the first build in it says that it knows the first only, and reads no later ones. */
const order = await import('../../src/core/decide/order.js');
jest.unstable_mockModule('../../src/core/model/rules.js', () => ({ Rules: { FIRST: 1, SECOND: 2 }, RULES_MAX: 2 }));
jest.unstable_mockModule('../../src/core/decide/order.js', () => ({
  ...order,
  requestTermination: (state: State, command: RequestTermination, revision: number) => {
    const reason = state.rules >= 2 ? `by the second rules: ${command.reason}` : command.reason;
    return order.requestTermination(state, { ...command, reason }, revision);
  },
}));

const { canonical } = await import('../../src/core/store/canonical.js');
const { opening } = await import('../core/network.js');
const { TwoServers } = await import('./two-servers.js');

const FIRST = { formatMax: 4, rulesMax: 1 };
const SECOND = { formatMax: 4, rulesMax: 2 };

/** Longer than it takes to see who is there, and to append what follows from it. */
const UPGRADE_MS = 15_000;
/** Longer than the lease of a leader, and shorter than that of a server's name. */
const DOWN_MS = 5_000;

type World = InstanceType<typeof TwoServers>;

/** Opens a session at a server and asks that it ends: the reason that its order says. */
async function reasonAt(world: World, name: string, number: number): Promise<string | undefined> {
  const { replica, state } = world.servers.get(name)!;
  const command = opening(number, { server: replica.homes.own });
  void replica.submit(command);
  await world.pass(500);
  const { sid } = state.sessions.ofInstance(command.uuid)!;
  void replica.submit({ kind: 'RequestTermination', sid, reason: 'over', deadlineMs: 60_000 });
  await world.pass(500);
  const [body] = state.orders.of(sid).map((one) => one.body);
  return body?.kind === 'terminate' ? body.reason : undefined;
}

/** Ends the process of a server, and begins another one before the lease of its name has ended. */
async function replace(world: World, name: string, known: KnownNumbers): Promise<void> {
  world.processes.get(name)!.kill();
  await world.pass(DOWN_MS);
  world.begin(name, known);
  await world.pass(UPGRADE_MS);
}

describe('an upgrade of two servers to a build with other rules', () => {
  it('changes what commands come to once the last server is upgraded, at both with the same revision', async () => {
    const world = new TwoServers();
    for (const name of ['s1', 's2']) {
      world.begin(name, FIRST);
      await world.pass(5_000);
    }
    expect(await reasonAt(world, 's1', 1)).toBe('over');
    await replace(world, 's2', SECOND);
    // The leader is of the build before; then another process of that build takes its place, and the upgraded server leads.
    expect(await reasonAt(world, 's2', 2)).toBe('over');
    await replace(world, 's1', FIRST);
    expect(world.servers.get('s2')!.member.role).toBe('leading');
    expect(await reasonAt(world, 's1', 3)).toBe('over');
    expect([world.failed, world.servers.get('s2')!.state.rules]).toEqual([[], 1]);
    await replace(world, 's1', SECOND);
    expect(await reasonAt(world, 's1', 4)).toBe('by the second rules: over');
    expect(await reasonAt(world, 's2', 5)).toBe('by the second rules: over');
    expect(world.failed).toEqual([]);
    const [first, second] = ['s1', 's2'].map((name) => world.servers.get(name)!.state);
    expect(canonical(first)).toEqual(canonical(second));
  }, 60_000);

  it('leaves a server of the build before out, which says what to do', async () => {
    const world = new TwoServers();
    world.begin('s1', SECOND);
    await world.pass(UPGRADE_MS);
    expect(world.servers.get('s1')!.state.rules).toBe(2);
    world.begin('s2', FIRST);
    await world.pass(5_000);
    expect(world.failed).toEqual([
      expect.objectContaining({
        kind: 'version',
        message: expect.stringContaining('Start the newer version again'),
      }),
    ]);
  }, 60_000);
});
