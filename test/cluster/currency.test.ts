import { describe, expect, it } from '@jest/globals';
import { BEHIND_MS_MAX } from '../../src/cluster/limits.js';
import { isFault } from '../../src/core/model/fault.js';
import { JournalError } from '../../src/journal/journal.js';
import { TwoServers } from './two-servers.js';

/** Opens a session at a server, from a client. */
const OPEN = {
  ...({
    kind: 'OpenSession',
    uuid: '00000000-0000-4000-8000-000000000001',
    type: 2,
    flavor: 0,
    ttlMs: 60_000,
  } as const),
  ...{ name: '', labels: {}, tokenHash: 'a'.repeat(32), atMs: 0 },
};

describe('a leader in whose place another one leads', () => {
  it('ends as soon as it reads so, though etcd keeps its lease alive', async () => {
    const world = new TwoServers();
    const [leader] = await world.beginBoth();
    await world.replaceLeader('b');
    await world.pass(1_000);
    expect(leader.member.role).toBe('leading');
    void leader.isCurrent();
    await world.pass(100);
    expect(leader.member.role).toBe('over');
    expect(world.failed).toEqual([new JournalError('deposed', 'server b leads this network now: the term is lost')]);
  });
});

describe('a leader whose append has landed, and has not heard so', () => {
  it('is current only when it shows what a follower has acknowledged', async () => {
    const world = new TwoServers();
    const [leader, follower] = await world.beginBoth();
    expect([leader.member.role, follower.member.role]).toEqual(['leading', 'following']);
    let isLost = false;
    world.ways.set('a', (request) => {
      const isAppend = request === 'commit' && !isLost;
      isLost ||= isAppend;
      return { kind: isAppend ? 'unanswered' : 'passes' };
    });
    let acknowledged = 0;
    void follower.replica.submit({ ...OPEN, server: follower.replica.homes.own }).then((outcome) => {
      if (!isFault(outcome)) acknowledged = outcome.revision;
    });
    for (let tries = 0; tries < 100 && acknowledged === 0; tries++) await world.pass(1);
    expect(acknowledged).toBeGreaterThan(leader.state.revision);
    const answers: { readonly is: boolean; readonly revision: number }[] = [];
    void leader.isCurrent().then((is) => answers.push({ is, revision: leader.state.revision }));
    await world.pass(BEHIND_MS_MAX);
    expect(answers).toEqual([{ is: true, revision: acknowledged }]);
    expect(world.failed).toEqual([]);
  });
});
