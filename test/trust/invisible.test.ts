import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { RelayRequest, StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import type { SystemClient, SystemError } from '../../src/system/client/index.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import { agent, asAdmin, ask, open, Reading, type Running, refusalOf, run } from '../grpc/running.js';
import { talk } from '../system/talking.js';
import { type Aim, aimedAt, EVENTS_AIMED, masked, NOWHERE, type Outcome, textOf } from './aims.js';
import { type Member, makeMember } from './members.js';
import { refusalOfAbsent } from './permission-table.js';
import { type Challenged, keyOf, proofOf } from './proving.js';
import { methodOf, REQUESTS, TRIED, type Tried } from './requests.js';

/** The name of whom the caller may not see. */
const NAME = 'kept-from-agents';
/** The kinds of targets that are there, and not for an agent. */
const KINDS = ['hidden', 'ended'] as const;
/** An aim of which no part is that of {@link NOWHERE}. */
const ELSEWHERE: Aim = {
  sid: 2,
  uuid: 'u',
  stream: 3,
  token: 't',
  connection: 'c1',
  order: 'o1',
  ticket: 'f',
  network: 'n',
};
/** Methods whose requests name what they are about. */
const NAMING = TRIED.filter((name) => textOf(aimedAt(name, NOWHERE)) !== textOf(aimedAt(name, ELSEWHERE)));

describe('what an agent may not see', () => {
  let at: Running;
  let caller: Member;
  let events: SystemClient;
  let aims: Readonly<Record<(typeof KINDS)[number], Aim>>;

  /** What came of a call, the whole refusal of one that is refused. */
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

  async function event(type: keyof typeof EVENTS_AIMED, aim: Aim): Promise<Outcome> {
    try {
      return { reason: undefined, text: textOf(await events.ask(type, EVENTS_AIMED[type](aim) as never)) };
    } catch (error) {
      const { reason, message } = error as SystemError;
      return { reason, text: textOf({ reason, message }) };
    }
  }

  /** A session with a stream, a ticket for it, and a connection that it has accepted. */
  async function makeAim(number: number): Promise<Aim & Member> {
    const asker = await makeMember(at, { number, roles: ['client'] });
    const target = await makeMember(at, { number: number + 1, roles: ['agent'], name: `${NAME}-${number}` });
    const attached = open(at, Sessions.attach, {}, target.as);
    const asked = ask(at, Network.directConnection, REQUESTS.DirectConnection(target) as never, asker.as);
    const [{ order }] = (await attached.until((message) => (message.order?.orderId ?? '') !== '')).slice(-1);
    const answer = { orderId: order?.orderId ?? '', code: 0, description: '', data: Buffer.alloc(0) };
    await ask(at, Sessions.answer, answer, target.as);
    const { request } = await asked;
    const wanted = { ...REQUESTS.IssueTicket(target), roles: ['agent'], kind: 1 };
    const { ticket } = await ask(at, Identities.issueTicket, wanted as never, asAdmin());
    attached.call.on('error', () => {}).cancel();
    const made = {
      connection: request?.connectionId ?? '',
      order: answer.orderId,
      ticket: ticket?.ticketId ?? '',
      network: 'of-none',
    };
    return { ...target, ...made, token: '' };
  }

  beforeAll(async () => {
    at = await run({ auth: 'required', 'system-tcp-listen': '127.0.0.1:0' });
    caller = await makeMember(at, { number: 1, roles: ['agent'] });
    const { as: _as, ...hidden } = await makeAim(50);
    const { as: asEnding, ...ended } = await makeAim(60);
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asEnding);
    aims = { hidden, ended };
    const { uuid } = await makeMember(at, { number: 2, roles: ['agent'] });
    events = (await talk(`tcp://${at.server.addresses.tcp}`)).client;
    const challenge = await events.ask('Challenge', {});
    const { binding: _, bindingKind: _kind, ...proof } = proofOf(keyOf(2), uuid, challenge);
    await events.ask('Session', { instanceUuid: uuid, instanceType: 2, proof });
  });
  afterAll(async () => {
    events?.close();
    await at.stop();
  });

  describe.each(KINDS)('%s', (kind) => {
    it.each(NAMING)('%s is answered, byte for byte, as for what never was', async (name) => {
      const absent = await call(name, aimedAt(name, NOWHERE), caller.as);
      const there = await call(name, aimedAt(name, aims[kind]), caller.as);
      expect(absent.reason).toBe(refusalOfAbsent('agent', name));
      expect(masked(there, aims[kind])).toBe(masked(absent, NOWHERE));
    });

    it.each(Object.keys(EVENTS_AIMED) as (keyof typeof EVENTS_AIMED)[])(
      '%s over system events is answered as for what never was',
      async (type) => {
        const absent = await event(type, NOWHERE);
        expect(masked(await event(type, aims[kind]), aims[kind])).toBe(masked(absent, NOWHERE));
      },
    );

    it('Relay is answered as for what never was', async () => {
      const { path, requestSerialize, responseDeserialize } = Streams.relay;
      const outcome = async ({ stream }: Aim): Promise<string> => {
        const relay = at.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, caller.as);
        relay.write(RelayRequest.fromPartial({ open: { id: stream } }));
        return textOf(await new Reading(relay).ending()).replaceAll(String(stream), 'NAMED');
      };
      const absent = await outcome(NOWHERE);
      expect(absent).toContain('STREAM_NOT_FOUND');
      expect(await outcome(aims[kind])).toBe(absent);
    });
  });

  it.each(TRIED)('%s says nothing of it that the request has not named', async (name) => {
    const { text } = await call(name, aimedAt(name, NOWHERE), caller.as);
    const { uuid, connection, ticket } = aims.hidden;
    for (const secret of [NAME, uuid, ticket, `"${connection}"`]) expect(text).not.toContain(secret);
  });
});

describe('a stranger with a key of its own', () => {
  const [ACTIVE, REVOKED, ABSENT, PERSON] = [70, 71, 72, 73].map((number) => agent(number).instanceUuid);
  const STRANGER = 99;
  const DRAWN = agent(74).instanceUuid;
  let at: Running;

  beforeAll(async () => {
    at = await run({ auth: 'required', 'system-tcp-listen': '127.0.0.1:0' });
    await makeMember(at, { number: 73, roles: ['client'] });
    const person = { identityUuid: PERSON, kind: 3, roles: [], name: '', labels: {}, updateMask: ['kind'] };
    await ask(at, Identities.updateIdentity, person, asAdmin());
    await makeMember(at, { number: 70, roles: ['client'] });
    await makeMember(at, { number: 71, roles: ['client'] });
    await ask(at, Identities.revokeIdentity, { identityUuid: REVOKED }, asAdmin());
  });
  afterAll(() => at.stop());

  /** The refusal of a call that shows these keys for an identity, without what the caller has named. */
  async function refusalFor(
    name: 'Login' | 'RotateKey',
    uuid: string,
    keys: readonly [number, number],
  ): Promise<string> {
    const purpose = name === 'Login' ? ProofPurpose.LOGIN : ProofPurpose.ROTATE;
    const [one, other] = await Promise.all(
      keys.map(async (key) =>
        proofOf(keyOf(key), uuid, await ask(at, Identities.challenge, { network: '' } as never), { purpose }),
      ),
    );
    try {
      const request = name === 'Login' ? { proof: one } : { oldProof: one, newProof: other };
      return textOf(await ask(at, methodOf(name), request));
    } catch (error) {
      return textOf(refusalOf(error)).replaceAll(uuid, 'NAMED');
    }
  }

  it.each(['Login', 'RotateKey'] as const)(
    '%s does not tell it whether there is an identity, and whether it is revoked',
    async (name) => {
      const absent = await refusalFor(name, ABSENT, [STRANGER, STRANGER + 1]);
      expect(absent).toContain('PROOF_INVALID');
      expect(await refusalFor(name, ACTIVE, [STRANGER, STRANGER + 1])).toBe(absent);
      expect(await refusalFor(name, REVOKED, [STRANGER, STRANGER + 1])).toBe(absent);
      // Who has the key is told.
      expect(await refusalFor(name, REVOKED, [71, STRANGER])).toContain('IDENTITY_REVOKED');
    },
  );

  /** What is said by both doors to a session of an instance by the stranger's key, shown as that of an identity. */
  async function refusalsOfSession(identityUuid: string, instanceUuid: string): Promise<string> {
    const prove = (challenge: Challenged) => proofOf(keyOf(STRANGER), identityUuid, challenge, { instanceUuid });
    const proof = prove(await ask(at, Identities.challenge, { network: '' } as never));
    const calls = [{ proof: undefined }, { proof }, { proof: { ...proof, signature: Buffer.alloc(64) } }].map((shown) =>
      ask(at, Sessions.session, { ...agent(1), instanceUuid, ...shown }).catch(refusalOf),
    );
    const { client } = await talk(`tcp://${at.server.addresses.tcp}`);
    const { binding: _, bindingKind: _kind, ...shown } = prove(await client.ask('Challenge', {}));
    const event = client.ask('Session', { instanceUuid, instanceType: 2, proof: shown });
    const { reason, message } = await event.then(
      () => ({ reason: undefined, message: 'opened' }),
      (error: SystemError) => error,
    );
    client.close();
    const text = textOf([...(await Promise.all(calls)), { reason, message }]);
    return [identityUuid, instanceUuid].reduce((left, uuid) => left.replaceAll(uuid, 'NAMED'), text);
  }

  it.each([
    ['that is there', ACTIVE],
    ['that is revoked', REVOKED],
    ['of a person', PERSON],
  ])('Session does not tell it an identity %s from one that never was', async (_what, uuid) => {
    const absent = await refusalsOfSession(ABSENT, ABSENT);
    expect(absent.match(/AUTH_REQUIRED/g)).toHaveLength(4);
    // Who has lost its key is told the way back, and so is everybody.
    expect(absent).toContain('an administrator binds the new one, or runs switchyard ticket issue --for NAMED');
    expect(await refusalsOfSession(uuid, uuid)).toBe(absent);
    // A person may have sessions of other instances, and nobody is told who is a person.
    expect(await refusalsOfSession(uuid, DRAWN)).toBe(await refusalsOfSession(ABSENT, DRAWN));
    expect(await refusalsOfSession(ABSENT, uuid)).toBe(await refusalsOfSession(ABSENT, DRAWN));
  });
});
