import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { ConfigError } from '../../src/config/config.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { agent, asAdmin, ask, asSession, type Running, refused, run } from '../grpc/running.js';
import { makeMember } from '../trust/members.js';

const LISTING = { pageSize: 1, pageToken: '', instanceType: 0, instanceUuid: '' };

describe('the mode of a network', () => {
  let at: Running | undefined;
  const log: string[] = [];
  afterEach(async () => {
    await at?.stop();
    at = undefined;
    log.length = 0;
  });

  /** A journal that outlives the server that it is given to. */
  class Folder extends MemoryJournal {
    override async close(): Promise<void> {}
  }

  async function start(journal: MemoryJournal, flags: Record<string, string> = {}): Promise<Running> {
    await at?.stop();
    at = undefined;
    at = await run(flags, { journal, log: pino({ level: 'info' }, { write: (line) => void log.push(line) }) });
    return at;
  }

  const modeOf = async (one: Running) => (await ask(one, Identities.getPolicy, {}, asAdmin())).mode;
  const put = (one: Running, policy: object) => {
    const request = { document: JSON.stringify(policy), validateOnly: false, ifRevision: undefined };
    return ask(one, Identities.putPolicy, request, asAdmin());
  };

  it('is open on loopback, with no policy, and the flag is stored as one when a network is founded', async () => {
    const one = await start(new Folder());
    expect(await ask(one, Identities.getPolicy, {}, asAdmin())).toEqual({ document: '', revision: 0n, mode: 1 });
    const journal = new Folder();
    const founded = await start(journal, { auth: 'required' });
    const { document } = await ask(founded, Identities.getPolicy, {}, asAdmin());
    expect(JSON.parse(document)).toMatchObject({ auth: 'required' });
    expect(await modeOf(await start(journal))).toBe(3);
  });

  it('stops a start by a weaker flag with one line, and lets a stricter one hold for this process alone', async () => {
    const journal = new Folder();
    await start(journal, { auth: 'observe' });
    const weaker = await start(journal, { auth: 'open' }).catch((error: Error) => error.message);
    expect(weaker).toBe(
      "--auth open is weaker than the network's policy, which says observe: leave --auth out, or lower it with switchyard policy apply",
    );
    expect(await modeOf(await start(journal, { auth: 'required' }))).toBe(3);
    expect(await modeOf(await start(journal))).toBe(2);
  });

  it('is lowered by a policy of an administrator alone, and a weaker flag stops no start any more', async () => {
    const journal = new Folder();
    const one = await start(journal, { auth: 'required' });
    const request = { document: '{"auth":"open"}', validateOnly: false, ifRevision: undefined };
    for (const roles of [['observer'], ['operator'], ['agent', 'client', 'observer', 'operator']] as const) {
      const { as } = await makeMember(one, { number: roles.length, roles });
      const denied = await refused(ask(one, Identities.putPolicy, request, as));
      expect(denied).toMatchObject({ reason: 'PERMISSION_DENIED' });
    }
    expect(await modeOf(await start(journal))).toBe(3);
    await expect(start(journal, { auth: 'open' })).rejects.toThrow(
      "weaker than the network's policy, which says required",
    );
    await put(await start(journal), { auth: 'open' });
    expect(await modeOf(await start(journal, { auth: 'open' }))).toBe(1);
    // It is not lower than what a process says of itself.
    expect(await modeOf(await start(journal, { auth: 'required' }))).toBe(3);
  });

  it('is required where others can reach a port, unless --allow-open says otherwise', async () => {
    const exposed = { 'system-tcp-listen': '0.0.0.0:0', 'allow-plaintext': 'true' };
    const journal = new Folder();
    expect(await modeOf(await start(journal, exposed))).toBe(3);
    expect(await modeOf(await start(journal))).toBe(3);
    expect(await modeOf(await start(new Folder(), { ...exposed, 'allow-open': 'true' }))).toBe(1);
    expect(log.some((line) => line.includes('--allow-open: whoever reaches a port'))).toBe(true);
    const contradiction = await start(new Folder(), { ...exposed, auth: 'open' }).catch((error: unknown) => error);
    expect(contradiction).toBeInstanceOf(ConfigError);
    expect((contradiction as ConfigError).problems).toEqual([
      '--auth open where others can reach a port needs --allow-open',
    ]);
  });

  it('becomes required beyond loopback for the process, in a network that was founded open', async () => {
    const journal = new Folder();
    await start(journal);
    const exposed = { 'system-tcp-listen': '0.0.0.0:0', 'allow-plaintext': 'true' };
    expect(await modeOf(await start(journal, exposed))).toBe(3);
    expect(await modeOf(await start(journal))).toBe(1);
  });

  it('is changed by the policy at once, and counts for those who read already', async () => {
    const one = await start(new Folder());
    const { sessionToken } = await ask(one, Sessions.session, agent(1));
    await ask(one, Sessions.listSessions, LISTING);
    await put(one, { grants: [] });
    expect(await modeOf(one)).toBe(3);
    expect(await refused(ask(one, Sessions.listSessions, LISTING))).toMatchObject({ reason: 'AUTH_REQUIRED' });
    expect(await refused(ask(one, Sessions.keepAlive, {}, asSession(sessionToken)))).toMatchObject({
      reason: 'AUTH_REQUIRED',
    });
    await put(one, { auth: 'open' });
    await ask(one, Sessions.keepAlive, {}, asSession(sessionToken));
  });

  it('observe answers as open, and logs what required would refuse', async () => {
    const one = await start(new Folder(), { auth: 'observe' });
    await ask(one, Sessions.session, agent(1));
    await ask(one, Network.getNode, { cvid: (await ask(one, Sessions.listSessions, LISTING)).sessions[0].cvid });
    const told = log
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === 'the mode required would refuse a call');
    expect(told.map(({ method, reason }) => `${method} ${reason}`)).toEqual([
      'Session AUTH_REQUIRED',
      'ListSessions AUTH_REQUIRED',
      'GetNode AUTH_REQUIRED',
    ]);
  });
});
