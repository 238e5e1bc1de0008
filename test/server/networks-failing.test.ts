import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import {
  HealthService as Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health.js';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { JournalError, type NetworkJournals } from '../../src/journal/journal.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { MemoryDisk, MemoryJournal } from '../../src/journal/storage/memory.js';
import { ADMIN_TOKEN, agent, asAdmin, asHeaders, ask, type Running, refused, run } from '../grpc/running.js';

const PAGE = { pageSize: 0, pageToken: '', instanceUuid: '', instanceType: 0 };

let at: Running;
let logged: string[];

afterEach(() => at.stop());

function inNetwork(name: string, more: Record<string, string> = {}) {
  return asHeaders({ 'switchyard-network': name, ...more });
}

function create(name: string) {
  return ask(at, Identities.createNetwork, { name, sessionsMax: 0 }, asAdmin());
}

function drop(name: string) {
  return ask(at, Identities.dropNetwork, { name }, asAdmin());
}

/** The networks besides the default one. */
async function listed() {
  const { networks } = await ask(at, Identities.listNetworks, {}, asAdmin());
  return networks.filter(({ name }) => name !== 'default').map(({ name, number }) => `${name} ${number}`);
}

function openIn(name: string) {
  return ask(at, Sessions.session, agent(1), inNetwork(name));
}

async function sessionsIn(name: string) {
  const { sessions } = await ask(at, Sessions.listSessions, PAGE, inNetwork(name));
  return sessions.length;
}

/** A log that keeps what is written at level error. */
function keptLog() {
  logged = [];
  return pino({ level: 'error' }, { write: (line: string) => void logged.push(line) });
}

describe('networks of a disk that fills up', () => {
  let folder: string;
  /** How many times more the disk is found to have space. */
  let left: number;

  async function start() {
    const free = () => (left-- > 0 ? Number.POSITIVE_INFINITY : 0);
    at = await run({ data: folder }, { journal: await LmdbJournal.open(folder, free), log: keptLog() });
  }

  beforeEach(async () => {
    left = Number.POSITIVE_INFINITY;
    folder = mkdtempSync(join(tmpdir(), 'switchyard-failing-'));
    await start();
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are stored once when their creation failed at any of its writes and was tried again', async () => {
    for (const writes of [0, 1, 2]) {
      left = writes;
      const refusal = await refused(create('north'));
      expect(refusal).toMatchObject({ code: status.UNAVAILABLE, reason: 'JOURNAL_UNAVAILABLE' });
      expect(await listed()).toEqual([]);
    }
    left = Number.POSITIVE_INFINITY;
    await create('north');
    await openIn('north');
    const [north, ...others] = await listed();
    expect(others).toEqual([]);
    await at.stop();
    await start();
    expect(await listed()).toEqual([north]);
    expect(await sessionsIn('north')).toBe(1);
    await drop('north');
    await at.stop();
    await start();
    expect(await listed()).toEqual([]);
  });

  it('are served on when they cannot be dropped', async () => {
    await create('north');
    await openIn('north');
    left = 0;
    expect((await refused(drop('north'))).reason).toBe('JOURNAL_UNAVAILABLE');
    left = Number.POSITIVE_INFINITY;
    expect(await sessionsIn('north')).toBe(1);
    await drop('north');
    expect(await listed()).toEqual([]);
  });
});

/** A journal of which one network's fails to write from a moment on. */
class FailingJournal extends MemoryJournal {
  isFailing = false;

  override get networks(): NetworkJournals {
    const { networks } = { networks: super.networks };
    const open = networks.open.bind(networks);
    networks.open = async (number) => {
      const journal = await open(number);
      const append = journal.append.bind(journal);
      journal.append = (records) =>
        this.isFailing ? Promise.reject(new JournalError('failed', 'EIO')) : append(records);
      return journal;
    };
    return networks;
  }
}

describe('a network whose journal fails while it runs', () => {
  it('ends the whole server, as the networks share their storage, and what it had acknowledged is there again', async () => {
    const disk = new MemoryDisk();
    const journal = new FailingJournal(disk);
    const ended: unknown[] = [];
    at = await run({}, { journal, log: keptLog(), fatal: (error) => ended.push(error) });
    await create('north');
    await openIn('north');
    journal.isFailing = true;
    const asked = ask(at, Sessions.session, agent(2), inNetwork('north')).catch(() => {});
    while (logged.length === 0) await setImmediate();
    expect(logged.join('')).toMatch(/"network":"north".*the journal can be written no more/);
    const health = async (service: string) => (await ask(at, Health.check, { service })).status;
    expect(await health('')).toBe(Serving.NOT_SERVING);
    while (ended.length === 0) await setTimeout(10);
    expect(ended).toMatchObject([{ kind: 'failed' }]);
    await at.stop();
    await asked;
    at = await run({}, { journal: new MemoryJournal(disk), log: keptLog() });
    expect([await sessionsIn('north'), await sessionsIn('default')]).toEqual([1, 0]);
  });
});

describe('networks that cannot be started', () => {
  let disk: MemoryDisk;

  async function start(flags: Record<string, string> = {}) {
    at = await run(flags, { journal: new MemoryJournal(disk), log: keptLog() });
  }

  beforeEach(async () => {
    disk = new MemoryDisk();
    await start();
  });

  /** Stores a network under another name. */
  function rename(number: number, name: string, of = disk.networks.get(number)!.disk) {
    disk.networks.set(number, { network: { ...disk.networks.get(number)!.network, name }, disk: of });
  }

  it('are answered UNAVAILABLE, logged and listed, and do not end the others', async () => {
    await create('north');
    await create('south');
    const { sessionToken } = await openIn('north');
    await openIn('south');
    await at.stop();
    const { records } = disk.networks.get(1)!.disk;
    records.set(records.size, Buffer.from('no record'));
    await start();
    expect(await sessionsIn('south')).toBe(1);
    expect(await sessionsIn('default')).toBe(0);
    for (const metadata of [inNetwork('north'), asHeaders({ 'switchyard-session': sessionToken })]) {
      const refusal = await refused(ask(at, Sessions.keepAlive, {}, metadata));
      expect(refusal).toMatchObject({ code: status.UNAVAILABLE, reason: 'JOURNAL_UNAVAILABLE' });
      expect(refusal.message).toMatch(/^the network north does not run: /);
    }
    expect(logged.join('')).toMatch(/the network does not run.*/);
    expect(await listed()).toEqual(['north 1', 'south 2']);
    expect((await refused(create('north'))).fields).toEqual(['name']);
    await drop('north');
    expect(await listed()).toEqual(['south 2']);
    expect((await refused(openIn('north'))).reason).toBe('NETWORK_NOT_FOUND');
  });

  it('are the later one of two that have one name, which the log says', async () => {
    await create('north');
    await create('other');
    await openIn('north');
    await at.stop();
    rename(2, 'north');
    for (let nth = 0; nth < 2; nth++) {
      await start();
      expect(await sessionsIn('north')).toBe(1);
      expect(logged.join('')).toContain('two networks of one name are stored');
      if (nth === 0) await at.stop();
    }
    expect(await listed()).toEqual(['north 1', 'north 2']);
    await drop('north');
    expect((await refused(openIn('north'))).message).toMatch(/number 2 has the name of number 1$/);
    await drop('north');
    expect(await listed()).toEqual([]);
  });

  it('are the one of two of one name that was never founded', async () => {
    await create('other');
    await create('north');
    await openIn('north');
    await at.stop();
    rename(1, 'north', new MemoryDisk());
    await start();
    expect(await sessionsIn('north')).toBe(1);
  });

  it('are none of those whose policy is stricter than --auth', async () => {
    await at.stop();
    await start({ auth: 'observe' });
    await create('north');
    const administrator = inNetwork('north', { 'switchyard-admin': ADMIN_TOKEN });
    const { document } = await ask(at, Identities.getPolicy, {}, administrator);
    const stricter = JSON.stringify({ ...JSON.parse(document), auth: 'required' });
    await ask(
      at,
      Identities.putPolicy,
      { document: stricter, validateOnly: false, ifRevision: undefined },
      administrator,
    );
    await at.stop();
    await start({ auth: 'observe' });
    expect(await listed()).toEqual(['north 1']);
    expect((await refused(openIn('north'))).reason).toBe('AUTH_REQUIRED');
    await ask(at, Sessions.session, agent(1));
  });
});
