import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { agent } from '../running.js';
import { type Case, Cases, DURATIONS, each, LABELS, long, NAMES, pages, type World } from './case.js';

/** Everything that can be wrong in a request to SessionService. */
export function sessionCases(): readonly Case[] {
  const cases = new Cases();
  const wrong: Cases['wrong'] = (...args) => cases.wrong(...args);
  const refuse: Cases['refuse'] = (...args) => cases.refuse(...args);
  const session = (what: string, spoil: Partial<ReturnType<typeof agent>> & object, ...fields: string[]) =>
    wrong(Sessions.session, 'nobody', () => agent(1) as never, what, spoil as never, ...fields);
  for (const instanceUuid of ['', 'x', agent(1).instanceUuid.slice(1), `${agent(1).instanceUuid}0`, long(100_000)]) {
    session(`a UUID that is none (${instanceUuid.length} characters)`, { instanceUuid }, 'instance_uuid');
  }
  session('a UUID in braces', { instanceUuid: `{${agent(1).instanceUuid}}` }, 'instance_uuid');
  for (const instanceType of [0, 1, 8, -1, 2 ** 31 - 1])
    session(`type ${instanceType}`, { instanceType }, 'instance_type');
  for (const instanceFlavor of [32, -1]) session(`flavor ${instanceFlavor}`, { instanceFlavor }, 'instance_flavor');
  each(DURATIONS, (what, ttl) => session(`a TTL ${what}`, { ttl } as never, 'ttl'));
  each(NAMES, (what, name) => session(`a name ${what}`, { name }, 'name'));
  each(LABELS, (what, { labels, at }) => session(`labels: ${what}`, { labels }, `labels${at}`));
  session(
    'everything at once',
    { instanceUuid: '?', instanceType: 1, instanceFlavor: 99, name: '\n', labels: { ' ': 'v' } },
    'instance_uuid',
    'instance_type',
    'instance_flavor',
    'name',
    'labels[" "]',
  );

  const answer = () => ({ orderId: 'o1', code: 0, description: '', data: Buffer.alloc(0) });
  wrong(Sessions.answer, 'one', answer, 'no order id', { orderId: '' }, 'order_id');
  wrong(Sessions.answer, 'one', answer, 'an order id without end', { orderId: long(65) }, 'order_id');
  wrong(Sessions.answer, 'one', answer, 'an order id of too many bytes', { orderId: 'é'.repeat(33) }, 'order_id');
  for (const code of [2, -1, 9_999]) wrong(Sessions.answer, 'one', answer, `code ${code}`, { code }, 'code');
  wrong(Sessions.answer, 'one', answer, 'a long description', { description: long(1_025) }, 'description');
  wrong(Sessions.answer, 'one', answer, 'too much data', { data: Buffer.alloc(65_537) }, 'data');
  refuse(Sessions.answer, 'one', 'ORDER_NOT_FOUND', 'an order that was never given', answer);

  const terminate = ({ two }: World) => ({ cvid: two.sid, reason: '' });
  wrong(Sessions.terminateSession, 'admin', terminate, 'a negative SID', { cvid: -1 }, 'cvid');
  wrong(Sessions.terminateSession, 'admin', terminate, 'a long reason', { reason: long(1_025) }, 'reason');
  refuse(Sessions.terminateSession, 'one', 'ADMIN_REQUIRED', "another's session", terminate);
  refuse(Sessions.terminateSession, 'admin', 'SESSION_TOKEN_MISSING', 'no session', () => ({ cvid: 0, reason: '' }));
  refuse(Sessions.terminateSession, 'admin', 'SESSION_NOT_FOUND', 'an unknown session', ({ nobody }) => ({
    cvid: nobody,
    reason: '',
  }));
  refuse(Sessions.terminateSession, 'admin', 'SESSION_NOT_FOUND', "the server's node", ({ serverSid }) => ({
    cvid: serverSid,
    reason: '',
  }));

  wrong(Sessions.getSession, 'nobody', () => ({ cvid: 1 }), 'a negative SID', { cvid: -5 }, 'cvid');
  refuse(Sessions.getSession, 'nobody', 'SESSION_TOKEN_MISSING', "nobody's own", () => ({ cvid: 0 }));
  refuse(Sessions.getSession, 'nobody', 'SESSION_NOT_FOUND', 'an unknown one', ({ nobody }) => ({ cvid: nobody }));
  refuse(Sessions.getSession, 'nobody', 'SESSION_NOT_FOUND', "the server's", ({ serverSid }) => ({ cvid: serverSid }));

  const list = () => ({ pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' });
  pages((what, page, field) => wrong(Sessions.listSessions, 'nobody', list, what, page, field));
  for (const instanceType of [8, -1]) {
    wrong(Sessions.listSessions, 'nobody', list, `type ${instanceType}`, { instanceType }, 'instance_type');
  }
  wrong(Sessions.listSessions, 'nobody', list, 'a UUID that is none', { instanceUuid: 'x' }, 'instance_uuid');
  return cases.all;
}
