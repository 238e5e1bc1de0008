import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionState } from '../../gen/switchyard/v1/connection.js';
import { IdentityServiceService as Identities, IdentityKind } from '../../gen/switchyard/v1/identity.js';
import { DirectConnectionRequest, NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { decodeRecord } from '../../src/journal/format/record.js';
import { MemoryDisk, MemoryJournal } from '../../src/journal/storage/memory.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import { agent, asAdmin, ask, asSession, open, type Running, run } from '../grpc/running.js';
import { keyOf, proofOf } from '../trust/proving.js';

const GRANT = { from: ['role:client'], to: ['role:agent'], may: ['connection.ask'] };

let disk: MemoryDisk;
let at: Running;

beforeEach(async () => {
  disk = new MemoryDisk();
  at = await start();
});
afterEach(() => at.stop());

const start = (auth = 'required') => run({ auth }, { journal: new MemoryJournal(disk) });

/** Starts the server again: as it was stopped, or as it was right after the newest policy was stored. */
async function restart(after: 'everything' | 'the policy'): Promise<void> {
  await at.stop();
  if (after === 'the policy') {
    const kindOf = (revision: number) => decodeRecord({ revision, bytes: disk.records.get(revision)! }).kind;
    for (; kindOf(disk.last) !== 'PutPolicy'; disk.last--) disk.records.delete(disk.last);
  }
  at = await start();
}

const putPolicy = (...grants: object[]) => putPolicyOf('required', ...grants);

const putPolicyOf = (auth: string, ...grants: object[]) => {
  const document = JSON.stringify({ auth, grants });
  return ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
};

/** A session of a new identity with this role. */
async function member(number: number, role: string) {
  const { instanceUuid: identityUuid } = agent(number);
  await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(number).publicKey }, asAdmin());
  const described = { kind: IdentityKind.INSTANCE, roles: [role], name: '', labels: {}, updateMask: ['roles'] };
  await ask(at, Identities.updateIdentity, { identityUuid, ...described }, asAdmin());
  const challenge = await ask(at, Identities.challenge, { network: '' });
  const proof = await proofOf(keyOf(number), identityUuid, challenge, { purpose: ProofPurpose.SESSION });
  const { instanceSid: sid, sessionToken } = await ask(at, Sessions.session, { ...agent(number), proof });
  return { sid, as: asSession(sessionToken) };
}

/** A session of an instance that has shown no key. */
async function stranger(number: number) {
  const { instanceSid: sid, sessionToken } = await ask(at, Sessions.session, agent(number));
  return { sid, as: asSession(sessionToken) };
}

/** Connects a new client to a new agent. */
async function connect(caller?: () => ReturnType<typeof member>): Promise<void> {
  const [client, device] = [await (caller?.() ?? member(1, 'client')), await member(2, 'agent')];
  const orders = open(at, Sessions.attach, {}, device.as);
  await orders.next();
  const request = DirectConnectionRequest.fromPartial({ cvid: device.sid, type: 1, port: 5_000 });
  const asked = ask(at, Network.directConnection, request, client.as);
  const [{ order }] = (await orders.until((one) => one.order?.kind?.$case === 'connection')).slice(-1);
  const answer = { orderId: order!.orderId, code: 0, description: '', data: Buffer.alloc(0) };
  await ask(at, Sessions.answer, answer, device.as);
  await asked;
  orders.call.cancel();
}

async function state(): Promise<ConnectionState> {
  const { connections } = await ask(at, Network.listConnections, { pageSize: 5, pageToken: '' }, asAdmin());
  return connections[0].state;
}

async function cancelled(): Promise<void> {
  while ((await state()) !== ConnectionState.CANCELLED) await new Promise((resolve) => setTimeout(resolve, 20));
}

it('keeps a connection over a restart and a policy with the same ports, and closes it when they become fewer', async () => {
  await putPolicy({ ...GRANT, ports: [22, 443] });
  await connect();
  await restart('everything');
  const going = await state();
  expect(going).not.toBe(ConnectionState.CANCELLED);
  await putPolicy({ ...GRANT, ports: [443, '22-22'] });
  // What follows from a policy is stored within a few turns of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await state()).toBe(going);
  await restart('everything');
  await putPolicy({ ...GRANT, ports: [22] });
  await cancelled();
}, 30_000);

it.each([
  ['does not grant', []],
  ['grants for other ports', [{ ...GRANT, ports: [22] }]],
])(
  'closes at its start a connection that the policy %s, where it was killed before it could',
  async (_name, grants) => {
    await putPolicy({ ...GRANT, ports: [22, 443] });
    await connect();
    await putPolicy(...grants);
    await cancelled();
    await restart('the policy');
    await cancelled();
  },
  30_000,
);

describe('a connection that was begun in open, so that its ends were told of no ports', () => {
  beforeEach(async () => {
    await at.stop();
    disk = new MemoryDisk();
    at = await start('open');
  });

  it.each([
    ['a client that has shown a key', () => member(1, 'client')],
    ['one that has shown none', () => stranger(1)],
  ])(
    'is closed where the server starts in required and the policy grants some ports to %s',
    async (_name, caller) => {
      await putPolicyOf('open', { ...GRANT, from: ['*'], ports: [22] });
      await connect(caller);
      expect(await state()).not.toBe(ConnectionState.CANCELLED);
      await restart('everything');
      await cancelled();
    },
    30_000,
  );

  it('goes on over such a start where the policy grants all ports', async () => {
    await putPolicyOf('open', { ...GRANT, from: ['*'] });
    await connect(() => stranger(1));
    const going = await state();
    await restart('everything');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await state()).toBe(going);
  }, 30_000);
});
