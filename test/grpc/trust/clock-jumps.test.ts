import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  IdentityServiceService as Identities,
  IdentityKind,
  IssueTicketRequest,
} from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { systemClock } from '../../../src/client/system.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { makeMember } from '../../trust/members.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { agent, asAdmin, ask, type Running, refused, run } from '../running.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEARS_MS = 10 * 365 * DAY_MS;

describe('a server whose wall clock jumps', () => {
  /** By how much it is wrong. */
  let wrongMs = 0;
  /** By how much time has really passed that nobody waits for. */
  let passedMs = 0;
  let at: Running;
  let next = 1;

  beforeAll(async () => {
    const clock = {
      ...systemClock,
      wallMs: () => systemClock.wallMs() + wrongMs,
      nowMs: () => systemClock.nowMs() + passedMs,
    };
    at = await run({ auth: 'required' }, { clock });
  });
  afterEach(() => {
    wrongMs = 0;
  });
  afterAll(() => at.stop());

  const challenge = () => ask(at, Identities.challenge, { network: '' });

  /** An identity with a key that may open sessions. */
  async function identity(): Promise<number> {
    const number = next++;
    await makeMember(at, { number, roles: ['agent'] });
    return number;
  }

  async function open(number: number, key = keyOf(number)) {
    const proof = proofOf(key, agent(number).instanceUuid, await challenge());
    return ask(at, Sessions.session, { ...agent(number), proof });
  }

  it.each([
    ['ten years ahead', YEARS_MS],
    ['ten years back', -YEARS_MS],
  ])('takes a proof over a challenge from before a jump of %s, once', async (_where, jumpMs) => {
    const number = await identity();
    const proof = proofOf(keyOf(number), agent(number).instanceUuid, await challenge());
    wrongMs = jumpMs;
    await ask(at, Sessions.session, { ...agent(number), proof });
    // It is remembered over the way back, too.
    wrongMs = 0;
    const again = await refused(ask(at, Sessions.session, { ...agent(number), proof }));
    expect(again.reason).toBe('PROOF_INVALID');
    await open(number);
  });

  it('ends a challenge after a minute by no wall clock, though that is set back meanwhile', async () => {
    const number = await identity();
    const proof = proofOf(keyOf(number), agent(number).instanceUuid, await challenge());
    passedMs += 61_000;
    wrongMs = -61_000;
    expect((await refused(ask(at, Sessions.session, { ...agent(number), proof }))).reason).toBe('CHALLENGE_EXPIRED');
    await open(number);
  });

  it('says its time in Challenge, so that a client can tell who of the two is wrong', async () => {
    wrongMs = YEARS_MS;
    const { serverTime } = await challenge();
    expect(Math.abs(serverTime!.getTime() - Date.now() - YEARS_MS)).toBeLessThan(HOUR_MS);
  });

  it('ends the older key of a rotation by its wall clock, and never the newest one', async () => {
    const number = await identity();
    const [older, newer] = [keyOf(number), keyOf(number + 1_000)];
    const { instanceUuid: uuid } = agent(number);
    const rotate = { purpose: ProofPurpose.ROTATE };
    const oldProof = proofOf(older, uuid, await challenge(), rotate);
    const newProof = proofOf(newer, uuid, await challenge(), rotate);
    await ask(at, Identities.rotateKey, { oldProof, newProof });
    await open(number, older);
    wrongMs = DAY_MS + HOUR_MS;
    expect((await refused(open(number, older))).reason).toBe('PROOF_INVALID');
    await open(number, newer);
    // As docs/security.md says: a clock that is set back makes the older one good for longer.
    wrongMs = -YEARS_MS;
    await open(number, older);
    await open(number, newer);
    wrongMs = YEARS_MS;
    expect((await refused(open(number, older))).reason).toBe('PROOF_INVALID');
    await open(number, newer);
  });

  it('ends a ticket by its wall clock, and an enrolment by it keeps its place over every jump', async () => {
    const wanted = { roles: ['agent'], uses: 2, kind: IdentityKind.INSTANCE, addresses: ['hub:1'] };
    const issued = await ask(at, Identities.issueTicket, IssueTicketRequest.fromPartial(wanted), asAdmin());
    const secret = Buffer.from(decodeTicket(issued.text).secret);
    const enroll = async (number: number, uuid: string) => {
      const proof = proofOf(keyOf(number), uuid, await challenge(), { purpose: ProofPurpose.ENROLL });
      return ask(at, Identities.enroll, { secret, proof, name: '' });
    };
    const number = next++;
    const { identity: first } = await enroll(number, agent(number).instanceUuid);
    wrongMs = DAY_MS + HOUR_MS;
    expect((await refused(enroll(500, randomUUID()))).reason).toBe('TICKET_INVALID');
    // The same device again gets its answer, whatever the clock says.
    expect((await enroll(number, agent(number).instanceUuid)).identity).toEqual(first);
    for (const jumpMs of [YEARS_MS, -YEARS_MS, 0]) {
      wrongMs = jumpMs;
      await open(number);
    }
  });

  it('ends an access token after an hour that has passed, and not by a jump', async () => {
    const number = next++;
    const { as } = await makeMember(at, { number, roles: ['observer'] });
    for (const jumpMs of [YEARS_MS, -YEARS_MS, 0]) {
      wrongMs = jumpMs;
      await ask(at, Identities.whoAmI, {}, as);
    }
    passedMs += HOUR_MS + 1_000;
    wrongMs = -2 * HOUR_MS;
    expect((await refused(ask(at, Identities.whoAmI, {}, as))).reason).toBe('AUTH_REQUIRED');
  });
});
