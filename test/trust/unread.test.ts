import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { asAdmin, ask, open, type Running, refusalOf, run } from '../grpc/running.js';
import { type Aim, aimedAt, masked, NOWHERE, type Outcome, textOf } from './aims.js';
import { type Member, makeMember } from './members.js';
import { refusalOfAbsent } from './permission-table.js';
import { methodOf, REQUESTS, TRIED, type Tried } from './requests.js';

/** Roles that read the graph, so that all sessions are there for them. */
const READERS = ['client', 'observer', 'operator'] as const;
const NAME = 'kept-from-readers';

describe('what those who read the graph may not see', () => {
  let at: Running;
  let readers: Readonly<Record<(typeof READERS)[number], Member>>;
  let hidden: Readonly<Record<(typeof READERS)[number], Aim>>;

  async function call(name: Tried, request: object, as: Metadata): Promise<Outcome> {
    const method = methodOf(name);
    try {
      if (!method.responseStream) return { reason: undefined, text: textOf(await ask(at, method, request, as)) };
      const reading = open(at, method, request, as);
      const message = await reading.next();
      reading.call.on('error', () => {}).cancel();
      return { reason: undefined, text: textOf(message) };
    } catch (error) {
      const refusal = refusalOf(error);
      return { reason: refusal.reason, text: textOf(refusal) };
    }
  }

  /** A connection and a stream between two others. */
  async function makeTraffic() {
    const asker = await makeMember(at, { number: 50, roles: ['client'] });
    const target = await makeMember(at, { number: 51, roles: ['agent'] });
    const attached = open(at, Sessions.attach, {}, target.as);
    const asked = ask(at, Network.directConnection, REQUESTS.DirectConnection(target) as never, asker.as);
    const [{ order }] = (await attached.until((message) => (message.order?.orderId ?? '') !== '')).slice(-1);
    const answer = { orderId: order?.orderId ?? '', code: 0, description: '', data: Buffer.alloc(0) };
    await ask(at, Sessions.answer, answer, target.as);
    const { request } = await asked;
    const wanted = { params: undefined, sinkCvids: [target.sid], requestId: '' };
    const { stream } = await ask(at, Streams.createStream, wanted, asker.as);
    attached.call.on('error', () => {}).cancel();
    return { connection: request?.connectionId ?? '', order: answer.orderId, stream: stream?.id ?? 0 };
  }

  beforeAll(async () => {
    at = await run({ auth: 'required' });
    const made = READERS.map(
      async (role, n) => [role, await makeMember(at, { number: n + 1, roles: [role] })] as const,
    );
    readers = Object.fromEntries(await Promise.all(made)) as typeof readers;
    // An identity that has no session is in no graph.
    const { uuid } = await makeMember(at, { number: 60, roles: ['observer'], name: NAME });
    const wanted = { ...REQUESTS.IssueTicket(NOWHERE), roles: ['admin'], kind: 3 };
    const { ticket } = await ask(at, Identities.issueTicket, wanted as never, asAdmin());
    await ask(at, Identities.createNetwork, { name: 'of-others', sessionsMax: 0 }, asAdmin());
    const all = { ...NOWHERE, uuid, ticket: ticket?.ticketId ?? '', network: 'of-others' };
    // Operators list all tickets.
    hidden = {
      client: { ...all, ...(await makeTraffic()) },
      observer: all,
      operator: { ...all, ticket: NOWHERE.ticket },
    };
  });
  afterAll(() => at.stop());

  it.each(READERS.flatMap((role) => TRIED.map((name) => [role, name] as const)))(
    'is answered to the role %s, byte for byte, as what never was: %s',
    async (role, name) => {
      const { as } = readers[role];
      const absent = await call(name, aimedAt(name, NOWHERE), as);
      const there = await call(name, aimedAt(name, hidden[role]), as);
      // For this cause and for no other, so that it was looked up where the role may look it up.
      expect(absent.reason).toBe(refusalOfAbsent(role, name));
      // What a watch or a list of what is visible says is another test's.
      if (absent.reason === undefined && textOf(aimedAt(name, NOWHERE)) === textOf(aimedAt(name, hidden[role]))) return;
      const plain = (outcome: Outcome) => masked({ ...outcome, text: masked(outcome, NOWHERE) }, hidden[role]);
      expect(plain(there)).toBe(plain(absent));
    },
  );

  it.each(READERS.flatMap((role) => TRIED.map((name) => [role, name] as const)))(
    'is not told to the role %s by %s unless the request has named it',
    async (role, name) => {
      const { text } = await call(name, aimedAt(name, NOWHERE), readers[role].as);
      const { uuid, connection, ticket } = hidden[role];
      for (const secret of [NAME, uuid, ticket, `"${connection}"`, '"of-others"']) expect(text).not.toContain(secret);
    },
  );

  it('is there for an administrator', async () => {
    const { uuid, ticket } = hidden.observer;
    const { tickets } = await ask(at, Identities.listTickets, { pageSize: 0, pageToken: '' }, asAdmin());
    expect(tickets.map(({ ticketId }) => ticketId)).toContain(ticket);
    expect((await ask(at, Identities.getIdentity, { identityUuid: uuid }, asAdmin())).identity?.name).toBe(NAME);
  });
});
