import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { ROSTER_MS, SERVER_LOST_MS } from '../../src/cluster/limits.js';
import { ServerNodes } from '../../src/cluster/server-nodes.js';
import { type Applied, apply } from '../../src/core/decide/apply.js';
import type { Command } from '../../src/core/model/command.js';
import type { Fault } from '../../src/core/model/fault.js';
import { Homes } from '../../src/replica/homes.js';
import type { Replica } from '../../src/replica/replica.js';
import { Network } from '../core/network.js';

const uuidOf = (name: string) => `00000000-0000-5000-8000-00000000000${name}`;

let network: Network;
let clock: ManualClock;
let reached: string[];
let leads: boolean;
let commands: Command['kind'][];
let own: number;
let other: number;

const sidOf = (name: string) => network.state.servers.ofUuid(uuidOf(name))!.sid;

beforeEach(async () => {
  network = new Network();
  clock = new ManualClock();
  [reached, leads, commands] = [[], true, []];
  network.apply({ kind: 'AddServer', uuid: uuidOf('2'), name: '2' });
  const enforce = async (command: Command): Promise<Applied | Fault> => {
    commands.push(command.kind);
    return apply(network.state, command);
  };
  const replica = { state: network.state, homes: new Homes(network.state, uuidOf('1')), enforce } as unknown as Replica;
  const roster = new ServerNodes({
    ...{ clock, name: '1', uuid: uuidOf('1'), replica: () => replica },
    ...{ reached: () => reached, leads: () => leads, isOver: () => false },
  });
  expect(await roster.join()).toBe(true);
  network.apply({ kind: 'LoseServer', sid: network.state.serverSid });
  [own, other] = [sidOf('1'), sidOf('2')];
  commands.length = 0;
});

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += ROSTER_MS) {
    clock.advance(ROSTER_MS);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

describe('a server among others', () => {
  it('reports its link to a server that it hears of once, and its loss once', async () => {
    reached = ['2'];
    network.report(other, own, 0);
    await pass(3 * ROSTER_MS);
    expect(network.state.servers.peersOf(own)).toEqual([other]);
    reached = [];
    await pass(3 * ROSTER_MS);
    expect(network.state.servers.peersOf(own)).toEqual([]);
    expect(commands).toEqual(['ReportLink', 'ReportLink']);
  });

  it('takes back a report that the other server has not confirmed', async () => {
    reached = ['2'];
    await pass(ROSTER_MS);
    expect(network.state.reports.count).toBe(1);
    reached = [];
    await pass(ROSTER_MS);
    expect(network.state.reports.count).toBe(0);
  });

  it('joins again when it was taken for lost', async () => {
    network.apply({ kind: 'LoseServer', sid: own });
    await pass(ROSTER_MS);
    expect(network.state.servers.isLive(sidOf('1'))).toBe(true);
  });
});

describe('a server that leads', () => {
  it('gives up a server that is silent for so long, and none that is heard of meanwhile', async () => {
    await pass(SERVER_LOST_MS - ROSTER_MS);
    reached = ['2'];
    await pass(ROSTER_MS);
    reached = [];
    await pass(SERVER_LOST_MS - ROSTER_MS);
    expect(network.state.servers.isLive(other)).toBe(true);
    await pass(2 * ROSTER_MS);
    expect(network.state.servers.has(other)).toBe(false);
  });

  it('counts the silence of its own term only', async () => {
    leads = false;
    await pass(2 * SERVER_LOST_MS);
    leads = true;
    await pass(SERVER_LOST_MS - ROSTER_MS);
    expect(network.state.servers.has(other)).toBe(true);
  });
});
