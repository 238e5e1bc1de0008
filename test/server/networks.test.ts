import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { InstanceType } from '../../gen/switchyard/v1/instance.js';
import { NetworkServiceService as Graph } from '../../gen/switchyard/v1/network_service.js';
import { ServerServiceService as Servers } from '../../gen/switchyard/v1/server.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { renewEpoch } from '../../src/journal/backup.js';
import { checkFolder } from '../../src/journal/inspect.js';
import { MemoryDisk, MemoryJournal } from '../../src/journal/storage/memory.js';
import { ADMIN_TOKEN, agent, asAdmin, asHeaders, ask, open, type Running, refused, run } from '../grpc/running.js';
import { itLong } from '../long.js';

const ALL = { after: undefined, coalesce: false, cvids: [] };
/** Enough that what each takes shows beside the noise. */
const MANY = 40;
const PAGE = { pageSize: 0, pageToken: '', instanceUuid: '', instanceType: 0 };

let folder: string;
let at: Running;

async function startInFolder(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-networks-'));
  at = await run({ data: folder });
}

async function stopInFolder(): Promise<void> {
  await at.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Metadata of a call about a network. */
function inNetwork(name: string, more: Record<string, string> = {}) {
  return asHeaders({ 'switchyard-network': name, ...more });
}

function create(name: string, sessionsMax = 0) {
  return ask(at, Identities.createNetwork, { name, sessionsMax }, asAdmin());
}

function drop(name: string) {
  return ask(at, Identities.dropNetwork, { name }, asAdmin());
}

async function names(): Promise<string[]> {
  const { networks } = await ask(at, Identities.listNetworks, {}, asAdmin());
  return networks.map(({ name }) => name);
}

async function restart(): Promise<void> {
  await at.stop();
  at = await run({ data: folder });
}

async function sessionsIn(name: string) {
  const { sessions } = await ask(at, Sessions.listSessions, PAGE, inNetwork(name));
  return sessions.map(({ instanceUuid }) => instanceUuid);
}

describe('networks of one server', () => {
  // What a test has left is taken away, which costs less than a start.
  beforeAll(async () => {
    at = await run();
  });
  afterEach(async () => {
    for (const name of await names()) if (name !== 'default') await drop(name);
    const { sessions } = await ask(at, Sessions.listSessions, PAGE);
    for (const { cvid, instanceType } of sessions)
      if (instanceType !== InstanceType.SERVER)
        await ask(at, Sessions.terminateSession, { cvid, reason: '' }, asAdmin());
  });
  afterAll(() => at.stop());

  it('hold sessions of the same instance side by side, and each lists its own only', async () => {
    await create('north');
    await create('south');
    await ask(at, Sessions.session, agent(1), inNetwork('north'));
    await ask(at, Sessions.session, { ...agent(1), network: 'south' });
    await ask(at, Sessions.session, agent(2));
    expect(await sessionsIn('north')).toEqual([agent(1).instanceUuid]);
    expect(await sessionsIn('south')).toEqual([agent(1).instanceUuid]);
    expect(await sessionsIn('default')).toEqual([agent(2).instanceUuid]);
  });

  it('take a session token in its own network only, and need no name beside it', async () => {
    await create('north');
    const { network: inSouth } = await create('south');
    const north = await ask(at, Sessions.session, agent(1), inNetwork('north'));
    const south = await ask(at, Sessions.session, agent(2), inNetwork('south'));
    const ofDefault = await ask(at, Sessions.session, agent(3));
    // The first session of each network has the same number in it.
    expect(north.instanceSid).toBe(south.instanceSid);
    expect(north.sessionToken).toMatch(/^sw2_[\w-]{43}$/);
    expect(ofDefault.sessionToken).toMatch(/^sw1_/);
    const asNorth = asHeaders({ 'switchyard-session': north.sessionToken });
    const { session } = await ask(at, Sessions.getSession, { cvid: north.instanceSid }, asNorth);
    expect(session?.instanceUuid).toBe(agent(1).instanceUuid);
    for (const name of ['south', 'default', 'nowhere']) {
      const mixed = inNetwork(name, { 'switchyard-session': north.sessionToken });
      const refusal = await refused(ask(at, Sessions.keepAlive, {}, mixed));
      expect(refusal.reason).toBe('IDENTITY_MISMATCH');
    }
    // The secret of one network with the number of another.
    const forged = Buffer.from(north.sessionToken.slice(4), 'base64url');
    for (const number of [0, inSouth!.number, 999]) {
      forged.writeUInt32BE(number);
      const token = asHeaders({ 'switchyard-session': `sw2_${forged.toString('base64url')}` });
      expect((await refused(ask(at, Sessions.keepAlive, {}, token))).reason).toBe('SESSION_TOKEN_INVALID');
    }
  });

  it('are each told by ListServers of their own sessions and revision, and of those of no other', async () => {
    await create('north');
    const attach = async (token: string) => {
      const orders = open(at, Sessions.attach, {}, asHeaders({ 'switchyard-session': token }));
      await orders.next();
      return orders;
    };
    const here = [];
    for (const number of [1, 2, 3])
      here.push(await attach((await ask(at, Sessions.session, agent(number))).sessionToken));
    const north = await ask(at, Sessions.session, agent(1), inNetwork('north'));
    here.push(await attach(north.sessionToken));
    for (const [name, sessions] of [
      ['default', 3n],
      ['north', 1n],
    ] as const) {
      const headers = inNetwork(name, { 'switchyard-admin': ADMIN_TOKEN });
      const { servers, position } = await ask(at, Servers.listServers, {}, headers);
      expect(servers).toMatchObject([{ sessions, revision: position?.revision }]);
    }
    for (const { call } of here) call.cancel();
  });

  it('answer with NOT_FOUND what is in another of them', async () => {
    await create('north');
    await create('south');
    await ask(at, Sessions.session, agent(1), inNetwork('north'));
    const second = await ask(at, Sessions.session, agent(2), inNetwork('north'));
    const south = await ask(at, Sessions.session, agent(3), inNetwork('south'));
    const asSouth = asHeaders({ 'switchyard-session': south.sessionToken });
    const { instanceSid: cvid } = second;
    const node = await refused(ask(at, Graph.getNode, { cvid }, asSouth));
    expect(node).toMatchObject({ code: status.NOT_FOUND, reason: 'NODE_NOT_FOUND' });
    const stream = { sinkCvids: [cvid], params: undefined, requestId: '' };
    const created = await refused(ask(at, Streams.createStream, stream, asSouth));
    expect(created).toMatchObject({ code: status.NOT_FOUND });
    const target = asHeaders({ 'switchyard-network': 'south', 'switchyard-admin': ADMIN_TOKEN });
    const ended = await refused(ask(at, Sessions.terminateSession, { cvid, reason: '' }, target));
    expect(ended).toMatchObject({ code: status.NOT_FOUND, reason: 'SESSION_NOT_FOUND' });
  });

  it('tell watchers nothing of each other, revision numbers included', async () => {
    await create('north');
    await create('south');
    const watch = open(at, Graph.watchNetworkDelta, ALL, inNetwork('south'));
    const [first] = await watch.until(({ kind }) => kind === 2);
    for (let number = 1; number <= 20; number++) {
      await ask(at, Sessions.session, agent(number), inNetwork(number % 2 === 0 ? 'north' : 'default'));
    }
    await ask(at, Sessions.session, agent(99), inNetwork('south'));
    const delta = await watch.next();
    expect(delta.position?.epoch).toBe(first.position?.epoch);
    expect(delta.position?.revision).toBe((first.position?.revision ?? 0n) + 1n);
    expect(delta.deltas.flatMap(({ nodeAdded }) => nodeAdded.map(({ instanceUuid }) => instanceUuid))).toEqual([
      agent(99).instanceUuid,
    ]);
    watch.call.cancel();
    const { position, limits } = await ask(
      at,
      Servers.getServer,
      {},
      inNetwork('south', { 'switchyard-admin': ADMIN_TOKEN }),
    );
    expect(position).toEqual(delta.position);
    // How full the doors are is of all networks together.
    expect(limits.map(({ name }) => name)).not.toContain('connections-max');
  });

  it('refuse a name that is no name, one that is taken, and to drop the default one', async () => {
    await create('north');
    for (const name of ['', 'North', 'a_b', 'x'.repeat(33), 'north', 'default']) {
      const refusal = await refused(create(name));
      expect(refusal).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'FIELD_INVALID', fields: ['name'] });
    }
    expect((await refused(create('south', -1))).fields).toEqual(['sessions_max']);
    expect((await refused(create('south', 2_000_000_000))).fields).toEqual(['sessions_max']);
    expect((await refused(drop('default'))).fields).toEqual(['name']);
    expect((await refused(drop('nowhere'))).reason).toBe('NETWORK_NOT_FOUND');
    expect(await names()).toEqual(['default', 'north']);
  });

  it('are created, listed and dropped by administrators of the default network only', async () => {
    await create('north');
    const methods = [
      [Identities.createNetwork, { name: 'south', sessionsMax: 0 }],
      [Identities.listNetworks, {}],
      [Identities.dropNetwork, { name: 'north' }],
      [Identities.watchAudit, { after: undefined, newest: 0 }],
    ] as const;
    for (const [method, request] of methods) {
      expect((await refused(ask(at, method as never, request as never))).reason).toBe('ADMIN_REQUIRED');
      const there = inNetwork('north', { 'switchyard-admin': ADMIN_TOKEN });
      expect((await refused(ask(at, method as never, request as never, there))).reason).toBe('PERMISSION_DENIED');
    }
    expect(await names()).toEqual(['default', 'north']);
  });

  it('refuse a session beyond the share of a network, and not in another one', async () => {
    await create('north', 2);
    await ask(at, Sessions.session, agent(1), inNetwork('north'));
    await ask(at, Sessions.session, agent(2), inNetwork('north'));
    const beyond = await refused(ask(at, Sessions.session, agent(3), inNetwork('north')));
    expect(beyond).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'SESSION_LIMIT' });
    await ask(at, Sessions.session, agent(3));
  });

  it('refuse what names two networks, or a name that is no name', async () => {
    await create('north');
    const two = await refused(ask(at, Sessions.session, { ...agent(1), network: 'default' }, inNetwork('north')));
    expect(two).toMatchObject({ reason: 'FIELD_INVALID', fields: ['network'] });
    const bad = await refused(ask(at, Sessions.session, agent(1), inNetwork('No')));
    expect(bad).toMatchObject({ reason: 'FIELD_INVALID', fields: ['switchyard-network'] });
  });
});

describe('networks in a data folder', () => {
  beforeEach(startInFolder);
  afterEach(stopInFolder);

  it('are created with an epoch and a number of their own, and are there again after a restart', async () => {
    const { network: north } = await create('north');
    const { network: south } = await create('south', 5);
    expect(north).toMatchObject({ name: 'north', number: 1, sessions: 0 });
    expect(south).toMatchObject({ name: 'south', number: 2, sessionsMax: 5 });
    await ask(at, Sessions.session, agent(1), inNetwork('north'));
    const { networks: before } = await ask(at, Identities.listNetworks, {}, asAdmin());
    expect(new Set(before.map(({ epoch }) => epoch)).size).toBe(3);
    await restart();
    const { networks: after } = await ask(at, Identities.listNetworks, {}, asAdmin());
    expect(after).toEqual(before);
    expect(after.map(({ name, sessions }) => [name, sessions])).toEqual([
      ['default', 0],
      ['north', 1],
      ['south', 0],
    ]);
  });

  it('are dropped with their watches and attachments, and no later network takes their tokens', async () => {
    await create('north');
    const { sessionToken } = await ask(at, Sessions.session, agent(1), inNetwork('north'));
    const mine = asHeaders({ 'switchyard-session': sessionToken });
    const watch = open(at, Graph.watchNetworkDelta, ALL, inNetwork('north'));
    const attachment = open(at, Sessions.attach, {}, mine);
    await Promise.all([watch.next(), attachment.next()]);
    const { exportedTo } = await drop('north');
    for (const ending of [await watch.ending(), await attachment.ending()]) {
      expect(ending).toMatchObject({ code: status.NOT_FOUND, reason: 'NETWORK_NOT_FOUND' });
      expect(ending.message).toBe('the network north was dropped');
    }
    const gone = await refused(ask(at, Sessions.session, agent(1), inNetwork('north')));
    expect(gone).toMatchObject({ code: status.NOT_FOUND, reason: 'NETWORK_NOT_FOUND' });
    expect(await names()).toEqual(['default']);
    const { network } = await create('north');
    expect(network?.number).toBe(2);
    expect((await refused(ask(at, Sessions.keepAlive, {}, mine))).reason).toBe('SESSION_TOKEN_INVALID');
    expect(exportedTo).toBe(join(folder, 'dropped', 'north-1'));
    await restart();
    expect(await names()).toEqual(['default', 'north']);
    expect(await sessionsIn('north')).toEqual([]);
    const report = await checkFolder(exportedTo);
    expect(report.problems).toEqual([]);
    // It is a data folder: a server on it has the network as its default one.
    const exported = await run({ data: exportedTo });
    const { sessions } = await ask(exported, Sessions.listSessions, PAGE);
    await exported.stop();
    expect(sessions.map(({ instanceUuid }) => instanceUuid)).toEqual([agent(1).instanceUuid]);
  });

  it('are challenged for alike, whether there are any of the name or not', async () => {
    await create('north');
    const challenge = (network: string) =>
      ask(at, Identities.challenge, { network, adminNonce: undefined, adminBinding: undefined });
    const [known, unknown] = [await challenge('north'), await challenge('nowhere')];
    expect(unknown).toMatchObject({ serverUuid: known.serverUuid, mode: known.mode, validFor: known.validFor });
    expect(unknown.epoch).toHaveLength(known.epoch.length);
    expect((await challenge('nowhere')).epoch).toBe(unknown.epoch);
    await restart();
    expect((await challenge('nowhere')).epoch).toBe(unknown.epoch);
    expect((await challenge('north')).epoch).toBe(known.epoch);
  });

  it('get another epoch each from new-epoch, so that watchers of a restored folder begin anew', async () => {
    await create('north');
    await ask(at, Sessions.session, agent(1), inNetwork('north'));
    const epochs = async () =>
      (await ask(at, Identities.listNetworks, {}, asAdmin())).networks.map(({ epoch }) => epoch);
    const before = await epochs();
    await at.stop();
    await renewEpoch(folder, 'bmV3LWVwb2No');
    at = await run({ data: folder });
    const after = await epochs();
    expect(new Set([...before, ...after]).size).toBe(4);
    expect(await sessionsIn('north')).toEqual([agent(1).instanceUuid]);
  });

  it('leave no folder of an export behind that is not whole', async () => {
    await create('north');
    await drop('north');
    expect(readdirSync(join(folder, 'dropped'))).toEqual(['north-1']);
    expect(existsSync(join(folder, 'dropped', 'north-1', 'data.mdb'))).toBe(true);
  });
});

describe('sessions in all networks', () => {
  it('are bounded together, and an instance that has one may replace it', async () => {
    const one = await run({ 'sessions-max': '3' }, { journal: new MemoryJournal(new MemoryDisk()) });
    try {
      for (const name of ['north', 'south']) {
        await ask(one, Identities.createNetwork, { name, sessionsMax: 0 }, asAdmin());
      }
      for (const [number, name] of [
        [1, 'north'],
        [2, 'south'],
        [3, 'default'],
      ] as const) {
        await ask(one, Sessions.session, agent(number), inNetwork(name));
      }
      const beyond = await refused(ask(one, Sessions.session, agent(4), inNetwork('south')));
      expect(beyond).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'NETWORK_LIMIT' });
      await ask(one, Sessions.session, agent(2), inNetwork('south'));
    } finally {
      await one.stop();
    }
  });
});

describe('many networks', () => {
  it('take at most 4 MiB each while they are idle', async () => {
    const one = await run();
    const bytes = () => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    try {
      const before = bytes();
      for (let number = 1; number <= MANY; number++) {
        await ask(one, Identities.createNetwork, { name: `n${number}`, sessionsMax: 0 }, asAdmin());
      }
      expect((bytes() - before) / MANY).toBeLessThan(4 * 1_048_576);
    } finally {
      await one.stop();
    }
  });

  itLong(
    'start within 5 s, 200 of them',
    async () => {
      await startInFolder();
      for (let number = 1; number <= 200; number++) await create(`n${number}`);
      await at.stop();
      const fromMs = performance.now();
      at = await run({ data: folder });
      const tookMs = performance.now() - fromMs;
      expect(await names()).toHaveLength(201);
      await stopInFolder();
      expect(tookMs).toBeLessThan(5_000);
    },
    120_000,
  );
});
