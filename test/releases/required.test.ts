import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { ListSessionsRequest, SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { agent, asAdmin, ask, asSession, type Running, refused, run } from '../grpc/running.js';
import { makeMember } from '../trust/members.js';
import { keyOf, proofOf } from '../trust/proving.js';
import { HistoryClock } from './history/clock.js';
import { Release } from './release.js';

const release = new Release(fileURLToPath(new URL('0.1.0', import.meta.url)));

let folder: string;
let clock: HistoryClock;
let at: Running | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-required-'));
  clock = new HistoryClock();
  await release.unpackData('snapshots', folder);
});
afterEach(async () => {
  await at?.stop();
  at = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** Today's server with the data that 0.1.0 left. */
async function start(flags: Record<string, string> = {}): Promise<Running> {
  await at?.stop();
  at = await run({ data: folder, ...flags }, { clock });
  return at;
}

/** What administrators see of the session whose token the release has left. */
async function lives(one: Running): Promise<boolean> {
  const { uuid } = (await release.manifest()).session;
  const request = ListSessionsRequest.fromPartial({ instanceUuid: uuid });
  return (await ask(one, Sessions.listSessions, request, asAdmin())).sessions.length > 0;
}

describe('sessions in a journal of release 0.1.0, which knew no keys', () => {
  it('go on in the mode open, which such a journal has, by their tokens', async () => {
    const one = await start();
    const { session } = await release.manifest();
    expect((await ask(one, Identities.getPolicy, {}, asAdmin())).mode).toBe(1);
    await ask(one, Sessions.keepAlive, {}, asSession(session.token));
    const own = await ask(one, Sessions.getSession, { cvid: 0 }, asSession(session.token));
    expect(own.session?.cvid).toBe(session.sid);
  });

  it('stay in the graph in the mode required, may do nothing, and expire, as their tokens renew them no more', async () => {
    const one = await start({ auth: 'required' });
    const { session } = await release.manifest();
    const as = asSession(session.token);
    expect(await lives(one)).toBe(true);
    expect(await refused(ask(one, Sessions.keepAlive, {}, as))).toMatchObject({ reason: 'AUTH_REQUIRED' });
    expect(await refused(ask(one, Sessions.getSession, { cvid: 0 }, as))).toMatchObject({ reason: 'AUTH_REQUIRED' });
    expect(await refused(ask(one, Network.getNode, { cvid: session.sid }, as))).toMatchObject({
      reason: 'AUTH_REQUIRED',
    });
    // It is nobody's: without a key a session in its place is refused, and it is not touched.
    const place = { ...agent(1), instanceUuid: session.uuid };
    expect(await refused(ask(one, Sessions.session, place))).toMatchObject({ reason: 'AUTH_REQUIRED' });
    expect(await lives(one)).toBe(true);
    while (await lives(one)) await clock.pass(60_000);
  });

  it('are superseded in the mode required by their instance, once an administrator has approved its key', async () => {
    const one = await start({ auth: 'required' });
    const { session } = await release.manifest();
    const { publicKey } = keyOf(7);
    await ask(one, Identities.bindKey, { identityUuid: session.uuid, publicKey }, asAdmin());
    const described = { kind: 0, roles: ['agent'], name: '', labels: {}, updateMask: ['roles'] };
    await ask(one, Identities.updateIdentity, { identityUuid: session.uuid, ...described }, asAdmin());
    const challenge = await ask(one, Identities.challenge, { network: '' });
    const proof = proofOf(keyOf(7), session.uuid, challenge);
    const opened = await ask(one, Sessions.session, { ...agent(1), instanceUuid: session.uuid, proof });
    const own = await ask(one, Sessions.getSession, { cvid: 0 }, asSession(opened.sessionToken));
    expect(own.session?.instanceUuid).toBe(session.uuid);
    // BindKey has ended what was opened without a key.
    const before = await refused(ask(one, Sessions.keepAlive, {}, asSession(session.token)));
    expect(before.reason).toBe('IDENTITY_REVOKED');
  });

  it('are in a network that a first policy makes required, and that stays so', async () => {
    const one = await start();
    const { session } = await release.manifest();
    await ask(one, Identities.putPolicy, { document: '{}', validateOnly: false, ifRevision: undefined }, asAdmin());
    expect((await refused(ask(one, Sessions.keepAlive, {}, asSession(session.token)))).reason).toBe('AUTH_REQUIRED');
    const again = await start();
    expect((await ask(again, Identities.getPolicy, {}, asAdmin())).mode).toBe(3);
    await makeMember(again, { number: 9, roles: ['agent'] });
  });
});
