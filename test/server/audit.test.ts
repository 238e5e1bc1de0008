import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  IdentityServiceService as Identities,
  IdentityKind,
  IssueTicketRequest,
} from '../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { auditFolder, auditLines, verifyFolder } from '../../src/audit/folder.js';
import { runCommand } from '../cli/command.js';
import { agent, asAdmin, asHeaders, ask, asSession, type Running, refused, run } from '../grpc/running.js';
import { keyOf } from '../trust/proving.js';

const TICKET = IssueTicketRequest.fromPartial({ roles: ['agent'], uses: 1, kind: IdentityKind.INSTANCE });
const PAGE = { pageSize: 0, pageToken: '', instanceUuid: '', instanceType: 0 };

describe('the audit log of a server', () => {
  let at: Running;
  let data: string;

  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'audited-'));
    at = await run({ data });
  });
  afterAll(async () => {
    await at.stop();
    rmSync(data, { recursive: true });
  });

  it('says who did what to whom from where, counts refusals, and leaves out what concerns nobody else', async () => {
    const { instanceUuid: identityUuid } = agent(1);
    await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(1).publicKey }, asAdmin());
    const { instanceSid, sessionToken } = await ask(at, Sessions.session, agent(2));
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(sessionToken));
    const other = await ask(at, Sessions.session, agent(3));
    await ask(at, Sessions.terminateSession, { cvid: other.instanceSid, reason: '' }, asAdmin());
    await ask(at, Identities.putPolicy, { document: '{}', validateOnly: true, ifRevision: undefined }, asAdmin());
    await ask(at, Identities.revokeIdentity, { identityUuid: identityUuid.toUpperCase() }, asAdmin());
    for (let number = 0; number < 3; number++) {
      const wrong = ask(at, Identities.revokeIdentity, { identityUuid }, asHeaders({ 'switchyard-admin': 'guess' }));
      expect((await refused(wrong)).reason).toBe('ADMIN_TOKEN_INVALID');
    }
    // The end of the server writes what was counted.
    await at.stop();
    const lines = [...auditLines(auditFolder(data))].map(({ line }) => line!);
    const by = { who: 'administrator', from: '127.0.0.1', outcome: 'ok', count: 1 };
    expect(lines).toMatchObject([
      { who: 'server', what: 'Start', on: 'mode open' },
      { ...by, what: 'BindKey', on: `identity ${identityUuid}` },
      { ...by, what: 'TerminateSession', on: `session ${other.instanceSid}` },
      { ...by, what: 'RevokeIdentity', on: `identity ${identityUuid}` },
      { who: 'nobody', from: '127.0.0.1', what: 'RevokeIdentity', outcome: 'ADMIN_TOKEN_INVALID', count: 3 },
    ]);
    expect(lines.every(({ on }) => !on.includes(String(instanceSid)))).toBe(true);
    expect(verifyFolder(auditFolder(data)).problems).toEqual([]);
    const verified = await runCommand(['audit', 'verify', '--data', data]);
    expect(verified).toMatchObject({
      status: 0,
      out: expect.stringMatching(
        /^\d lines in 1 file\nthe last has [0-9a-f]{64}\nthe journal knows no line yet: nothing was compared\n$/,
      ),
    });
    const tail = await runCommand(['audit', 'tail', '--data', data, '--lines', '1']);
    expect(tail.out).toMatch(/nobody from 127\.0\.0\.1: RevokeIdentity: ADMIN_TOKEN_INVALID × 3\n$/);
    at = await run({ data });
  });

  it('says to which mode a policy was put, and which network was created and dropped', async () => {
    const put = (document: object) =>
      ask(
        at,
        Identities.putPolicy,
        { document: JSON.stringify(document), validateOnly: false, ifRevision: undefined },
        asAdmin(),
      );
    await put({ grants: [] });
    await put({ auth: 'open' });
    await ask(at, Identities.createNetwork, { name: 'north', sessionsMax: 0 }, asAdmin());
    await ask(at, Identities.dropNetwork, { name: 'north' }, asAdmin());
    const lines = [...auditLines(auditFolder(data))].map(({ line }) => line!);
    const by = { who: 'administrator', from: '127.0.0.1', outcome: 'ok', count: 1 };
    expect(lines.slice(-4)).toMatchObject([
      { ...by, what: 'PutPolicy', on: 'policy of mode required' },
      { ...by, what: 'PutPolicy', on: 'policy of mode open' },
      { ...by, what: 'CreateNetwork', on: 'network north' },
      { ...by, what: 'DropNetwork', on: 'network north' },
    ]);
  });

  it('counts who was refused in a network that does not exist', async () => {
    const guess = { 'switchyard-network': 'nowhere', 'switchyard-admin': 'guess' };
    for (let nth = 0; nth < 2; nth++) await refused(ask(at, Sessions.listSessions, PAGE, asHeaders(guess)));
    const { sessionToken } = await ask(at, Sessions.session, agent(4));
    const mixed = asHeaders({ 'switchyard-network': 'nowhere', 'switchyard-session': sessionToken });
    expect((await refused(ask(at, Sessions.keepAlive, {}, mixed))).reason).toBe('IDENTITY_MISMATCH');
    await at.stop();
    const lines = [...auditLines(auditFolder(data))].map(({ line }) => line!);
    expect(lines.slice(-2)).toMatchObject([
      { who: 'nobody', from: '127.0.0.1', what: 'ListSessions', outcome: 'ADMIN_TOKEN_INVALID', count: 2 },
      { who: 'nobody', from: '127.0.0.1', what: 'KeepAlive', outcome: 'IDENTITY_MISMATCH', count: 1 },
    ]);
    at = await run({ data });
  });

  it('names the ticket that IssueTicket made, and for whom it is', async () => {
    const { instanceUuid: identityUuid } = agent(5);
    const forAny = await ask(at, Identities.issueTicket, TICKET, asAdmin());
    const forOne = await ask(at, Identities.issueTicket, { ...TICKET, identityUuid }, asAdmin());
    await ask(at, Identities.revokeTicket, { ticketId: forAny.ticket!.ticketId, andIdentities: false }, asAdmin());
    await at.stop();
    const lines = [...auditLines(auditFolder(data))].map(({ line }) => line!);
    const by = { who: 'administrator', from: '127.0.0.1', outcome: 'ok' };
    expect(lines.slice(-3)).toMatchObject([
      { ...by, what: 'IssueTicket', on: `ticket ${forAny.ticket!.ticketId}` },
      { ...by, what: 'IssueTicket', on: `ticket ${forOne.ticket!.ticketId} for ${identityUuid}` },
      { ...by, what: 'RevokeTicket', on: `ticket ${forAny.ticket!.ticketId}` },
    ]);
    at = await run({ data });
  });
});
