import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { ServerServiceService as Server, ServerRole } from '../../../gen/switchyard/v1/server.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { version } from '../../../src/base/version.js';
import { OPTIONS } from '../../../src/config/options.js';
import { RULES_MAX } from '../../../src/core/model/rules.js';
import { Format, NEW_FOLDER_FORMAT } from '../../../src/journal/format/frame.js';
import { OWN_NUMBERS } from '../../../src/journal/own-numbers.js';
import { agent, asAdmin, asHeaders, ask, type Running, refused, run } from '../running.js';

const NO_TIME = { seconds: 0n, nanos: 0 };

describe('ListServers', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ name: 'yard-1' });
  });
  afterAll(() => at.stop());

  it('lists a server with a journal of its own as the only one, which leads', async () => {
    await ask(at, Sessions.session, agent(1));
    const { servers, position, format, rules } = await ask(at, Server.listServers, {}, asAdmin());
    expect(servers).toHaveLength(1);
    expect([format, rules]).toEqual([NEW_FOLDER_FORMAT, RULES_MAX]);
    const [{ addresses, ...one }] = servers;
    expect(one).toMatchObject({ name: 'yard-1', role: ServerRole.LEADER, term: 1n, ready: true, version: version() });
    expect(one).toMatchObject({ sessions: 0n, revision: position?.revision, ...OWN_NUMBERS });
    expect([one.lag, one.toldAgo]).toEqual([NO_TIME, NO_TIME]);
    expect(addresses).toContainEqual({ codeName: 'grpc', address: at.address });
  });

  it('tells the format that the journal has after the first record that needs a later one', async () => {
    const policy = { document: JSON.stringify({ auth: 'open' }), validateOnly: false, ifRevision: undefined };
    await ask(at, Identities.putPolicy, policy, asAdmin());
    expect(await ask(at, Server.listServers, {}, asAdmin())).toMatchObject({ format: Format.IDENTITIES });
  });

  it('refuses those who may not read the network', async () => {
    expect(await refused(ask(at, Server.listServers, {}))).toMatchObject({ reason: 'ADMIN_REQUIRED' });
  });
});

describe('GetServer', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ auth: 'open', 'metrics-listen': '127.0.0.1:0', 'sessions-max': '7' });
  });
  afterAll(() => at.stop());

  it('tells everybody what the server is, where it listens and where the network stands', async () => {
    const { instanceSid, ...opened } = await ask(at, Sessions.session, agent(1));
    const told = await ask(at, Server.getServer, {});
    expect(told).toMatchObject({ version: version(), commit: '', capabilities: [] });
    expect(told.serverUuid).toBe(opened.serverUuid);
    expect(told.serverSid).toBe(opened.serverSid);
    expect(told.position).toEqual(opened.position);
    expect(Number(told.uptime?.seconds)).toBeLessThan(60);
    const addresses = Object.fromEntries(told.addresses.map(({ codeName, address }) => [codeName, address]));
    expect(addresses).toEqual(at.server.addresses);
    expect(instanceSid).toBeGreaterThan(0);
  });

  it('tells how much of its limits is used to an administrator, and to nobody else', async () => {
    expect((await ask(at, Server.getServer, {})).limits).toEqual([]);
    const { limits } = await ask(at, Server.getServer, {}, asAdmin());
    expect(limits.find(({ name }) => name === 'sessions-max')).toEqual({
      name: 'sessions-max',
      used: 1n,
      max: 7n,
      unit: 'sessions',
    });
    expect(limits.find(({ name }) => name === 'connections-max')).toMatchObject({ used: 1n });
    const names = limits.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
  });

  it('tells which role it has, and the size of its journal to an administrator alone', async () => {
    const told = await ask(at, Server.getServer, {});
    expect([told.role, told.term, told.journalBytes, told.snapshotAt]).toEqual([ServerRole.LEADER, 1n, 0n, undefined]);
    const whole = await ask(at, Server.getServer, {}, asAdmin());
    expect(whole.journalBytes).toBeGreaterThan(0n);
  });

  it('names each limit as its option is named', async () => {
    const { limits } = await ask(at, Server.getServer, {}, asAdmin());
    const flags = new Set<string>(Object.values(OPTIONS).map(({ flag }) => flag));
    expect(limits.map(({ name }) => name).filter((name) => !flags.has(name))).toEqual([]);
  });

  it('refuses a token that is not good, though it needs none', async () => {
    const wrong = asHeaders({ 'switchyard-admin': 'a-wrong-token-of-somebody' });
    expect(await refused(ask(at, Server.getServer, {}, wrong))).toMatchObject({ reason: 'ADMIN_TOKEN_INVALID' });
  });
});
