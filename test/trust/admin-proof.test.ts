import { describe, expect, it } from '@jest/globals';
import { adminProof, isAdminProof } from '../../src/trust/admin-proof.js';

const TOKEN = 'a-token-of-many-letters';
const nonce = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
const binding = nonce.map((byte) => byte + 100);
const serverUuid = '11111111-2222-4333-8444-555555555555';

describe("the proof that a server knows the administrator's token", () => {
  // Made with the hmac module of Python's standard library.
  it.each([
    ['in plain text', undefined, '21fa1308828b1b13ffccdbf165c0ca1607cb02b3f3d9d532b7d6e5fe9d5adcb3'],
    ['over TLS', binding, '874bf63d41ecb578e4c9d42c3a43513eb27c26fb36402f9112c9e4abf7ed7dc1'],
  ])('is the HMAC that the proto describes, %s', (_, binding, hex) => {
    expect(adminProof(TOKEN, { serverUuid, nonce, binding }).toString('hex')).toBe(hex);
  });

  it('is not that of another token, server, nonce or certificate, and not one of another length', () => {
    const content = { serverUuid, nonce, binding };
    const proof = adminProof(TOKEN, content);
    expect(isAdminProof(proof, TOKEN, content)).toBe(true);
    expect(isAdminProof(proof, `${TOKEN}s`, content)).toBe(false);
    expect(isAdminProof(proof, TOKEN, { ...content, serverUuid: serverUuid.replace('1', '2') })).toBe(false);
    expect(isAdminProof(proof, TOKEN, { ...content, nonce: binding })).toBe(false);
    expect(isAdminProof(proof, TOKEN, { ...content, binding: nonce })).toBe(false);
    expect(isAdminProof(proof, TOKEN, { ...content, binding: undefined })).toBe(false);
    expect(isAdminProof(proof.subarray(1), TOKEN, content)).toBe(false);
    expect(isAdminProof(Buffer.concat([proof, proof]), TOKEN, content)).toBe(false);
  });
});
