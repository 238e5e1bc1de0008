import { describe, expect, it } from '@jest/globals';
import { isFault } from '../../src/core/model/fault.js';
import { becomeOnlyServer } from '../../src/replica/only-server.js';
import { opening } from '../core/network.js';
import { World } from './world.js';

const SECOND = '00000000-0000-5000-8000-000000000002';

/** A server on a journal of two, in which it is lost; a session is at the other. */
async function copiedBack() {
  const world = await World.start();
  const { state } = world.replica;
  await world.submit({ kind: 'AddServer', uuid: SECOND, name: 'b' });
  const second = state.servers.ofUuid(SECOND)!.sid;
  await world.submit(opening(7, { server: second }));
  await world.submit({ kind: 'LoseServer', sid: state.serverSid });
  const { sid } = state.sessions.ofInstance(opening(7).uuid)!;
  return { world, state, second, sid };
}

describe('a server that begins on a journal of several', () => {
  it('is one of the servers again when it was lost, gives up the others, and takes sessions', async () => {
    const { world, state, second } = await copiedBack();
    expect(await world.submit(opening(8))).toMatchObject({ reason: 'SERVER_CUT_OFF' });
    await world.settle(becomeOnlyServer(world.replica));
    expect([state.servers.isLive(state.serverSid), state.servers.isLive(second)]).toEqual([true, false]);
    expect(isFault(await world.submit(opening(8)))).toBe(false);
  });

  it('lets the newest rules hold that its build knows, once', async () => {
    const { world, state } = await copiedBack();
    await world.settle(becomeOnlyServer(world.replica));
    expect(state.rules).toBe(1);
    await world.settle(becomeOnlyServer(world.replica, 2));
    const { revision } = state;
    expect(state.rules).toBe(2);
    await world.settle(becomeOnlyServer(world.replica, 2));
    expect(state.revision).toBe(revision);
  });

  it('changes nothing at its next start', async () => {
    const { world, state } = await copiedBack();
    await world.settle(becomeOnlyServer(world.replica));
    const { revision } = state;
    await world.settle(becomeOnlyServer(world.replica));
    expect(state.revision).toBe(revision);
  });

  it('takes over a session of a lost server that renews, and the node of that server goes with its last one', async () => {
    const { world, state, second, sid } = await copiedBack();
    await world.settle(becomeOnlyServer(world.replica));
    expect(world.replica.renew(sid)).toBe(true);
    await world.advance(10);
    expect(world.replica.homes.of(sid)).toBe(state.serverSid);
    expect(state.servers.has(second)).toBe(false);
  });

  it('moves a session of a lost server with one command, however often it renews before that is applied', async () => {
    const { world, state, sid } = await copiedBack();
    await world.settle(becomeOnlyServer(world.replica));
    const { revision } = state;
    for (let times = 0; times < 10; times++) world.replica.renew(sid);
    await world.advance(10);
    expect(state.revision).toBe(revision + 1);
  });

  it('takes over a session of a lost server that is about to attach', async () => {
    const { world, state, sid } = await copiedBack();
    await world.settle(becomeOnlyServer(world.replica));
    expect(await world.settle(world.replica.adopt(sid) ?? Promise.resolve(undefined))).toBeUndefined();
    expect(world.replica.homes.of(sid)).toBe(state.serverSid);
    expect(world.replica.adopt(sid)).toBeUndefined();
  });
});
