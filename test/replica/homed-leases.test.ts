import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { Homes } from '../../src/replica/homes.js';
import { Leases } from '../../src/replica/leases.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import { ServingTime } from '../../src/replica/serving-time.js';
import { FOUND, Network } from '../core/network.js';

const FOUNDER = FOUND.kind === 'FoundNetwork' ? FOUND.serverUuid : '';
const SECOND = '00000000-0000-5000-8000-000000000002';
const TTL_MS = 20_000;
const GRACE_MS = 30_000;
/** The longest that is waited until a lease is looked at again. */
const LOOK_AGAIN_MS = 10_000;

let network: Network;
let clock: ManualClock;
let expired: number[];
let second: number;

beforeEach(() => {
  network = new Network();
  clock = new ManualClock();
  expired = [];
  network.apply({ kind: 'AddServer', uuid: SECOND, name: 'second' });
  second = network.state.servers.ofUuid(SECOND)!.sid;
});

/** The leases at one of two servers, of which the founder leads. */
function leasesAt(uuid: string): Leases {
  const homes = new Homes(network.state, uuid);
  const time = new ServingTime(clock);
  const limits = { ...DEFAULT_REPLICA_LIMITS, graceMs: GRACE_MS };
  const scope = homes.leaseScope(() => uuid === FOUNDER);
  const leases = new Leases(network.state, clock, time, limits, (sid) => expired.push(sid), scope);
  time.opened();
  leases.opened();
  return leases;
}

/** Moves the clock in steps, as a process that runs sees it. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    clock.advance(500);
    await Promise.resolve();
  }
}

const open = (instance: number, server: number) => network.open(instance, { server, ttlMs: TTL_MS });
const told = (leases: Leases, command: Parameters<Network['apply']>[0]) =>
  leases.publish(network.state.position, network.apply(command).changes);

describe('a lease that has run out', () => {
  it.each([
    ['a follower', SECOND, 0],
    ['the leader', FOUNDER, 1],
  ])('ends only the sessions that are at home at %s', async (_, uuid, at) => {
    const sids = [open(1, second), open(2, network.state.serverSid)];
    leasesAt(uuid);
    await pass(GRACE_MS + 1_000);
    expect(new Set(expired)).toEqual(new Set([sids[at]]));
  });

  it('is known to the leader, which lets its home end it then and no sooner', async () => {
    const here = open(1, second);
    const leases = leasesAt(FOUNDER);
    await pass(GRACE_MS - 1_000);
    expect(leases.lookAgainMs(here)).toBe(1_000);
    await pass(2_000);
    expect(leases.lookAgainMs(here)).toBe(0);
    leases.renew(here);
    expect(leases.lookAgainMs(here)).toBe(LOOK_AGAIN_MS);
  });

  it('runs on when the session was renewed at another server', async () => {
    const here = open(1, second);
    const leases = leasesAt(SECOND);
    await pass(GRACE_MS - 1_000);
    leases.renewedElsewhere(here);
    await pass(TTL_MS - 1_000);
    expect(expired).toEqual([]);
    await pass(2_000);
    expect(expired).toContain(here);
  });

  it('begins anew where the session moves to, and ends nothing where it was', async () => {
    const sid = open(1, network.state.serverSid);
    const leases = leasesAt(SECOND);
    await pass(GRACE_MS);
    told(leases, { kind: 'MoveSession', sid, server: second });
    await pass(GRACE_MS - 1_000);
    expect(expired).toEqual([]);
    await pass(2_000);
    expect(expired).toContain(sid);
    expired.length = 0;
    told(leases, { kind: 'MoveSession', sid, server: network.state.serverSid });
    await pass(3 * GRACE_MS);
    expect(expired).toEqual([]);
  });

  it('is looked at again when its end was refused', async () => {
    const here = open(1, second);
    const leases = leasesAt(SECOND);
    await pass(GRACE_MS + 500);
    expect(leases.renew(here)).toBe(false);
    leases.revive(here);
    expect(leases.renew(here)).toBe(true);
  });

  it.each<[string, (leases: Leases, sid: number) => void]>([
    ['its end was refused', (leases, sid) => leases.revive(sid)],
    ['its server leads before that is answered', (leases) => leases.restart(true)],
  ])('does not run while it is attached, when that came before %s', async (_, goOn) => {
    const here = open(1, second);
    const leases = leasesAt(SECOND);
    await pass(GRACE_MS + 500);
    leases.hold(here);
    goOn(leases, here);
    expired.length = 0;
    await pass(4 * GRACE_MS);
    expect(expired).toEqual([]);
    leases.release(here);
    await pass(GRACE_MS + 1_000);
    expect(expired).toContain(here);
  });

  it('runs when an attachment was over before its end was refused', async () => {
    const here = open(1, second);
    const leases = leasesAt(SECOND);
    await pass(GRACE_MS + 500);
    leases.hold(here);
    leases.release(here);
    leases.revive(here);
    expired.length = 0;
    await pass(2_000);
    expect(expired).toContain(here);
  });
});

describe('a session that a server may have renewed that is not heard', () => {
  it('has its TTL from when that server cannot have renewed it any more', async () => {
    const here = open(1, network.state.serverSid);
    const leases = leasesAt(FOUNDER);
    leases.unheardUntilMs = () => GRACE_MS;
    await pass(GRACE_MS + TTL_MS - 1_000);
    expect([expired, leases.lookAgainMs(here)]).toEqual([[], 1_000]);
    await pass(2_000);
    expect(expired).toContain(here);
    expect(leases.lookAgainMs(here)).toBe(0);
  });

  it('ends soon once that server has told what it has renewed', async () => {
    const here = open(1, network.state.serverSid);
    const leases = leasesAt(FOUNDER);
    leases.unheardUntilMs = () => 10 * GRACE_MS;
    await pass(2 * GRACE_MS);
    expect(expired).toEqual([]);
    leases.unheardUntilMs = () => Number.NEGATIVE_INFINITY;
    await pass(LOOK_AGAIN_MS + 1_000);
    expect(expired).toContain(here);
  });
});

describe('a session whose server is lost', () => {
  it('has its TTL or the grace period from then on, whichever is longer, and is ended by the leader', async () => {
    const orphan = open(1, second);
    const leases = leasesAt(FOUNDER);
    await pass(GRACE_MS - 1_000);
    told(leases, { kind: 'LoseServer', sid: second });
    await pass(GRACE_MS - 1_000);
    expect(expired).toEqual([]);
    await pass(2_000);
    expect(expired).toContain(orphan);
  });
});
