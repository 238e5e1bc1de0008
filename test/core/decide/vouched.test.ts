import { describe, expect, it } from '@jest/globals';
import type { AdmitIdentity } from '../../../src/core/model/command.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { IdentityKind, KeyOrigin } from '../../../src/core/model/trust/identity.js';
import { canonical } from '../../../src/core/store/canonical.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import { audit } from '../audit.js';
import { Network, opening } from '../network.js';

const { uuid } = opening(1);
const KEY_ID = 'anna'.padEnd(32, '.');

function admit(fields: Partial<AdmitIdentity> = {}): AdmitIdentity {
  const vouched = { key: 'https://login.example anna', keyId: KEY_ID, origin: KeyOrigin.ISSUER };
  return {
    kind: 'AdmitIdentity',
    uuid,
    identityKind: IdentityKind.PERSON,
    ...vouched,
    roles: ['client'],
    atMs: 5,
    ...fields,
  };
}

describe('an identity that others vouch for', () => {
  it('comes with its first use, and is the same after a restart from a snapshot', () => {
    const network = new Network();
    network.apply(admit());
    const { kind, roles, keys } = network.state.identities.get(uuid)!;
    expect({ kind, roles, keys }).toEqual({
      kind: IdentityKind.PERSON,
      roles: ['client'],
      keys: [{ id: KEY_ID, key: 'https://login.example anna', origin: KeyOrigin.ISSUER, boundAtMs: 5, goodUntilMs: 0 }],
    });
    const restoring = new Restoring(network.state.limits);
    for (const row of rowsOf(capture(network.state))) restoring.add(row);
    expect(canonical(restoring.state)).toBe(canonical(network.state));
  });

  it('gets other roles, keeps them where none are said, and changes nothing where they are the same', () => {
    const network = new Network();
    network.apply(admit());
    expect(network.apply(admit())).toMatchObject({ changes: [] });
    const { roles: _, ...unsaid } = admit();
    expect(network.apply(unsaid)).toMatchObject({ changes: [] });
    network.apply(admit({ roles: ['operator'], identityKind: IdentityKind.SERVICE }));
    expect(network.state.identities.get(uuid)).toMatchObject({ roles: ['operator'], kind: IdentityKind.PERSON });
    network.apply(admit({ roles: [] }));
    expect(network.state.identities.get(uuid)?.roles).toEqual([]);
  });

  it('keeps the roles of its newest token, over a restart from a snapshot, whatever an older one says', () => {
    const network = new Network();
    network.apply(admit({ issuedAtMs: 10, roles: ['operator'] }));
    network.apply(admit({ issuedAtMs: 30, roles: ['operator'] }));
    expect(network.apply(admit({ issuedAtMs: 20 }))).toMatchObject({ changes: [] });
    network.apply(admit({ issuedAtMs: 40, roles: [] }));
    const restoring = new Restoring(network.state.limits);
    for (const row of rowsOf(capture(network.state))) restoring.add(row);
    const restored = new Network({}, restoring.state);
    expect(restored.apply(admit({ issuedAtMs: 39, roles: ['operator'] }))).toMatchObject({ changes: [] });
    expect(restored.state.identities.get(uuid)).toMatchObject({ roles: [], keys: [{ issuedAtMs: 40 }] });
    expect(restored.apply(admit({ issuedAtMs: 40, roles: [] }))).toMatchObject({ changes: [] });
    restored.apply(admit({ roles: ['client'] }));
    expect(restored.state.identities.get(uuid)).toMatchObject({ roles: ['client'], keys: [{ issuedAtMs: 40 }] });
  });

  it('gets no roles by a policy that was replaced meanwhile', () => {
    const network = new Network();
    network.apply(admit({ policyRevision: 0 }));
    expect(network.refused(admit({ policyRevision: 1 }))).toMatchObject({
      reason: 'RATE_LIMITED',
      retryAfterMs: 1_000,
    });
    expect(network.refused(admit({ uuid: opening(2).uuid, policyRevision: 1 })).reason).toBe('RATE_LIMITED');
  });

  it('takes no place of a key, and none that was revoked or whose word was barred', () => {
    const network = new Network();
    const key = { keyId: 'k'.padEnd(32, '.'), key: 'public key' };
    network.open(1, { proven: { identity: uuid, ...key } });
    expect(network.refused(admit()).reason).toBe('PROOF_INVALID');
    const other = opening(2).uuid;
    network.apply({ kind: 'RevokeIdentity', uuid: other });
    expect(network.refused(admit({ uuid: other })).reason).toBe('IDENTITY_REVOKED');
    const third = opening(3).uuid;
    network.apply(admit({ uuid: third }));
    network.apply({ kind: 'BindKey', uuid: third, ...key, atMs: 6 });
    expect(network.refused(admit({ uuid: third })).message).toContain('barred');
  });

  it('takes its place back from a person that has a session of its UUID, and has a session of its own then', () => {
    const network = new Network();
    const squatter = opening(7).uuid;
    network.apply(admit({ uuid: squatter, key: 'https://login.example bert', keyId: 'bert'.padEnd(32, '.') }));
    const proven = { identity: squatter, keyId: 'bert'.padEnd(32, '.') };
    const [held, kept] = [network.open(1, { proven }), network.open(2, { proven })];
    const { changes } = network.apply(admit());
    expect(changes.filter(({ kind }) => kind === 'SessionClosed')).toEqual([
      expect.objectContaining({ reason: CloseReason.REVOKED, session: expect.objectContaining({ sid: held }) }),
    ]);
    expect(network.state.sessions.has(kept)).toBe(true);
    const own = network.open(1, { proven: { identity: uuid, keyId: KEY_ID } });
    expect(network.state.sessions.ofIdentity(uuid).map(({ sid }) => sid)).toEqual([own]);
    expect(audit(network.state)).toEqual([]);
  });

  it('has its session ended when it is revoked', () => {
    const network = new Network();
    network.apply(admit());
    const sid = network.open(1, { proven: { identity: uuid, keyId: KEY_ID } });
    const { changes } = network.apply({ kind: 'RevokeIdentity', uuid });
    expect(changes).toContainEqual(expect.objectContaining({ kind: 'SessionClosed', reason: CloseReason.REVOKED }));
    expect(network.state.sessions.has(sid)).toBe(false);
  });
});
