import { describe, expect, it } from '@jest/globals';
import { CloseReason } from '../../../src/core/model/session.js';
import type { ProvenKey } from '../../../src/core/model/trust/identity.js';
import { canonical } from '../../../src/core/store/canonical.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import { Network, opening } from '../network.js';

const UUID = opening(1).uuid;
const DAY_MS = 86_400_000;

/** A key of tests, as the core knows keys: it verifies nothing. */
function key(name: string) {
  return { id: name.padEnd(32, '.'), key: `public key ${name}` };
}

/** What somebody proves who has that key. */
function proven(name: string, identity = UUID): ProvenKey {
  const { id, key: bytes } = key(name);
  return { identity, keyId: id, key: bytes };
}

function bind(name: string, atMs = 5) {
  const { id, key: bytes } = key(name);
  return { kind: 'BindKey', uuid: UUID, key: bytes, keyId: id, atMs } as const;
}

function rotate(from: string, to: string, atMs = 10, goodUntilMs = atMs + DAY_MS) {
  const { id, key: bytes } = key(to);
  return {
    kind: 'RotateKey',
    uuid: UUID,
    oldKeyId: key(from).id,
    key: bytes,
    keyId: id,
    atMs,
    goodUntilMs,
  } as const;
}

/** The identity's keys by name, with until when each is good. */
function keysOf({ state }: Network): Record<string, number> {
  const keys = state.identities.get(UUID)?.keys ?? [];
  return Object.fromEntries(keys.map(({ id, goodUntilMs }) => [id.replaceAll('.', ''), goodUntilMs]));
}

describe('opening a session', () => {
  it('binds the first key that an instance shows', () => {
    const network = new Network();
    const sid = network.open(1, { proven: proven('a') });
    expect(network.state.sessions.get(sid)?.keyId).toBe(key('a').id);
    expect(keysOf(network)).toEqual({ a: 0 });
  });

  it('of a bound instance without a proof, or with another key, is refused and leaves the session that stands', () => {
    const network = new Network();
    const sid = network.open(1, { proven: proven('a') });
    expect(network.refused(opening(1)).reason).toBe('PROOF_INVALID');
    expect(network.refused(opening(1, { proven: proven('b') })).reason).toBe('PROOF_INVALID');
    expect(network.state.sessions.ofInstance(UUID)?.sid).toBe(sid);
    const { keyId, identity } = proven('a');
    expect(network.open(1, { proven: { keyId, identity } })).not.toBe(sid);
  });

  it('of an instance that has never shown a key needs none, and a first key supersedes that session', () => {
    const network = new Network();
    const first = network.open(1);
    const second = network.open(1);
    const third = network.open(1, { proven: proven('a') });
    expect(new Set([first, second, third]).size).toBe(3);
    expect(network.state.sessions.count).toBe(1);
    expect(network.refused(opening(1)).reason).toBe('PROOF_INVALID');
  });

  it('with a proof of another identity is refused', () => {
    const network = new Network();
    const other = proven('a', opening(2).uuid);
    expect(network.refused(opening(1, { proven: other })).reason).toBe('IDENTITY_MISMATCH');
    expect(network.state.identities.count).toBe(0);
  });

  it('of two in one batch that show two first keys binds the earlier alone', () => {
    const network = new Network();
    expect(network.wouldChange(opening(1, { proven: proven('a') }))).toContain('IdentityPut');
    expect(network.wouldChange(opening(1, { proven: proven('b') }))).toContain('IdentityPut');
    network.open(1, { proven: proven('a') });
    expect(network.refused(opening(1, { proven: proven('b') })).reason).toBe('PROOF_INVALID');
    expect(keysOf(network)).toEqual({ a: 0 });
  });

  it('by a key that was forgotten meanwhile is refused where the key itself is not in the command', () => {
    const network = new Network();
    const { keyId, identity } = proven('a');
    expect(network.refused(opening(1, { proven: { keyId, identity } })).reason).toBe('PROOF_INVALID');
  });

  it('that is refused for want of a SID binds nothing', () => {
    const network = new Network({ sidBaseMax: 1 });
    network.open(2);
    expect(network.refused(opening(1, { proven: proven('a') })).reason).toBe('SID_EXHAUSTED');
    expect(network.state.identities.count).toBe(0);
  });
});

describe('BindKey', () => {
  it('ends the session that the old key opened and bars that key, in one revision', () => {
    const network = new Network();
    const sid = network.open(1, { proven: proven('squatter') });
    const { changes } = network.apply(bind('owner'));
    expect(changes.at(-2)).toMatchObject({ kind: 'SessionClosed', reason: CloseReason.REVOKED });
    expect(network.state.ended.get(sid)).toBe(CloseReason.REVOKED);
    expect(network.refused(opening(1, { proven: proven('squatter') })).reason).toBe('PROOF_INVALID');
    expect(network.state.identities.get(UUID)?.barred).toEqual([key('squatter').id]);
    network.open(1, { proven: proven('owner') });
  });

  it('ends a session that was opened without a key', () => {
    const network = new Network();
    network.open(1);
    network.apply(bind('owner'));
    expect(network.state.sessions.count).toBe(0);
  });

  it('leaves the session that the very key opened, and changes nothing the second time', () => {
    const network = new Network();
    network.apply(bind('owner'));
    network.open(1, { proven: proven('owner') });
    expect(network.wouldChange(bind('owner'))).toEqual([]);
    network.apply(rotate('owner', 'next'));
    network.apply(bind('owner'));
    expect(network.state.sessions.count).toBe(1);
  });

  it('takes a bar back from the key that it binds, and remembers the last 16', () => {
    const network = new Network();
    for (let round = 0; round < 20; round++) network.apply(bind(`k${round}`));
    network.apply(bind('k10'));
    const barred = network.state.identities.get(UUID)!.barred.map((id) => id.replaceAll('.', ''));
    expect(barred).toHaveLength(16);
    expect(barred).not.toContain('k10');
    expect(barred.at(-1)).toBe('k19');
    expect(keysOf(network)).toEqual({ k10: 0 });
  });
});

describe('RotateKey', () => {
  it('leaves the older key good until a time, and then the new one alone', () => {
    const network = new Network();
    network.open(1, { proven: proven('a') });
    network.apply(rotate('a', 'b', 10, 1_000));
    expect(keysOf(network)).toEqual({ a: 1_000, b: 0 });
    network.open(1, { proven: proven('a'), atMs: 999 });
    network.open(1, { proven: proven('b'), atMs: 999 });
    expect(network.refused(opening(1, { proven: proven('a'), atMs: 1_000 })).reason).toBe('PROOF_INVALID');
    network.open(1, { proven: proven('b'), atMs: 1_000 });
  });

  it('to the key that is the newest changes nothing, so that it may be repeated', () => {
    const network = new Network();
    network.open(1, { proven: proven('a') });
    network.apply(rotate('a', 'b'));
    expect(network.wouldChange(rotate('a', 'b'))).toEqual([]);
    expect(network.wouldChange(rotate('b', 'b'))).toEqual([]);
  });

  it('keeps four keys at most, and makes no old key good for longer', () => {
    const network = new Network();
    network.open(1, { proven: proven('a') });
    network.apply(rotate('a', 'b', 10, 500));
    network.apply(rotate('b', 'c', 20, 9_000));
    network.apply(rotate('c', 'd', 30, 9_000));
    expect(keysOf(network)).toEqual({ a: 500, b: 9_000, c: 9_000, d: 0 });
    network.apply(rotate('d', 'e', 40, 9_000));
    expect(keysOf(network)).toEqual({ b: 9_000, c: 9_000, d: 9_000, e: 0 });
  });

  it.each([
    ['of an identity that is not there', 'IDENTITY_NOT_FOUND', () => new Network()],
    ['by a key that it does not have', 'PROOF_INVALID', () => bound('z')],
    ['to a barred key', 'PROOF_INVALID', () => bound('b', 'a')],
    ['of a revoked identity', 'IDENTITY_REVOKED', () => revoked('a')],
  ])('%s is refused as %s', (_, reason, make) => {
    expect(make().refused(rotate('a', 'b')).reason).toBe(reason);
  });

  function bound(...names: string[]): Network {
    const network = new Network();
    for (const name of names) network.apply(bind(name));
    return network;
  }

  function revoked(name: string): Network {
    const network = bound(name);
    network.apply({ kind: 'RevokeIdentity', uuid: UUID });
    return network;
  }
});

describe('ForgetKey and RevokeIdentity', () => {
  it('a forgotten identity is as one that was never there, and what its key opened ends', () => {
    const network = new Network();
    const sid = network.open(1, { proven: proven('a') });
    network.apply({ kind: 'ForgetKey', uuid: UUID });
    expect(network.state.ended.get(sid)).toBe(CloseReason.REVOKED);
    expect(network.state.identities.count).toBe(0);
    network.open(1, { proven: proven('b') });
    expect(network.refused({ kind: 'ForgetKey', uuid: opening(2).uuid }).reason).toBe('IDENTITY_NOT_FOUND');
  });

  it('a revoked identity opens no session, by any key or none, until an administrator binds one', () => {
    const network = new Network();
    const sid = network.open(1, { proven: proven('a') });
    network.apply({ kind: 'RevokeIdentity', uuid: UUID });
    expect(network.state.ended.get(sid)).toBe(CloseReason.REVOKED);
    for (const one of [opening(1), opening(1, { proven: proven('a') }), opening(1, { proven: proven('b') })]) {
      expect(network.refused(one).reason).toBe('IDENTITY_REVOKED');
    }
    expect(network.wouldChange({ kind: 'RevokeIdentity', uuid: UUID })).toEqual([]);
    network.apply(bind('b'));
    network.open(1, { proven: proven('b') });
    expect(network.refused(opening(1, { proven: proven('a') })).reason).toBe('PROOF_INVALID');
  });

  it('a UUID that has never shown a key is revoked as well', () => {
    const network = new Network();
    const sid = network.open(1);
    network.apply({ kind: 'RevokeIdentity', uuid: UUID });
    expect(network.state.ended.get(sid)).toBe(CloseReason.REVOKED);
    expect(network.refused(opening(1)).reason).toBe('IDENTITY_REVOKED');
  });
});

describe('identities in a snapshot', () => {
  it('come back as they were, and their numbers are never given twice', () => {
    const network = new Network();
    for (let instance = 1; instance <= 5; instance++) {
      network.open(instance, { proven: proven(`k${instance}`, opening(instance).uuid) });
    }
    network.apply(rotate('k1', 'next'));
    network.apply({ kind: 'RevokeIdentity', uuid: opening(2).uuid });
    network.apply({ kind: 'ForgetKey', uuid: opening(5).uuid });
    const restoring = new Restoring(network.state.limits);
    for (const row of rowsOf(capture(network.state))) restoring.add(row);
    expect(canonical(restoring.state)).toBe(canonical(network.state));
    const restored = new Network({}, restoring.state);
    for (const one of [network, restored]) {
      one.open(6, { proven: proven('k6', opening(6).uuid) });
      expect(one.state.identities.get(opening(6).uuid)?.number).toBe(6);
      expect([...one.state.identities.after(1)].map(({ number }) => number)).toEqual([2, 3, 4, 6]);
    }
    expect(canonical(restored.state)).toBe(canonical(network.state));
  });
});

describe('an identity that an administrator describes', () => {
  function described(): Network {
    const network = new Network();
    network.open(1, { proven: proven('a') });
    network.open(2, { proven: proven('b', opening(2).uuid) });
    return network;
  }

  it('has the roles, name, labels and kind that were given, and no others change', () => {
    const network = described();
    expect(network.state.identities.get(UUID)).toMatchObject({ kind: 1, roles: [], name: '', labels: {} });
    network.apply({
      kind: 'UpdateIdentity',
      uuid: UUID,
      roles: ['agent', 'client'],
      name: 'boat-7',
      labels: { site: 'Kiel' },
    });
    network.apply({ kind: 'UpdateIdentity', uuid: UUID, roles: ['agent'] });
    network.apply({ kind: 'UpdateIdentity', uuid: UUID, identityKind: 3 });
    const expected = { kind: 3, roles: ['agent'], name: 'boat-7', labels: { site: 'Kiel' }, revoked: false };
    expect(network.state.identities.get(UUID)).toMatchObject(expected);
    expect(keysOf(network)).toEqual({ a: 0 });
  });

  it('changes nothing when all is so already', () => {
    const network = described();
    const command = { kind: 'UpdateIdentity', uuid: UUID, roles: ['agent'], name: 'boat', labels: { x: 'y' } } as const;
    expect(network.wouldChange(command)).toEqual(['IdentityPut']);
    network.apply(command);
    expect(network.wouldChange(command)).toEqual([]);
    expect(network.wouldChange({ ...command, labels: { x: 'z' } })).toEqual(['IdentityPut']);
    expect(network.wouldChange({ ...command, labels: {} })).toEqual(['IdentityPut']);
  });

  it('cannot have the name of another, until that one has it no more', () => {
    const network = described();
    const other = opening(2).uuid;
    network.apply({ kind: 'UpdateIdentity', uuid: UUID, name: 'boat' });
    const refused = network.refused({ kind: 'UpdateIdentity', uuid: other, name: 'boat' });
    expect(refused.violations).toEqual([
      { field: 'name', description: `boat is identity ${UUID}; a name is unique in its network` },
    ]);
    network.apply({ kind: 'UpdateIdentity', uuid: UUID, name: 'ship' });
    network.apply({ kind: 'UpdateIdentity', uuid: other, name: 'boat' });
    expect(network.state.identities.named('boat')?.uuid).toBe(other);
    network.apply({ kind: 'ForgetKey', uuid: other });
    expect(network.state.identities.named('boat')).toBeUndefined();
    network.apply({ kind: 'UpdateIdentity', uuid: UUID, name: 'boat' });
    network.apply({ kind: 'UpdateIdentity', uuid: UUID, name: '' });
    expect(network.state.identities.named('boat')).toBeUndefined();
    expect(network.state.identities.named('ship')).toBeUndefined();
  });

  it('has to be there', () => {
    const refused = new Network().refused({ kind: 'UpdateIdentity', uuid: UUID, roles: ['agent'] });
    expect(refused.reason).toBe('IDENTITY_NOT_FOUND');
  });

  it('keeps its roles, name and labels when its key is replaced or it is revoked', () => {
    const network = described();
    network.apply({ kind: 'UpdateIdentity', uuid: UUID, roles: ['agent'], name: 'boat', labels: { ä: 'ö' } });
    network.apply(bind('c'));
    network.apply({ kind: 'RevokeIdentity', uuid: UUID });
    const expected = { roles: ['agent'], name: 'boat', labels: { ä: 'ö' }, revoked: true };
    expect(network.state.identities.get(UUID)).toMatchObject(expected);
  });

  it('is the same after a snapshot, and is found by its name there', () => {
    const network = described();
    network.apply({
      kind: 'UpdateIdentity',
      uuid: UUID,
      roles: ['agent', 'x'],
      name: 'boat',
      labels: { a: 'b', c: '' },
    });
    const restoring = new Restoring(network.state.limits);
    for (const row of rowsOf(capture(network.state))) restoring.add(row);
    expect(canonical(restoring.state)).toBe(canonical(network.state));
    expect(restoring.state.identities.named('boat')).toEqual(network.state.identities.get(UUID));
  });

  it('goes on with the sessions that it has', () => {
    const network = described();
    const { sid } = network.state.sessions.ofInstance(UUID)!;
    network.apply({ kind: 'UpdateIdentity', uuid: UUID, roles: [], name: 'other' });
    expect(network.state.sessions.ofInstance(UUID)?.sid).toBe(sid);
  });
});
