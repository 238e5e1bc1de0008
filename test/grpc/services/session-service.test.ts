import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CloseReason } from '../../../gen/switchyard/v1/network.js';
import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { agent, asAdmin, ask, asSession, open, type Running, refused, run } from '../running.js';

describe('SessionService', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'session-ttl-min': '1s' });
  });
  afterAll(() => at.stop());

  const attach = (token: string) => open(at, Sessions.attach, {}, asSession(token));
  const closings = async (cvid: number) => {
    const watch = open(at, Network.watchEndpointClosed, { cvids: [cvid], after: undefined });
    await watch.next();
    return watch;
  };

  it('opens a session that its token proves, and says what it granted', async () => {
    const request = { ...agent(1), instanceFlavor: 3, ttl: { seconds: 0n, nanos: 1 }, name: 'one', labels: { a: 'b' } };
    const opened = await ask(at, Sessions.session, request);
    expect(opened.instanceSid & 255).toBe((3 << 3) | 2);
    expect(opened.ttl).toEqual({ seconds: 1n, nanos: 0 });
    const { session } = await ask(at, Sessions.getSession, { cvid: 0 }, asSession(opened.sessionToken));
    expect(session).toMatchObject({
      cvid: opened.instanceSid,
      instanceUuid: agent(1).instanceUuid,
      instanceType: 2,
      instanceFlavor: 3,
      name: 'one',
      labels: { a: 'b' },
      attached: false,
      openedPosition: opened.position,
    });
  });

  it('prints a UUID in lower case, however it came', async () => {
    const instanceUuid = 'ABCDEF00-0000-4000-8000-0000000000AB';
    const opened = await ask(at, Sessions.session, { ...agent(2), instanceUuid });
    const { session } = await ask(at, Sessions.getSession, { cvid: opened.instanceSid });
    expect(session?.instanceUuid).toBe(instanceUuid.toLowerCase());
  });

  it('supersedes the earlier session of an instance, and aborts its attachment with the reason', async () => {
    const first = await ask(at, Sessions.session, agent(3));
    const attachment = attach(first.sessionToken);
    await attachment.next();
    const second = await ask(at, Sessions.session, agent(3));
    expect(second.instanceSid).not.toBe(first.instanceSid);
    expect(await attachment.ending()).toMatchObject({ code: status.ABORTED, reason: 'SESSION_SUPERSEDED' });
    const late = await refused(ask(at, Sessions.keepAlive, {}, asSession(first.sessionToken)));
    expect(late).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'SESSION_SUPERSEDED' });
  });

  it('begins an attachment with a heartbeat, and ends it when the session attaches again', async () => {
    const { sessionToken, instanceSid } = await ask(at, Sessions.session, agent(4));
    const first = attach(sessionToken);
    expect((await first.next()).order?.kind?.$case).toBe('heartbeat');
    expect((await ask(at, Sessions.getSession, { cvid: instanceSid })).session?.attached).toBe(true);
    const second = attach(sessionToken);
    expect((await second.next()).order?.kind?.$case).toBe('heartbeat');
    expect(await first.ending()).toMatchObject({ code: status.ABORTED, reason: 'ATTACHMENT_REPLACED' });
    second.call.cancel();
  });

  it("ends one's own session, and its watchers hear of it", async () => {
    const { sessionToken, instanceSid } = await ask(at, Sessions.session, agent(5));
    const watch = await closings(instanceSid);
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(sessionToken));
    const { endpointClosed } = await watch.next();
    expect(endpointClosed).toMatchObject({ cvid: instanceSid, reason: CloseReason.TERMINATED });
    watch.call.cancel();
  });

  it("orders another's session to end for an administrator, and answers once it has", async () => {
    const { sessionToken, instanceSid } = await ask(at, Sessions.session, agent(6));
    const attachment = attach(sessionToken);
    await attachment.next();
    const request = { cvid: instanceSid, reason: 'maintenance' };
    const ended = ask(at, Sessions.terminateSession, request, asAdmin());
    const { order } = await attachment.next();
    expect(order?.kind).toEqual({ $case: 'terminateSession', value: { reason: 'maintenance' } });
    const answer = { orderId: order!.orderId, code: 0, description: '', data: Buffer.alloc(0) };
    await ask(at, Sessions.answer, answer, asSession(sessionToken));
    await ended;
    expect(await attachment.ending()).toMatchObject({ code: status.ABORTED, reason: 'SESSION_TERMINATED' });
    expect(await refused(ask(at, Sessions.getSession, { cvid: instanceSid }))).toMatchObject({
      code: status.NOT_FOUND,
      reason: 'SESSION_NOT_FOUND',
    });
  });

  it('ends a session that does not answer the order when its deadline has passed', async () => {
    const short = await run({ 'order-deadline': '300ms' });
    try {
      const { sessionToken, instanceSid } = await ask(short, Sessions.session, agent(7));
      const attachment = open(short, Sessions.attach, {}, asSession(sessionToken));
      await attachment.next();
      await ask(short, Sessions.terminateSession, { cvid: instanceSid, reason: '' }, asAdmin());
      expect((await attachment.next()).order?.kind?.$case).toBe('terminateSession');
      expect((await refused(ask(short, Sessions.getSession, { cvid: instanceSid }))).reason).toBe('SESSION_NOT_FOUND');
    } finally {
      await short.stop();
    }
  });

  it('ends a session without an attachment at once, as nobody would answer the order', async () => {
    const patient = await run({ 'order-deadline': '1h' });
    try {
      const { instanceSid } = await ask(patient, Sessions.session, agent(7));
      await ask(patient, Sessions.terminateSession, { cvid: instanceSid, reason: '' }, asAdmin());
      expect((await refused(ask(patient, Sessions.getSession, { cvid: instanceSid }))).reason).toBe(
        'SESSION_NOT_FOUND',
      );
    } finally {
      await patient.stop();
    }
  });

  it('lets nobody but an administrator end the session of another', async () => {
    const one = await ask(at, Sessions.session, agent(8));
    const other = await ask(at, Sessions.session, agent(9));
    const request = { cvid: other.instanceSid, reason: '' };
    const denied = await refused(ask(at, Sessions.terminateSession, request, asSession(one.sessionToken)));
    expect(denied).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'ADMIN_REQUIRED' });
  });

  it('lists every session exactly once over its pages, while others come and go', async () => {
    const wanted = new Set<number>();
    for (let number = 100; number < 125; number++) {
      wanted.add((await ask(at, Sessions.session, { ...agent(number), instanceType: 5 })).instanceSid);
    }
    const request = { pageSize: 10, pageToken: '', instanceType: 5, instanceUuid: '' };
    const listed: number[] = [];
    for (let page = 0; page < 10; page++) {
      const { sessions, nextPageToken } = await ask(at, Sessions.listSessions, request);
      listed.push(...sessions.map(({ cvid }) => cvid));
      request.pageToken = nextPageToken;
      if (nextPageToken === '') break;
      await ask(at, Sessions.session, { ...agent(200 + page), instanceType: 5 });
    }
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed.filter((sid) => wanted.has(sid)).sort()).toEqual([...wanted].sort());
  });

  it('lists the session of one instance', async () => {
    const { instanceSid } = await ask(at, Sessions.session, agent(10));
    const request = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: agent(10).instanceUuid };
    const { sessions, nextPageToken } = await ask(at, Sessions.listSessions, request);
    expect(sessions.map(({ cvid }) => cvid)).toEqual([instanceSid]);
    expect(nextPageToken).toBe('');
  });
});
