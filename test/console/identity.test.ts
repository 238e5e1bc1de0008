import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ErrorInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import * as identity from '../../gen/switchyard/v1/identity.js';
import { TerminateSessionRequest } from '../../gen/switchyard/v1/session_service.js';
import { StopStreamRequest, StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { makeCode, makeIdentityCode, readCode, readLogin } from '../../src/console/credentials.js';
import { CLOSE } from '../../src/console/frames.js';
import { CONSOLE_LIMITS } from '../../src/console/limits.js';
import type { Role } from '../../src/core/model/trust/identity.js';
import { asAdmin, ask } from '../grpc/running.js';
import { makeMember } from '../trust/members.js';
import { keyOf } from '../trust/proving.js';
import { accessTokenOf, giveRoles, makePerson, type Person, personalCode } from './person.js';
import { BarePage, post, type RunningConsole, runConsole } from './running.js';

const Identities = identity.IdentityServiceService;
const OBSERVES = ['graph.read', 'network.read'];
const OPERATES = [...OBSERVES, 'session.terminate', 'stream.stop', 'ticket.issue'];

let at: RunningConsole;
let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'switchyard-console-identity-'));
  at = await runConsole({ data, auth: 'required' });
  await ask(at, Identities.createNetwork, { name: 'north', sessionsMax: 0 }, asAdmin());
});
afterAll(async () => {
  await at?.stop();
  if (data !== undefined) await rm(data, { recursive: true, force: true });
});

/** Logs in at the console; answers with the cookie. */
async function cookieOf(who: Person, on: RunningConsole = at): Promise<string> {
  const response = await post(on.console, '/login', await personalCode(on, who));
  if (!response.ok) throw new Error(await response.text());
  return cookieIn(response);
}

function cookieIn(response: Response): string {
  return response.headers.get('set-cookie')!.split(';')[0];
}

async function reasonOf(page: BarePage, call: number): Promise<string> {
  const { code, details } = await page.end(call);
  if (code === 0) return '';
  const [info] = Status.decode(details).details;
  return ErrorInfo.decode(info!.value).reason;
}

async function standingOf(cookie: string, on = at): Promise<unknown> {
  return (await fetch(`http://${on.console}/session`, { headers: { cookie } })).json();
}

/** What TerminateSession is asked with. */
function endOf(cvid: number): Uint8Array {
  return TerminateSessionRequest.encode({ cvid, reason: '' }).finish();
}

function ticketOf(roles: readonly Role[]): Uint8Array {
  return identity.IssueTicketRequest.encode(identity.IssueTicketRequest.fromPartial({ roles: [...roles] })).finish();
}

async function auditLog(): Promise<string> {
  const folder = join(data, 'audit');
  const names = await readdir(folder);
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
}

describe('a code of an identity', () => {
  let operator: Person;
  beforeAll(async () => {
    operator = await makePerson(at, ['operator']);
  });

  it('lets its holder in once, with its name, its roles and what they allow', async () => {
    const code = await personalCode(at, operator);
    const response = await post(at.console, '/login', code);
    const name = `person-${operator.number}`;
    const { uuid } = operator;
    const told = {
      role: 'identity',
      network: 'default',
      uuid,
      name,
      roles: ['operator'],
      may: OPERATES,
      mode: 'required',
    };
    expect(await response.json()).toEqual(told);
    expect((await post(at.console, '/login', code)).status).toBe(403);
    expect(await standingOf(response.headers.get('set-cookie')!.split(';')[0])).toEqual(told);
  });

  it('is none with any of its bits turned, by another token, as that of another identity or network, or past its time', async () => {
    const token = await accessTokenOf(at, operator);
    const now = systemClock.wallMs();
    const secret = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(token)));
    const secretsOf = () => [{ secret, keyId: 'k'.repeat(32), boundAtMs: 1 }];
    const read = (text: string, atMs = now) => readCode('an-administrator', text, atMs, secretsOf);
    const make = (aheadMs = 0) => makeIdentityCode(token, operator, { wallMs: () => now + aheadMs }, systemRandom);
    const code = make();
    const expiresMs = now + CONSOLE_LIMITS.codeMs;
    const { uuid, network } = operator;
    expect(read(code)).toMatchObject({
      role: 'identity',
      network,
      expiresMs,
      identity: { uuid, keyId: 'k'.repeat(32), boundAtMs: 1 },
    });
    const bytes = Buffer.from(code, 'base64url');
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const turned = Buffer.from(bytes);
      turned[bit >> 3] ^= 1 << (bit & 7);
      expect(read(turned.toString('base64url'))).toBeUndefined();
    }
    expect(read(makeIdentityCode(`${token}x`, operator, systemClock, systemRandom))).toBeUndefined();
    expect(read(code, expiresMs)).toBeUndefined();
    expect(read(make(CONSOLE_LIMITS.codeAheadMs))).toBeDefined();
    expect(read(make(CONSOLE_LIMITS.codeAheadMs + 1))).toBeUndefined();
    // Who has an access token makes no login by it, and who knows the administrator's token no code of an identity.
    expect(readLogin(token, code, now)).toBeUndefined();
    const whom = { role: 'identity', network, identity: { uuid, keyId: '', boundAtMs: 0 } } as const;
    expect(read(makeCode('an-administrator', whom, systemClock, systemRandom))).toBeUndefined();
  });

  it('is refused when its token is of another network, though the identity is there, too', async () => {
    const token = await accessTokenOf(at, operator);
    const north = makeIdentityCode(token, { uuid: operator.uuid, network: 'north' }, systemClock, systemRandom);
    expect((await post(at.console, '/login', north)).status).toBe(403);
  });

  it('is refused once its identity is revoked', async () => {
    const gone = await makePerson(at, ['operator']);
    const code = await personalCode(at, gone);
    await ask(at, Identities.revokeIdentity, { identityUuid: gone.uuid }, asAdmin());
    expect((await post(at.console, '/login', code)).status).toBe(403);
  });
});

describe('a page of an operator', () => {
  let operator: Person;
  let page: BarePage;
  beforeAll(async () => {
    operator = await makePerson(at, ['operator']);
    page = await BarePage.open(at.console, await cookieOf(operator));
  });
  afterAll(() => page.close());

  it('terminates a session, stops a stream and issues a ticket, each audited under its identity', async () => {
    const victim = await makeMember(at, { number: 51, roles: ['client'] });
    const sink = await makeMember(at, { number: 52, roles: ['agent'] });
    const wanted = { sinkCvids: [sink.sid], params: undefined, requestId: '' };
    const { stream } = await ask(at, Streams.createStream, wanted, victim.as);
    const stop = StopStreamRequest.encode(StopStreamRequest.fromPartial({ id: stream!.id })).finish();
    expect(await reasonOf(page, page.call('StreamService/StopStream', stop))).toBe('');
    const end = endOf(victim.sid);
    expect(await reasonOf(page, page.call('SessionService/TerminateSession', end))).toBe('');
    const issue = page.call('IdentityService/IssueTicket', ticketOf(['agent']));
    expect(await reasonOf(page, issue)).toBe('');
    const { ticket } = identity.IssueTicketResponse.decode(page.messages(issue)[0]!);
    for (const [what, on] of [
      ['StopStream', `stream ${stream!.id}`],
      ['TerminateSession', `session ${victim.sid}`],
      ['IssueTicket', `ticket ${ticket!.ticketId}`],
    ]) {
      expect(await auditLog()).toMatch(
        new RegExp(`"who":"identity ${operator.uuid}"[^\\n]*"what":"${what}","on":"${on}[^"]*","outcome":"ok"`),
      );
    }
  });

  it('is refused what is for administrators, by the service and in its words', async () => {
    const revoke = identity.RevokeIdentityRequest.encode({ identityUuid: operator.uuid }).finish();
    const calls: [string, Uint8Array?][] = [
      ['RevokeIdentity', revoke],
      ['ListIdentities'],
      ['WatchAudit'],
      ['GetPolicy'],
      ['ListNetworks'],
      ['IssueTicket', ticketOf(['admin'])],
    ];
    for (const [name, request] of calls) {
      expect([name, await reasonOf(page, page.call(`IdentityService/${name}`, request))]).toEqual([
        name,
        'PERMISSION_DENIED',
      ]);
    }
  });
});

describe('a page of an observer', () => {
  it('reads the graph and the streams, and is refused every act', async () => {
    const observer = await makePerson(at, ['observer']);
    const cookie = await cookieOf(observer);
    expect(await standingOf(cookie)).toMatchObject({ roles: ['observer'], may: OBSERVES });
    const page = await BarePage.open(at.console, cookie);
    expect(await reasonOf(page, page.call('StreamService/ListStreams'))).toBe('');
    const end = endOf(2);
    expect(await reasonOf(page, page.call('SessionService/TerminateSession', end))).toBe('PERMISSION_DENIED');
    expect(await reasonOf(page, page.call('IdentityService/IssueTicket', ticketOf(['agent'])))).toBe(
      'PERMISSION_DENIED',
    );
    page.close();
  });
});

describe('the login of an identity', () => {
  it('is over at once when the identity is revoked: its watches end, its pages close, and its cookie lets no one in', async () => {
    const operator = await makePerson(at, ['operator']);
    const cookie = await cookieOf(operator);
    const page = await BarePage.open(at.console, cookie);
    const watch = page.call('NetworkService/WatchNetworkDelta');
    await page.until(() => page.messages(watch).length > 0);
    await ask(at, Identities.revokeIdentity, { identityUuid: operator.uuid }, asAdmin());
    expect(await reasonOf(page, watch)).toBe('AUTH_REQUIRED');
    const before = page.heard.length;
    page.call('IdentityService/IssueTicket', ticketOf(['agent']));
    await page.until(() => page.closed !== undefined);
    expect([page.closed, page.heard.length]).toEqual([{ code: CLOSE.loggedOut, reason: 'the login is over' }, before]);
    expect(await standingOf(cookie)).toMatchObject({ role: null, may: [] });
    await expect(BarePage.open(at.console, cookie)).rejects.toThrow();
  });

  it('allows no more than a role that was lowered: the page is told to ask what it may do, and the services refuse', async () => {
    const operator = await makePerson(at, ['operator']);
    const cookie = await cookieOf(operator);
    const page = await BarePage.open(at.console, cookie);
    expect(await reasonOf(page, page.call('IdentityService/ListTickets'))).toBe('');
    await giveRoles(at, operator, ['observer']);
    page.call('IdentityService/IssueTicket', ticketOf(['agent']));
    await page.until(() => page.closed !== undefined);
    expect(page.closed).toEqual({ code: CLOSE.changed, reason: 'what you may do has changed' });
    expect(await standingOf(cookie)).toMatchObject({ roles: ['observer'], may: OBSERVES });
    const next = await BarePage.open(at.console, cookie);
    expect(await reasonOf(next, next.call('IdentityService/IssueTicket', ticketOf(['agent'])))).toBe(
      'PERMISSION_DENIED',
    );
    next.close();
  });

  it('shows the network of its identity, and no other', async () => {
    const operator = await makePerson(at, ['operator'], 'north');
    const cookie = await cookieOf(operator);
    expect(await standingOf(cookie)).toMatchObject({ network: 'north', may: OPERATES });
    await expect(BarePage.open(at.console, cookie, '?network=default')).rejects.toThrow(/403/);
    const victim = await makeMember(at, { number: 53, roles: ['agent'], network: 'north' });
    const page = await BarePage.open(at.console, cookie, '?network=north');
    expect(await reasonOf(page, page.call('SessionService/TerminateSession', endOf(victim.sid)))).toBe('');
    page.close();
  });

  it('is over with its network', async () => {
    await ask(at, Identities.createNetwork, { name: 'brief', sessionsMax: 0 }, asAdmin());
    const cookie = await cookieOf(await makePerson(at, ['operator'], 'brief'));
    expect(await standingOf(cookie)).toMatchObject({ role: 'identity' });
    await ask(at, Identities.dropNetwork, { name: 'brief' }, asAdmin());
    expect(await standingOf(cookie)).toMatchObject({ role: null });
  });

  it('ends with a logout, with all that it was renewed to and their pages', async () => {
    const cookie = await cookieOf(await makePerson(at, ['observer']));
    const renewed = cookieIn(await fetch(`http://${at.console}/session`, { headers: { cookie } }));
    expect(renewed).not.toBe(cookie);
    const pages = [await BarePage.open(at.console, cookie), await BarePage.open(at.console, renewed)];
    await post(at.console, '/logout', '', { cookie: renewed });
    for (const page of pages) {
      await page.until(() => page.closed !== undefined);
      expect(page.closed?.code).toBe(CLOSE.loggedOut);
    }
    expect([await standingOf(cookie), await standingOf(renewed)]).toMatchObject([{ role: null }, { role: null }]);
  });

  it('is over for ever when the identity is revoked, also once the same key is bound again', async () => {
    const operator = await makePerson(at, ['operator']);
    const cookie = await cookieOf(operator);
    await ask(at, Identities.revokeIdentity, { identityUuid: operator.uuid }, asAdmin());
    const { publicKey } = keyOf(operator.number);
    await ask(at, Identities.bindKey, { identityUuid: operator.uuid, publicKey }, asAdmin());
    expect(await standingOf(cookie)).toMatchObject({ role: null });
    expect(await standingOf(await cookieOf(operator))).toMatchObject({ role: 'identity' });
  });

  it('opens eight pages at once, and leaves room for those of others', async () => {
    const pages = await Promise.all([makePerson(at, ['observer']), makePerson(at, ['observer'])]).then(
      async ([one, other]) => {
        const cookie = await cookieOf(one);
        const opened = [];
        for (let page = 0; page < CONSOLE_LIMITS.pagesPerIdentityMax; page++) {
          opened.push(await BarePage.open(at.console, cookie));
        }
        await expect(BarePage.open(at.console, cookie)).rejects.toThrow(/503/);
        return [...opened, await BarePage.open(at.console, await cookieOf(other))];
      },
    );
    for (const page of pages) page.close();
  });

  it('is not given to one that may not read the graph, whose code is not used up by that', async () => {
    const agent = await makePerson(at, ['agent']);
    const code = await personalCode(at, agent);
    const refused = await post(at.console, '/login', code);
    expect([refused.status, await refused.json()]).toEqual([
      403,
      { message: 'the roles of this identity do not allow it to read the graph (graph.read)' },
    ]);
    await giveRoles(at, agent, ['observer']);
    expect((await post(at.console, '/login', code)).status).toBe(200);
  });

  it('offers no audit log in another network than the default one, which is where that is read', async () => {
    const admin = await makePerson(at, ['admin'], 'north');
    const { may } = (await standingOf(await cookieOf(admin))) as { may: string[] };
    expect(may).toContain('identity.manage');
    expect(may).not.toContain('audit.read');
    expect(may).not.toContain('network.manage');
  });

  it('outlives its access tokens and a restart of the server, and not the key by which it was made', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'switchyard-console-restart-'));
    const one = await runConsole({ data: folder, auth: 'required' });
    const operator = await makePerson(one, ['operator']);
    const cookie = await cookieOf(operator, one);
    const code = await personalCode(one, operator);
    await one.stop();
    const two = await runConsole({ data: folder, auth: 'required' });
    try {
      expect(await standingOf(cookie, two)).toMatchObject({ role: 'identity', may: OPERATES });
      // The token of which it was made is forgotten.
      expect((await post(two.console, '/login', code)).status).toBe(403);
      const other = keyOf(operator.number + 1_000).publicKey;
      await ask(two, Identities.bindKey, { identityUuid: operator.uuid, publicKey: other }, asAdmin());
      expect(await standingOf(cookie, two)).toMatchObject({ role: null });
    } finally {
      await two.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
