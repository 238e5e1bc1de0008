import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { systemRandom } from '../../../src/client/system.js';
import { DEFAULT_TRUST_LIMITS, type TrustLimits } from '../../../src/trust/server/limits.js';
import { type ProofMessage, Proofs } from '../../../src/trust/server/proofs.js';
import { type VerifySignature, verifyAtOnce, verifyInThreadPool } from '../../../src/trust/server/signatures.js';
import { BindingKind, ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { SigningKey } from '../../../src/trust/signing-key.js';
import { keyOf, proofOf } from '../proving.js';

const SERVER = '00000000-0000-4000-8000-0000000000ff';
const OTHER_SERVER = '00000000-0000-4000-8000-0000000000fe';
const UUID = '00000000-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';
const LEAF = Buffer.alloc(32, 7);
const AIM = { field: 'proof', purpose: ProofPurpose.SESSION, identityUuid: UUID, instanceUuid: UUID };

interface Setting {
  readonly limits?: Partial<TrustLimits>;
  readonly verify?: VerifySignature;
  readonly serverUuid?: string;
}

function server({ limits, verify = verifyInThreadPool, serverUuid = SERVER }: Setting = {}) {
  const clock = new ManualClock();
  const proofs = new Proofs({
    clock,
    random: systemRandom,
    serverUuid: () => serverUuid,
    leaves: () => [LEAF],
    verify,
    limits: { ...DEFAULT_TRUST_LIMITS, ...limits },
  });
  const challenged = (network?: string) => ({ nonce: proofs.challenge(network), serverUuid });
  const prove = (signed = {}, sent = {}) => proofOf(keyOf(1), UUID, challenged(), signed, sent);
  return { clock, proofs, challenged, prove };
}

async function reasonOf({ proofs }: Pick<ReturnType<typeof server>, 'proofs'>, proof: ProofMessage) {
  return (await proofs.check(proof, AIM))?.reason;
}

describe('a proof', () => {
  it.each([
    ['in the thread pool', verifyInThreadPool],
    ['at once', verifyAtOnce],
  ])('by Ed25519 and by P-256 is good once, and refused when it comes again, verified %s', async (_, verify) => {
    const at = server({ verify });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const p256 = SigningKey.fromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    for (const key of [keyOf(1), p256]) {
      const proof = proofOf(key, UUID, at.challenged());
      expect(await at.proofs.check(proof, AIM)).toBeUndefined();
      expect(await reasonOf(at, proof)).toBe('PROOF_INVALID');
    }
  });

  it('that comes twice at once is good for one of them', async () => {
    const at = server();
    const proof = at.prove();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => reasonOf(at, proof)));
    expect(outcomes.filter((reason) => reason === undefined)).toHaveLength(1);
  });

  it('by P-256 with the other of its two signatures is the same proof', async () => {
    const at = server();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = SigningKey.fromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    const proof = proofOf(key, UUID, at.challenged());
    expect(await at.proofs.check(proof, AIM)).toBeUndefined();
    expect(await reasonOf(at, { ...proof, signature: otherSignature(proof.signature) })).toBe('PROOF_INVALID');
    const fresh = proofOf(key, UUID, at.challenged());
    expect(await at.proofs.check({ ...fresh, signature: otherSignature(fresh.signature) }, AIM)).toBeUndefined();
  });

  it.each([
    ['purpose', { purpose: ProofPurpose.ATTACH }, { purpose: ProofPurpose.SESSION }],
    ['server', { serverUuid: OTHER_SERVER }, {}],
    ['network', { network: 'other' }, {}],
    ['identity', { identityUuid: OTHER }, {}],
    ['instance', { instanceUuid: OTHER }, {}],
    ['key', { keyId: keyOf(2).keyId }, {}],
    ['nonce', { nonce: Buffer.alloc(40) }, {}],
    [
      'kind of binding',
      { bindingKind: BindingKind.TLS_LEAF, binding: LEAF },
      { bindingKind: 0, binding: Buffer.alloc(0) },
    ],
    ['binding', { bindingKind: BindingKind.TLS_LEAF, binding: Buffer.alloc(32, 8) }, { binding: LEAF }],
  ])('signed for another %s is refused', async (_, signed, sent) => {
    const at = server();
    expect(await reasonOf(at, at.prove(signed, sent))).toBe('PROOF_INVALID');
  });

  it('of another purpose than is needed is refused', async () => {
    const at = server();
    expect(await reasonOf(at, at.prove({ purpose: ProofPurpose.ROTATE }))).toBe('PROOF_INVALID');
  });

  it('bound to the own certificate of the server is good, and to any other refused, also by a server without one', async () => {
    const at = server();
    const bound = { bindingKind: BindingKind.TLS_LEAF, binding: LEAF };
    expect(await reasonOf(at, at.prove(bound))).toBeUndefined();
    const seen = { ...bound, binding: Buffer.alloc(32, 9) };
    expect(await reasonOf(at, at.prove(seen))).toBe('PROOF_INVALID');
    const without = new Proofs({
      ...{ clock: at.clock, random: systemRandom, serverUuid: () => SERVER, verify: verifyAtOnce },
      ...{ leaves: () => [], limits: DEFAULT_TRUST_LIMITS },
    });
    const proof = proofOf(keyOf(1), UUID, { nonce: without.challenge(), serverUuid: SERVER }, bound);
    expect(await reasonOf({ proofs: without }, proof)).toBe('PROOF_INVALID');
  });

  it('of a nonce older than a minute, of another start, another server or another network asks for another challenge', async () => {
    const at = server();
    const proof = at.prove();
    at.clock.advance(60_001);
    const stale = await at.proofs.check(proof, AIM);
    expect(stale).toMatchObject({ reason: 'CHALLENGE_EXPIRED', retryAfterMs: 0 });
    for (const other of [server(), server({ serverUuid: OTHER_SERVER })]) {
      expect(await reasonOf(at, proofOf(keyOf(1), UUID, other.challenged()))).toBe('CHALLENGE_EXPIRED');
    }
    expect(await reasonOf(at, proofOf(keyOf(1), UUID, at.challenged('north-sea')))).toBe('CHALLENGE_EXPIRED');
    const nonce = at.proofs.challenge();
    for (let byte = 0; byte < nonce.length; byte++) {
      const bent = Buffer.from(nonce);
      bent[byte] ^= 1;
      expect(await reasonOf(at, proofOf(keyOf(1), UUID, { nonce: bent, serverUuid: SERVER }))).toBe(
        'CHALLENGE_EXPIRED',
      );
    }
  });

  it('with any bit of its signature turned is refused', async () => {
    const at = server({ verify: verifyAtOnce });
    const proof = at.prove();
    for (let byte = 0; byte < proof.signature.length; byte++) {
      const signature = Buffer.from(proof.signature);
      signature[byte] ^= 1 << (byte % 8);
      expect(await reasonOf(at, { ...proof, signature })).toBe('PROOF_INVALID');
    }
    expect(await reasonOf(at, proof)).toBeUndefined();
  });

  it.each<[string, Partial<ProofMessage>, string[]]>([
    ['no purpose', { purpose: 0 }, ['proof.purpose']],
    ['a purpose that nobody knows', { purpose: 9 }, ['proof.purpose']],
    ['a nonce cut short', { nonce: Buffer.alloc(39) }, ['proof.nonce']],
    ['no key', { publicKey: Buffer.alloc(0) }, ['proof.public_key']],
    ['a key cut short', { publicKey: keyOf(1).publicKey.subarray(0, 43) }, ['proof.public_key']],
    ['a key of small order', { publicKey: smallOrder() }, ['proof.public_key']],
    ['a signature cut short', { signature: Buffer.alloc(63) }, ['proof.signature']],
    ['no signature', { signature: Buffer.alloc(0) }, ['proof.signature']],
    ['a binding without its kind', { binding: LEAF }, ['proof.binding']],
    ['a kind without its binding', { bindingKind: 1 }, ['proof.binding']],
    ['a kind of binding that nobody knows', { bindingKind: 7 }, ['proof.binding_kind']],
    ['several mistakes', { purpose: 0, nonce: Buffer.alloc(0) }, ['proof.purpose', 'proof.nonce']],
  ])('with %s is refused by its fields', async (_, sent, fields) => {
    const at = server();
    const fault = await at.proofs.check(at.prove({}, sent as never), AIM);
    expect(fault?.reason).toBe('FIELD_INVALID');
    expect(fault?.violations.map(({ field }) => field)).toEqual(fields);
  });

  it('is refused, and not let through, while as many as may be remembered were taken; the oldest make room', async () => {
    const at = server({ limits: { usedMax: 3 }, verify: verifyAtOnce });
    for (let taken = 0; taken < 3; taken++) expect(await reasonOf(at, at.prove())).toBeUndefined();
    expect(await reasonOf(at, at.prove())).toBe('RATE_LIMITED');
    at.clock.advance(60_001);
    expect(await reasonOf(at, at.prove())).toBeUndefined();
  });

  it('waits while as many are verified as may be, and is refused when too many wait', async () => {
    const started: (() => void)[] = [];
    let [running, most] = [0, 0];
    const verify: VerifySignature = async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => started.push(resolve));
      running--;
      return true;
    };
    const at = server({ verify, limits: { verifyingMax: 2, waitingMax: 3 } });
    const asked = Array.from({ length: 7 }, () => reasonOf(at, at.prove()));
    expect(await Promise.race(asked.slice(5))).toBe('RATE_LIMITED');
    const release = setInterval(() => started.shift()?.(), 1);
    const outcomes = await Promise.all(asked);
    clearInterval(release);
    expect(outcomes.filter((reason) => reason === 'RATE_LIMITED')).toHaveLength(2);
    expect(outcomes.filter((reason) => reason === undefined)).toHaveLength(5);
    expect(most).toBe(2);
  });
});

/** A key that needs no private one: its point is the neutral element. */
function smallOrder(): Buffer {
  const key = Buffer.from(keyOf(1).publicKey);
  key.fill(0, 12);
  key[12] = 1;
  return key;
}

/** Of (r, s), the signature (r, n - s), which verifies as well. */
function otherSignature(der: Uint8Array): Buffer {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const bytes = Buffer.from(der);
  const rLength = bytes[3];
  const r = bytes.subarray(4, 4 + rLength);
  const s = BigInt(`0x${bytes.subarray(6 + rLength).toString('hex')}`);
  let other = Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex');
  while (other[0] === 0 && other[1] < 0x80) other = other.subarray(1);
  if (other[0] >= 0x80) other = Buffer.concat([Buffer.of(0), other]);
  const body = Buffer.concat([Buffer.of(2, rLength), r, Buffer.of(2, other.length), other]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}
