import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { CloseReason } from '../../../src/core/model/session.js';
import type { EventBody } from '../../../src/system/codec/event.js';
import { ProofPurpose, type SignedContent } from '../../../src/trust/signed-bytes.js';
import type { SigningKey } from '../../../src/trust/signing-key.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { agent, asAdmin, ask, type Running, refused, run } from '../../grpc/running.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { type Talk, talk } from '../talking.js';

describe('keys by system events', () => {
  let at: Running;
  let url: string;
  const talks: Talk[] = [];

  beforeAll(async () => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' });
    url = `tcp://${at.server.addresses.tcp}`;
  });
  afterAll(async () => {
    for (const { client } of talks) client.close();
    await at.stop();
  });

  const connect = async () => {
    const one = await talk(url);
    talks.push(one);
    return one;
  };
  const uuidOf = (number: number) => agent(number).instanceUuid;
  const prove = async ({ client }: Talk, uuid: string, key: SigningKey, signed: Partial<SignedContent> = {}) => {
    const {
      identityUuid,
      binding: _,
      bindingKind: _kind,
      ...proof
    } = proofOf(key, uuid, await client.ask('Challenge', {}), signed);
    return { ...proof, identityUuid };
  };
  const open = (one: Talk, number: number, proof?: EventBody<'Session'>['proof']) =>
    one.client.ask('Session', { instanceUuid: uuidOf(number), instanceType: 2, proof });

  it('the first key binds its instance at both doors, and the answer says as whom the session was opened', async () => {
    const owner = await connect();
    const opened = await open(owner, 1, await prove(owner, uuidOf(1), keyOf(1)));
    const keyId = keyOf(1).keyId.toString('hex');
    expect(opened.identity).toEqual({ network: 'default', identityUuid: uuidOf(1), kind: 1, keyId });
    const thief = await connect();
    await expect(open(thief, 1)).rejects.toMatchObject({ reason: 'PROOF_INVALID' });
    const other = await prove(thief, uuidOf(1), keyOf(2));
    await expect(open(thief, 1, other)).rejects.toMatchObject({ reason: 'PROOF_INVALID' });
    expect(await refused(ask(at, Sessions.session, agent(1)))).toMatchObject({ reason: 'PROOF_INVALID' });
    await owner.client.ask('KeepAlive', {});
    // A connection whose Session was refused can still open one.
    await open(thief, 2);
  });

  it('a proof opens one session, and none by KeepAlive where it is of another key or purpose', async () => {
    const owner = await connect();
    const proof = await prove(owner, uuidOf(3), keyOf(3));
    const { sessionToken } = await open(owner, 3, proof);
    const again = await connect();
    await expect(open(again, 3, proof)).rejects.toMatchObject({ reason: 'PROOF_INVALID' });
    const attach = { purpose: ProofPurpose.ATTACH };
    for (const [reason, bad] of [
      ['PROOF_INVALID', await prove(again, uuidOf(3), keyOf(4), attach)],
      ['PROOF_INVALID', await prove(again, uuidOf(3), keyOf(3))],
      ['IDENTITY_MISMATCH', await prove(again, uuidOf(4), keyOf(3), attach)],
    ] as const) {
      await expect(again.client.ask('KeepAlive', { sessionToken, proof: bad })).rejects.toMatchObject({ reason });
    }
    const good = await prove(again, uuidOf(3), keyOf(3), attach);
    await again.client.ask('KeepAlive', { sessionToken, proof: good });
  });

  it('a revoked instance hears REVOKED, and its connection is closed', async () => {
    const owner = await connect();
    const { instanceSid } = await open(owner, 5, await prove(owner, uuidOf(5), keyOf(5)));
    await ask(at, Identities.revokeIdentity, { identityUuid: uuidOf(5) }, asAdmin());
    expect(await owner.ends.next()).toMatchObject({ cvid: instanceSid, reason: CloseReason.REVOKED });
    await owner.client.closed;
    const again = await connect();
    await expect(open(again, 5, await prove(again, uuidOf(5), keyOf(5)))).rejects.toMatchObject({
      reason: 'IDENTITY_REVOKED',
    });
  });

  it('RotateKey takes two proofs; the new key opens sessions, and a key that is not known rotates nothing', async () => {
    const owner = await connect();
    await open(owner, 6, await prove(owner, uuidOf(6), keyOf(6)));
    const rotate = { purpose: ProofPurpose.ROTATE };
    const proofs = async (old: number, next: number) => ({
      oldProof: await prove(owner, uuidOf(6), keyOf(old), rotate),
      newProof: await prove(owner, uuidOf(6), keyOf(next), rotate),
    });
    const answer = await owner.client.ask('RotateKey', await proofs(6, 7));
    expect(answer).toMatchObject({ keyId: keyOf(7).keyId.toString('hex'), overlapMs: 86_400_000 });
    await expect(owner.client.ask('RotateKey', await proofs(8, 9))).rejects.toMatchObject({ reason: 'PROOF_INVALID' });
    const again = await connect();
    await open(again, 6, await prove(again, uuidOf(6), keyOf(7)));
  });

  it('Enroll redeems a ticket once, and again after a lost answer; the key opens sessions', async () => {
    const issued = {
      kind: 0,
      roles: ['agent'],
      uses: 1,
      validFor: undefined,
      names: '',
      identityUuid: '',
      addresses: [],
    };
    const { text } = await ask(at, Identities.issueTicket, issued, asAdmin());
    const secret = decodeTicket(text).secret;
    const device = await connect();
    const enrol = async (number: number, name: string) => {
      const proof = await prove(device, uuidOf(number), keyOf(number), { purpose: ProofPurpose.ENROLL });
      return device.client.ask('Enroll', { secret, proof, name });
    };
    const answer = await enrol(20, 'boat-20');
    expect(answer).toMatchObject({ identityUuid: uuidOf(20), roles: ['agent'], name: 'boat-20' });
    expect(await enrol(20, 'boat-20')).toMatchObject({ identityUuid: uuidOf(20), roles: ['agent'] });
    await expect(enrol(21, 'boat-21')).rejects.toMatchObject({ reason: 'TICKET_INVALID' });
    await open(device, 20, await prove(device, uuidOf(20), keyOf(20)));
  });

  it('Challenge of a network that cannot be is refused by its field', async () => {
    const one = await connect();
    await expect(one.client.ask('Challenge', { network: 'NO' })).rejects.toMatchObject({ reason: 'FIELD_INVALID' });
    expect((await one.client.ask('Challenge', { network: 'nowhere' })).nonce).toHaveLength(40);
  });
});
