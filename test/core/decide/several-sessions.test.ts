import { describe, expect, it } from '@jest/globals';
import { SEED } from '../../../harness/seed.js';
import { SeededRandom } from '../../../harness/simulation/machine/random.js';
import { apply } from '../../../src/core/decide/apply.js';
import type { Change } from '../../../src/core/model/change.js';
import { LinkType } from '../../../src/core/model/link.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { IDENTITY_BOUNDS, IdentityKind, type ProvenKey } from '../../../src/core/model/trust/identity.js';
import { canonical } from '../../../src/core/store/canonical.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import { audit } from '../audit.js';
import { creating, Network, opening } from '../network.js';

const PERSON = opening(900).uuid;
const OTHER = opening(901).uuid;
const { sessionsMax } = IDENTITY_BOUNDS;

function keyOf(uuid: string, name = 'a') {
  return { keyId: `${name} of ${uuid.slice(-12)}`.padEnd(32, '.'), key: `public key ${name} of ${uuid}` };
}

function proven(identity = PERSON, name = 'a'): ProvenKey {
  return { identity, ...keyOf(identity, name) };
}

/** A network with a person, whose key an administrator has bound. */
function withPerson(kind: IdentityKind = IdentityKind.PERSON, uuid = PERSON, network = new Network()): Network {
  network.apply({ kind: 'BindKey', uuid, ...keyOf(uuid), atMs: 1 });
  network.apply({ kind: 'UpdateIdentity', uuid, identityKind: kind, roles: ['client'] });
  return network;
}

function closedOf(changes: readonly Change[]) {
  return changes.flatMap((change) =>
    change.kind === 'SessionClosed' ? [{ sid: change.session.sid, reason: change.reason }] : [],
  );
}

const revoked = (...sids: number[]) => sids.map((sid) => ({ sid, reason: CloseReason.REVOKED }));

describe('the sessions of a person', () => {
  it.each([
    ['person', IdentityKind.PERSON],
    ['service', IdentityKind.SERVICE],
  ] as const)('live side by side, one for each instance that a %s has drawn', (_name, kind) => {
    const network = withPerson(kind);
    const sids = [1, 2, 3].map((instance) => network.open(instance, { proven: proven() }));
    expect(network.state.sessions.ofIdentity(PERSON).map(({ sid }) => sid)).toEqual([...sids].sort((x, y) => x - y));
    expect(network.state.sessions.get(sids[0])).toMatchObject({ identity: PERSON, keyId: keyOf(PERSON).keyId });
    expect(network.state.identities.count).toBe(1);
    expect(audit(network.state)).toEqual([]);
  });

  it('supersede the one of the same instance, and no other', () => {
    const network = withPerson();
    const [first, kept] = [network.open(1, { proven: proven() }), network.open(2, { proven: proven() })];
    const { changes } = network.apply(opening(1, { proven: proven() }));
    expect(closedOf(changes)).toEqual([{ sid: first, reason: CloseReason.SUPERSEDED }]);
    expect(network.state.sessions.has(kept)).toBe(true);
  });

  it(`are ${sessionsMax} at most, that of the own UUID among them, and one that ends makes room`, () => {
    const network = withPerson();
    const sid = network.open(900, { proven: proven() });
    for (let instance = 1; instance < sessionsMax; instance++) network.open(instance, { proven: proven() });
    const refused = network.refused(opening(sessionsMax, { proven: proven() }));
    expect(refused).toMatchObject({ reason: 'SESSION_LIMIT', message: '32 sessions of one identity are the limit' });
    network.open(1, { proven: proven() });
    network.close(sid);
    network.open(sessionsMax, { proven: proven() });
    expect(network.refused(opening(900, { proven: proven() })).reason).toBe('SESSION_LIMIT');
  });

  it('are refused to an instance, to an unknown identity, with another key and with a barred one', () => {
    const network = withPerson(IdentityKind.INSTANCE);
    expect(network.refused(opening(1, { proven: proven() })).reason).toBe('IDENTITY_MISMATCH');
    expect(network.refused(opening(1, { proven: proven(OTHER) })).reason).toBe('IDENTITY_MISMATCH');
    withPerson(IdentityKind.PERSON, OTHER, network);
    expect(network.refused(opening(1, { proven: proven(OTHER, 'b') })).reason).toBe('PROOF_INVALID');
    network.apply({ kind: 'RevokeIdentity', uuid: OTHER });
    expect(network.refused(opening(1, { proven: proven(OTHER) })).reason).toBe('IDENTITY_REVOKED');
  });

  it('never take the instance of an identity, nor of the session of another person', () => {
    const network = withPerson();
    withPerson(IdentityKind.PERSON, OTHER, network);
    network.open(1, { proven: proven(opening(1).uuid) });
    expect(network.refused(opening(1, { proven: proven() })).reason).toBe('IDENTITY_MISMATCH');
    expect(network.refused(opening(901, { proven: proven() })).reason).toBe('IDENTITY_MISMATCH');
    const sid = network.open(2, { proven: proven(OTHER) });
    expect(network.refused(opening(2, { proven: proven() })).reason).toBe('IDENTITY_MISMATCH');
    expect(network.state.sessions.has(sid)).toBe(true);
  });

  it('keep their instances from everybody while they live, and from nobody afterwards', () => {
    const network = withPerson();
    const sid = network.open(1, { proven: proven() });
    const taken = opening(1).uuid;
    expect(network.refused(opening(1)).reason).toBe('IDENTITY_MISMATCH');
    expect(network.refused(opening(1, { proven: proven(taken) })).reason).toBe('IDENTITY_MISMATCH');
    const ticket = { hash: 'h'.repeat(32), issuer: '', uses: 3, expiresAtMs: 1e15, roles: ['agent'], names: '' };
    const plain = { ...ticket, identityKind: IdentityKind.INSTANCE, forUuid: '', atMs: 1 };
    network.apply({ kind: 'IssueTicket', ...plain });
    const enrolling = {
      kind: 'Enroll',
      ticketHash: ticket.hash,
      uuid: taken,
      ...keyOf(taken),
      name: '',
      atMs: 2,
    } as const;
    expect(network.refused(enrolling).reason).toBe('IDENTITY_MISMATCH');
    expect(network.state.sessions.has(sid)).toBe(true);
    network.close(sid);
    network.apply(enrolling);
  });

  it('end where an administrator makes their instance an identity: by a key, a revocation, or a ticket for it', () => {
    const network = withPerson();
    const sids = [1, 2, 3].map((instance) => network.open(instance, { proven: proven() }));
    const [one, two, three] = [1, 2, 3].map((instance) => opening(instance).uuid);
    const bound = network.apply({ kind: 'BindKey', uuid: one, ...keyOf(PERSON), atMs: 3 });
    expect(closedOf(bound.changes)).toEqual(revoked(sids[0]));
    expect(closedOf(network.apply({ kind: 'RevokeIdentity', uuid: two }).changes)).toEqual(revoked(sids[1]));
    const ticket = { hash: 'h'.repeat(32), issuer: '', uses: 1, expiresAtMs: 1e15, roles: ['agent'], names: '' };
    const plain = { ...ticket, identityKind: IdentityKind.INSTANCE, forUuid: three, atMs: 1 };
    network.apply({ kind: 'IssueTicket', ...plain });
    const enrolling = { ticketHash: ticket.hash, uuid: three, ...keyOf(three), name: '', atMs: 2 };
    expect(closedOf(network.apply({ kind: 'Enroll', ...enrolling }).changes)).toEqual(revoked(sids[2]));
    expect(audit(network.state)).toEqual([]);
  });

  it('all end in one revision when the identity is revoked, or forgotten', () => {
    for (const kind of ['RevokeIdentity', 'ForgetKey'] as const) {
      const network = withPerson();
      const sids = [1, 2, 900].map((instance) => network.open(instance, { proven: proven() }));
      const stays = network.open(4);
      const { changes } = network.apply({ kind, uuid: PERSON });
      expect(closedOf(changes)).toEqual(revoked(...[...sids].sort((x, y) => x - y)));
      expect(network.state.sessions.ofIdentity(PERSON)).toEqual([]);
      expect(network.state.sessions.has(stays)).toBe(true);
    }
  });

  it('end with another key when the identity gets one key, and stay with that key', () => {
    const network = withPerson();
    const next = keyOf(PERSON, 'b');
    const rotated = { uuid: PERSON, oldKeyId: keyOf(PERSON).keyId, ...next, atMs: 2, goodUntilMs: 1e9 };
    const old = [1, 2].map((instance) => network.open(instance, { proven: proven() }));
    network.apply({ kind: 'RotateKey', ...rotated });
    const kept = network.open(3, { proven: proven(PERSON, 'b') });
    const { changes } = network.apply({ kind: 'BindKey', uuid: PERSON, ...next, atMs: 3 });
    expect(closedOf(changes)).toEqual(revoked(...[...old].sort((x, y) => x - y)));
    expect(network.state.sessions.has(kept)).toBe(true);
  });

  it('but for that of its own UUID end when the person becomes an instance', () => {
    const network = withPerson();
    const [own, other] = [900, 1].map((instance) => network.open(instance, { proven: proven() }));
    const update = { kind: 'UpdateIdentity', uuid: PERSON, identityKind: IdentityKind.INSTANCE } as const;
    expect(closedOf(network.apply(update).changes)).toEqual(revoked(other));
    expect(network.state.sessions.has(own)).toBe(true);
  });

  it('are the same after a snapshot', () => {
    const network = withPerson();
    for (const instance of [1, 2]) network.open(instance, { proven: proven() });
    const restoring = new Restoring(network.state.limits);
    for (const row of rowsOf(capture(network.state))) restoring.add(row);
    expect(canonical(restoring.state)).toBe(canonical(network.state));
    expect(audit(restoring.state)).toEqual([]);
    const again = new Network({}, restoring.state);
    expect(closedOf(again.apply({ kind: 'RevokeIdentity', uuid: PERSON }).changes)).toHaveLength(2);
  });
});

/** Links, reports, streams and connections at random, among these sessions. */
function entangle({ state }: Network, sids: readonly number[], random: SeededRandom): void {
  const draw = (end: number) => random.below(end);
  const any = () => sids[draw(sids.length)];
  for (let step = 0; step < 60; step++) {
    const [sid, peer] = [any(), any()];
    const link = draw(2) === 0 ? LinkType.TRANSPORT_TCP : LinkType.TRANSPORT_UDP;
    const what = draw(3);
    const gathered = { candidates: [], publicKey: '', roundTripMs: 0, relayVersion: 3 };
    const asked = {
      host: '',
      port: 0,
      nonce: 'n'.repeat(16),
      atMs: 1,
      deadlineMs: 1_000,
      relayed: 0,
      fallback: 1,
    } as const;
    if (what === 0) apply(state, { kind: 'ReportLink', sid, peer, link, established: draw(5) > 0 });
    else if (what === 1)
      apply(
        state,
        creating(
          sid,
          [...new Set([peer, any(), any()])].filter((sink) => sink !== sid),
        ),
      );
    else apply(state, { kind: 'AskConnection', sid, peer, link, ...gathered, ...asked });
  }
}

describe('several sessions that end in one revision', () => {
  it(`leave nothing of what they had in common, 200 networks at random (seed ${SEED})`, () => {
    for (let round = 0; round < 200; round++) {
      const random = new SeededRandom(SEED + round);
      const network = withPerson();
      const own = [1, 2, 3, 4].map((instance) => network.open(instance, { proven: proven() }));
      const others = [11, 12, 13].map((instance) => network.open(instance));
      entangle(network, [...own, ...others], random);
      const { changes } = network.apply({ kind: 'RevokeIdentity', uuid: PERSON });
      const wrong = audit(network.state);
      expect({ round, wrong }).toEqual({ round, wrong: [] });
      expect(closedOf(changes)).toHaveLength(own.length);
      const stopped = changes.filter((change) => change.kind === 'StreamStopped').map(({ before }) => before.id);
      expect(new Set(stopped).size).toBe(stopped.length);
      const parted = changes.flatMap((change) => (change.kind === 'ConnectionPut' ? [change.connection.id] : []));
      expect(new Set(parted).size).toBe(parted.length);
    }
  });
});
