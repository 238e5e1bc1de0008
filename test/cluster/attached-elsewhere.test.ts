import { describe, expect, it } from '@jest/globals';
import { SubmitResponse } from '../../gen/switchyard/cluster/v1/peer.js';
import { ManualClock } from '../../harness/manual-clock.js';
import { openingAt } from '../../harness/simulation/cluster/opening.js';
import type { ClusterServer } from '../../harness/simulation/cluster/server.js';
import { packLeader, unpackLeader } from '../../src/cluster/door/codec.js';
import { ElsewhereHearer } from '../../src/cluster/elsewhere-hearer.js';
import { CHANGED_MAX, ElsewhereReports } from '../../src/cluster/elsewhere-reports.js';
import { CALM_MS, ELSEWHERE_MAX } from '../../src/cluster/limits.js';
import { isFault } from '../../src/core/model/fault.js';
import { AttachedElsewhere } from '../../src/replica/attached-elsewhere.js';
import { TwoServers } from './two-servers.js';

const TTL_MS = 600_000;
/** Each has a number: by it each server has a UUID of its own. */
const NAMES = ['s1', 's2', 's3'];
/** Two beats, messages, and the second that a session has to come to another server. */
const AGREED_MS = 3_000;

class ThreeServers extends TwoServers {
  readonly told: string[] = [];

  async beginAll(): Promise<readonly [ClusterServer, ClusterServer, ClusterServer]> {
    for (const name of NAMES) {
      this.begin(name);
      await this.pass(3_000);
    }
    await this.pass(CALM_MS);
    const [a, b, c] = NAMES.map((name) => this.servers.get(name)!);
    for (const { name, replica } of [a, b, c]) {
      replica.attachments.changed = (sid, isAttached) => void this.told.push(`${name} ${sid} ${isAttached}`);
    }
    return [a, b, c];
  }

  async open(at: ClusterServer, number = 1): Promise<number> {
    const command = openingAt(at, `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`, TTL_MS);
    if (isFault(command)) throw command;
    const opened = at.replica.submit(command);
    await this.pass(200);
    const outcome = await opened;
    const [change] = isFault(outcome) ? [] : outcome.changes;
    if (change?.kind !== 'SessionOpened') throw new Error('the session was not opened');
    return change.session.sid;
  }

  async attach(at: ClusterServer, sid: number) {
    const adopted = at.replica.adopt(sid);
    await this.pass(100);
    expect(await adopted).toBeUndefined();
    return at.replica.attachments.open(sid);
  }

  says(sid: number): boolean[] {
    return [...this.servers.values()].map(({ replica }) => replica.attachments.isKnownAttached(sid));
  }
}

describe('whether a session is attached, as each of several servers says it', () => {
  it('is the same at all of them within seconds, and told by each once', async () => {
    const world = new ThreeServers();
    const [, b] = await world.beginAll();
    const sid = await world.open(b);
    const attachment = await world.attach(b, sid);
    await world.pass(AGREED_MS);
    expect(world.says(sid)).toEqual([true, true, true]);
    attachment.close();
    await world.pass(AGREED_MS);
    expect(world.says(sid)).toEqual([false, false, false]);
    const each = NAMES.flatMap((name) => [`${name} ${sid} false`, `${name} ${sid} true`]);
    expect(world.told.sort()).toEqual(each);
    expect(world.failed).toEqual([]);
  });

  it.each([
    ['s2', 's3'],
    ['s1', 's2'],
    ['s2', 's1'],
  ])('does not change anywhere where it moves from %s to %s', async (from, to) => {
    const world = new ThreeServers();
    await world.beginAll();
    const sid = await world.open(world.servers.get(from)!);
    await world.attach(world.servers.get(from)!, sid);
    await world.pass(AGREED_MS);
    world.told.length = 0;
    await world.attach(world.servers.get(to)!, sid);
    await world.pass(AGREED_MS);
    expect(world.says(sid)).toEqual([true, true, true]);
    expect(world.told).toEqual([]);
  });

  it('is said to a server that comes later, and not of a session that has ended', async () => {
    const world = new ThreeServers();
    const [a, b, c] = await world.beginAll();
    const [sid, ended] = [await world.open(b), await world.open(a, 2)];
    await world.attach(b, sid);
    await world.attach(a, ended);
    await world.pass(AGREED_MS);
    world.kill('s3');
    void a.replica.submit({ kind: 'CloseSession', sid: ended, reason: 2 });
    await world.pass(1_000);
    world.begin('s3');
    await world.pass(2 * AGREED_MS);
    expect(world.servers.get('s3')).not.toBe(c);
    expect([world.says(sid), world.says(ended)]).toEqual([
      [true, true, true],
      [false, false, false],
    ]);
  });

  it('is what was known before while another server begins to lead', async () => {
    const world = new ThreeServers();
    const [, b, c] = await world.beginAll();
    const [atB, atC] = [await world.open(b), await world.open(c, 2)];
    await world.attach(b, atB);
    await world.attach(c, atC);
    await world.pass(AGREED_MS);
    world.told.length = 0;
    world.kill('s1');
    world.servers.delete('s1');
    await world.pass(2 * CALM_MS);
    expect([b, c].filter(({ member }) => member.role === 'leading')).toHaveLength(1);
    expect([world.says(atB), world.says(atC)]).toEqual([
      [true, true],
      [true, true],
    ]);
    expect(world.told).toEqual([]);
  });

  it('is given up of a server that does not come back for 10 s', async () => {
    const world = new ThreeServers();
    const [, b] = await world.beginAll();
    const sid = await world.open(b);
    await world.attach(b, sid);
    await world.pass(AGREED_MS);
    world.kill('s2');
    world.servers.delete('s2');
    await world.pass(CALM_MS - 3_000);
    expect(world.says(sid)).toEqual([true, true]);
    await world.pass(3_000 + 3_000 + AGREED_MS);
    expect(world.says(sid)).toEqual([false, false]);
  });
});

describe('what a leader says of sessions that are attached elsewhere', () => {
  function makeReports(count: number) {
    const here = new Set(Array.from({ length: count }, (_, at) => at + 1));
    const elsewhere = { isAwaited: () => false, sids: () => [] };
    const deps = { sids: () => here, isHere: (sid: number) => here.has(sid), holderOf: () => undefined, elsewhere };
    return { here, reports: new ElsewhereReports<string>(deps) };
  }

  it('comes in parts, each bounded, and ends when the leader knows of all servers', () => {
    const { reports } = makeReports(ELSEWHERE_MAX + 1);
    const [first, second, third] = [false, false, true].map((isKnown) => reports.take('b', isKnown));
    expect([first, second, third].map(({ attached }) => attached.length)).toEqual([ELSEWHERE_MAX, 1, 0]);
    expect([first, second, third].map(({ begins, ends }) => [begins, ends])).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
    expect(reports.take('b', true).ends).toBe(false);
  });

  it('does not begin again where more has changed than a message says', () => {
    const { here, reports } = makeReports(ELSEWHERE_MAX + 1);
    for (let taken = 0; taken < 3; taken++) reports.take('b', true);
    here.clear();
    for (let sid = 1; sid <= ELSEWHERE_MAX + 1; sid++) reports.changed(sid);
    const [first, second] = [reports.take('b', true), reports.take('b', true)];
    expect([first.begins, second.begins]).toEqual([false, false]);
    expect([first.detached.length, second.detached.length]).toEqual([ELSEWHERE_MAX, 1]);
  });

  it('ends only when no change waits that names a session which is not in the list', () => {
    const { here, reports } = makeReports(1);
    reports.take('b', false);
    for (let sid = 2; sid <= ELSEWHERE_MAX + 2; sid++) {
      here.add(sid);
      reports.changed(sid);
    }
    const [first, second] = [reports.take('b', true), reports.take('b', true)];
    expect([first.ends, second.ends]).toEqual([false, true]);
    expect([first.attached.length, second.attached.length]).toEqual([ELSEWHERE_MAX, 1]);
  });

  it('begins again where more changes wait than are kept, and keeps none of them', () => {
    const { reports } = makeReports(1);
    reports.take('b', true);
    for (let sid = 2; sid <= CHANGED_MAX + 2; sid++) reports.changed(sid);
    expect(reports.take('b', true)).toEqual({ begins: true, ends: true, attached: [1], detached: [] });
  });

  it('comes over the wire, and is absent where it is of an earlier build', () => {
    const report = { begins: true, attached: [1, 70_000], detached: [3], ends: true };
    const message = { refusals: [], replaced: [], attached: [], absent: [], renewed: [], roster: [] };
    const over = (given: typeof message) =>
      unpackLeader(SubmitResponse.decode(SubmitResponse.encode(packLeader(given)).finish()));
    expect(over({ ...message, ...{ elsewhere: report } }).elsewhere).toEqual(report);
    expect(over(message).elsewhere).toBeUndefined();
  });

  it('is not kept at a follower whose leader is of an earlier build now', () => {
    const clock = new ManualClock();
    const others = new AttachedElsewhere(clock, () => true);
    const hearer = new ElsewhereHearer(() => others);
    hearer.heard({ begins: true, attached: [1], detached: [], ends: true });
    clock.advance(AGREED_MS);
    expect([...others.sids()]).toEqual([1]);
    hearer.heard(undefined);
    clock.advance(AGREED_MS);
    expect([...others.sids()]).toEqual([]);
  });
});
