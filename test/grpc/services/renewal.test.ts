import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities, IdentityKind } from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { TransportServiceService as Transports } from '../../../gen/switchyard/v1/transport_service.js';
import type { Role } from '../../../src/core/model/trust/identity.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { agent, asAdmin, ask, asSession, type Running, refusalOf, run } from '../running.js';

const TTL_MS = 500;
const GAP_MS = 50;
const NOTHING_SAID = { codeName: '', encrypted: undefined };

describe('the renewal of a session by its calls, in a network whose policy requires proofs', () => {
  let at: Running;
  beforeAll(async () => {
    const ttl = `${TTL_MS}ms`;
    at = await run({ auth: 'required', 'session-ttl': ttl, 'session-ttl-min': ttl, grace: '10ms' });
  });
  afterAll(() => at.stop());

  async function describeIdentity(number: number, roles: readonly Role[]) {
    const { instanceUuid: identityUuid } = agent(number);
    const described = { kind: IdentityKind.INSTANCE, roles: [...roles], name: '', labels: {}, updateMask: ['roles'] };
    await ask(at, Identities.updateIdentity, { identityUuid, ...described }, asAdmin());
  }

  async function member(number: number) {
    const { instanceUuid: identityUuid } = agent(number);
    await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(number).publicKey }, asAdmin());
    await describeIdentity(number, ['agent']);
    const proof = proofOf(keyOf(number), identityUuid, await ask(at, Identities.challenge, { network: '' }));
    const request = { ...agent(number), ttl: undefined, proof };
    const { instanceSid: sid, sessionToken } = await ask(at, Sessions.session, request);
    return { sid, as: asSession(sessionToken) };
  }

  /** Whether a session ends within some of its TTLs while this call is made again and again. */
  async function endsWithin(ttls: number, sid: number, call: () => Promise<unknown>): Promise<boolean> {
    const untilMs = Date.now() + ttls * TTL_MS;
    while (Date.now() < untilMs) {
      await call().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, GAP_MS));
      const gone = await ask(at, Sessions.getSession, { cvid: sid }, asAdmin()).then(() => undefined, refusalOf);
      if (gone !== undefined) return gone.reason === 'SESSION_NOT_FOUND';
    }
    return false;
  }

  it('keeps a session alive whose identity has a role for it', async () => {
    const { sid, as } = await member(1);
    expect(await endsWithin(4, sid, () => ask(at, Transports.enumerateTransport, NOTHING_SAID, as))).toBe(false);
  });

  it.each([
    ['refused', 2, (as: Metadata) => ask(at, Sessions.keepAlive, {}, as)],
    ['free to all', 3, (as: Metadata) => ask(at, Identities.challenge, { network: '' }, as)],
  ] as const)('is denied to one that has lost its role, while its calls are %s', async (_kind, number, call) => {
    const { sid, as } = await member(number);
    await describeIdentity(number, ['observer']);
    expect(await endsWithin(20, sid, () => call(as))).toBe(true);
  });
});
