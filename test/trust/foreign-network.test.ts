import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { ServerServiceService as Servers } from '../../gen/switchyard/v1/server.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { RelayRequest, StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { ROLES, type Role } from '../../src/core/model/trust/identity.js';
import type { SystemClient, SystemError } from '../../src/system/client/index.js';
import { ADMIN_TOKEN, asHeaders, ask, open, Reading, type Running, refusalOf, run } from '../grpc/running.js';
import { talk } from '../system/talking.js';
import { type Aim, aimedAt, EVENTS_AIMED, masked, NOWHERE, type Outcome, textOf } from './aims.js';
import { type Member, makeMember } from './members.js';
import { type Cell, cellOf, FOREIGN } from './permission-table.js';
import { keyOf, proofOf } from './proving.js';
import { methodOf, REQUESTS, TRIED, type Tried } from './requests.js';

/** What the network that is tried to be reached has, and no other. */
const SECRET = 'only-in-the-south';
/** Sessions of it, so that its numbers are none that the other network has. */
const SOUTHERNERS = 12;
/** How long a watch is listened to. */
const LISTEN_MS = 50;

/** What a method that can only be about the caller's own network answers: the form of a request may be wrong. */
const OWN: readonly (string | undefined)[] = [undefined, 'FIELD_INVALID', 'POLICY_INVALID'];

describe('a caller of another network', () => {
  let at: Running;
  let callers: Readonly<Record<Role, Member>>;
  let south: Aim;

  const clients: SystemClient[] = [];
  let next = 200;

  const inSouth = asHeaders({ 'switchyard-network': 'south', 'switchyard-admin': ADMIN_TOKEN });

  async function call(name: Tried, request: object, as: Metadata): Promise<Outcome> {
    const method = methodOf(name);
    const messages: object[] = [];
    try {
      if (!method.responseStream) messages.push(await ask(at, method, request, as));
      else {
        const reading = open(at, method, request, as);
        messages.push(await reading.next());
        reading.call.on('data', (message: object) => messages.push(message));
        await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
        reading.call.on('error', () => {}).cancel();
      }
      return { reason: undefined, text: textOf(messages) };
    } catch (error) {
      const { reason, message } = refusalOf(error);
      return { reason, text: textOf({ reason, message }) };
    }
  }

  /** A connection of system events with a session of the other network. */
  async function northerner(): Promise<SystemClient> {
    const number = next++;
    // Its identity; the session of this connection supersedes the one that was made with it.
    const { uuid } = await makeMember(at, { number, roles: ['client'], network: 'north' });
    const { client } = await talk(`tcp://${at.server.addresses.tcp}`);
    clients.push(client);
    const challenge = await client.ask('Challenge', { network: 'north' });
    const { binding: _, bindingKind: _kind, ...proof } = proofOf(keyOf(number), uuid, challenge, { network: 'north' });
    await client.ask('Session', { instanceUuid: uuid, instanceType: 2, network: 'north', proof });
    return client;
  }

  /** Where the foreign network stands, and what it holds. */
  async function southNow(): Promise<string> {
    const { position } = await ask(at, Servers.getServer, {}, inSouth);
    const { identities } = await ask(at, Identities.listIdentities, { pageSize: 0, pageToken: '' }, inSouth);
    const { tickets } = await ask(at, Identities.listTickets, { pageSize: 0, pageToken: '' }, inSouth);
    return textOf({ position, identities, tickets });
  }

  beforeAll(async () => {
    at = await run({ auth: 'required', 'system-tcp-listen': '127.0.0.1:0' });
    const asAdmin = asHeaders({ 'switchyard-admin': ADMIN_TOKEN });
    for (const name of ['north', 'south']) {
      await ask(at, Identities.createNetwork, { name, sessionsMax: 0 }, asAdmin);
    }
    const made = ROLES.map(async (role, at_) => {
      return [role, await makeMember(at, { number: at_ + 1, roles: [role], network: 'north' })] as const;
    });
    callers = Object.fromEntries(await Promise.all(made)) as Record<Role, Member>;
    for (let number = 100; number < 100 + SOUTHERNERS; number++) {
      await makeMember(at, { number, roles: ['agent'], network: 'south' });
    }
    const asker = await makeMember(at, { number: 50, roles: ['client'], network: 'south' });
    const target = await makeMember(at, { number: 51, roles: ['agent'], name: SECRET, network: 'south' });
    const attached = open(at, Sessions.attach, {}, target.as);
    const asked = ask(at, Network.directConnection, REQUESTS.DirectConnection(target) as never, asker.as);
    const [{ order }] = (await attached.until((message) => (message.order?.orderId ?? '') !== '')).slice(-1);
    const answer = { orderId: order!.orderId, code: 0, description: '', data: Buffer.alloc(0) };
    await ask(at, Sessions.answer, answer, target.as);
    const { request } = await asked;
    const ticket = REQUESTS.IssueTicket(target) as never;
    const issued = await ask(
      at,
      Identities.issueTicket,
      { ...(ticket as object), roles: ['agent'], kind: 1 } as never,
      inSouth,
    );
    south = {
      ...target,
      token: String(target.as.get('switchyard-session')[0]),
      connection: request!.connectionId,
      order: order!.orderId,
      ticket: issued.ticket!.ticketId,
      network: 'south',
    };
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await at.stop();
  });

  it.each(TRIED)('%s takes no credential of one network in another', async (name) => {
    for (const { as } of Object.values(callers)) {
      const there = as.clone();
      there.set('switchyard-network', 'south');
      const { reason } = await call(name, aimedAt(name, south), there);
      expect(reason).toBe(as.get('switchyard-session').length > 0 ? 'IDENTITY_MISMATCH' : 'AUTH_REQUIRED');
    }
  });

  it.each(TRIED)(
    '%s answers of what is in another network as of what never was, and changes nothing there',
    async (name) => {
      const before = await southNow();
      const reasons = new Map<Cell, string | undefined>();
      for (const role of ROLES) {
        const { as } = callers[role];
        const foreign = await call(name, aimedAt(name, south), as);
        const absent = await call(name, aimedAt(name, NOWHERE), as);
        expect(foreign.reason).toBe(absent.reason);
        if (foreign.reason !== undefined) expect(masked(foreign, south)).toBe(masked(absent, NOWHERE));
        expect(foreign.text).not.toContain(SECRET);
        // What it has not named itself it does not hear: not of the foreign target, nor of its connection.
        const named = textOf(aimedAt(name, south));
        for (const told of [south.uuid, `"${south.connection}"`].filter((one) => !named.includes(one)))
          expect(foreign.text).not.toContain(told);
        reasons.set(cellOf(role, name), foreign.reason);
      }
      expect(await southNow()).toBe(before);
      // As to those who may do the most.
      const ofMost = (['all', 'grant', 'own'] as const).find((cell) => reasons.has(cell))!;
      expect(FOREIGN[name] === 'own' ? OWN : [FOREIGN[name]]).toContain(reasons.get(ofMost));
    },
  );

  it.each(Object.keys(EVENTS_AIMED) as (keyof typeof EVENTS_AIMED)[])(
    '%s over system events answers of what is in another network as gRPC does',
    async (type) => {
      const before = await southNow();
      const client = await northerner();
      const outcome = async (aim: Aim): Promise<Outcome> => {
        try {
          return { reason: undefined, text: textOf(await client.ask(type, EVENTS_AIMED[type](aim) as never)) };
        } catch (error) {
          const { reason, message } = error as SystemError;
          return { reason, text: textOf({ reason, message }) };
        }
      };
      const [foreign, absent] = [await outcome(south), await outcome(NOWHERE)];
      expect(masked(foreign, south)).toBe(masked(absent, NOWHERE));
      // A client ends no session of others, wherever it is.
      const refusal = type === 'TerminateSession' ? 'PERMISSION_DENIED' : FOREIGN[type];
      expect(foreign.reason).toBe(refusal === 'own' ? undefined : refusal);
      expect(await southNow()).toBe(before);
    },
  );

  it('Relay answers of a stream in another network as of one that never was', async () => {
    const { path, requestSerialize, responseDeserialize } = Streams.relay;
    const outcome = async (id: number): Promise<string | undefined> => {
      const relay = at.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, callers.client.as);
      relay.write(RelayRequest.fromPartial({ open: { id } }));
      const { reason, message } = await new Reading(relay).ending();
      return `${reason}: ${message.replaceAll(String(id), 'NAMED')}`;
    };
    const foreign = await outcome(south.stream);
    expect(foreign).toMatch(new RegExp(`^${FOREIGN.Relay}: `));
    expect(foreign).toBe(await outcome(NOWHERE.stream));
  });

  it('moves no connection of system events that has a session to another network', async () => {
    const client = await northerner();
    const session = client.ask('Session', { instanceUuid: south.uuid, instanceType: 2, network: 'south' });
    await expect(session).rejects.toMatchObject({ reason: 'OUT_OF_ORDER' });
    // Of the network of its session: the token of another one is not known there.
    const kept = client.ask('KeepAlive', { sessionToken: south.token });
    await expect(kept).rejects.toMatchObject({ reason: 'SESSION_TOKEN_INVALID' });
    await client.ask('Challenge', { network: 'south' });
    const created = client.ask('CreateStream', { params: {}, sinkCvids: [south.sid] });
    await expect(created).rejects.toMatchObject({ reason: 'NODE_NOT_FOUND' });
  });
});
