import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Enroll, IssueTicket } from '../../../src/core/model/command.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { IdentityKind, KeyOrigin } from '../../../src/core/model/trust/identity.js';
import { fitsPattern, TICKET_BOUNDS, ticketId } from '../../../src/core/model/trust/ticket.js';
import { canonical } from '../../../src/core/store/canonical.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import { audit } from '../audit.js';
import { kinds, Network, opening } from '../network.js';

const DAY_MS = 86_400_000;
const AT_MS = 1_000;
const hashOf = (name: string) => name.padEnd(32, '.');
const uuidOf = (number: number) => opening(number).uuid;

function issue(name: string, fields: Partial<IssueTicket> = {}): IssueTicket {
  const hash = hashOf(name);
  const given = { identityKind: IdentityKind.INSTANCE, roles: ['agent'], names: '', forUuid: '' };
  const times = { expiresAtMs: AT_MS + DAY_MS, atMs: AT_MS };
  return { kind: 'IssueTicket', hash, issuer: '', uses: 1, ...times, ...given, ...fields };
}

function redeem(ticket: string, number: number, key: string, fields: Partial<Enroll> = {}): Enroll {
  const keys = { key: `public key ${key}`, keyId: hashOf(key) };
  return {
    kind: 'Enroll',
    ticketHash: hashOf(ticket),
    uuid: uuidOf(number),
    ...keys,
    name: '',
    atMs: AT_MS,
    ...fields,
  };
}

/** A session's opener that proves a key. */
function proven(number: number, key: string) {
  return { identity: uuidOf(number), keyId: hashOf(key), key: `public key ${key}` };
}

function ticketOf({ state }: Network, name: string) {
  return state.tickets.ofHash(hashOf(name));
}

function identityOf({ state }: Network, number: number) {
  return state.identities.get(uuidOf(number));
}

describe('a ticket', () => {
  it('lets in as many as it has uses: each with its key, the roles of the ticket and a name', () => {
    const network = new Network();
    network.apply(issue('t', { uses: 2, roles: ['agent', 'client'] }));
    network.apply(redeem('t', 1, 'a', { name: 'boat-1' }));
    network.apply(redeem('t', 2, 'b'));
    expect(identityOf(network, 1)).toMatchObject({
      kind: IdentityKind.INSTANCE,
      roles: ['agent', 'client'],
      name: 'boat-1',
      ticket: ticketId({ hash: hashOf('t') }),
      keys: [{ id: hashOf('a'), key: 'public key a', origin: KeyOrigin.TICKET, boundAtMs: AT_MS, goodUntilMs: 0 }],
    });
    expect(network.refused(redeem('t', 3, 'c'))).toMatchObject({
      reason: 'TICKET_INVALID',
      message: 'all uses of the ticket are spent: it had 2',
    });
    expect(identityOf(network, 3)).toBeUndefined();
  });

  it('of instances leaves a person that redeems it the session of its own UUID only, in the same revision', () => {
    const network = new Network();
    network.apply({ kind: 'BindKey', uuid: uuidOf(1), key: 'public key a', keyId: hashOf('a'), atMs: AT_MS });
    network.apply({ kind: 'UpdateIdentity', uuid: uuidOf(1), identityKind: IdentityKind.PERSON });
    const proven = { identity: uuidOf(1), keyId: hashOf('a') };
    const [own, other] = [network.open(1, { proven }), network.open(2, { proven })];
    network.apply(issue('t', { uses: 1 }));
    const { changes } = network.apply(redeem('t', 1, 'a'));
    expect(changes.flatMap((change) => (change.kind === 'SessionClosed' ? [change.session.sid] : []))).toEqual([other]);
    expect(network.state.sessions.has(own)).toBe(true);
    expect(audit(network.state)).toEqual([]);
  });

  it('redeemed again by the same identity with the same key spends nothing, even when it is over', () => {
    const network = new Network();
    network.apply(issue('t', { uses: 2 }));
    network.apply(redeem('t', 1, 'a'));
    for (const atMs of [AT_MS, AT_MS + 2 * DAY_MS]) {
      expect(network.wouldChange(redeem('t', 1, 'a', { atMs }))).toEqual([]);
    }
    expect(ticketOf(network, 't')?.used).toBe(1);
    network.apply(redeem('t', 2, 'b'));
    expect(network.wouldChange(redeem('t', 1, 'a'))).toEqual([]);
  });

  it('has one winner of two that redeem its last use in one batch', () => {
    const network = new Network();
    network.apply(issue('t'));
    const [one, other] = [redeem('t', 1, 'a'), redeem('t', 2, 'b')];
    expect(network.wouldChange(one)).toEqual(['TicketPut', 'IdentityPut']);
    expect(network.wouldChange(other)).toEqual(['TicketPut', 'IdentityPut']);
    network.apply(one);
    expect(network.refused(other).reason).toBe('TICKET_INVALID');
    expect(network.state.identities.count).toBe(1);
  });

  it('that nobody issued, that is over, or that is revoked lets nobody in', () => {
    const network = new Network();
    expect(network.refused(redeem('t', 1, 'a')).reason).toBe('TICKET_INVALID');
    network.apply(issue('t', { uses: 5 }));
    expect(network.refused(redeem('t', 1, 'a', { atMs: AT_MS + DAY_MS })).message).toMatch(/was good until/);
    network.apply({ kind: 'RevokeTicket', id: ticketId({ hash: hashOf('t') }) });
    expect(network.refused(redeem('t', 1, 'a')).message).toBe('the ticket is revoked');
    expect(network.wouldChange({ kind: 'RevokeTicket', id: ticketId({ hash: hashOf('t') }) })).toEqual([]);
    expect(network.refused({ kind: 'RevokeTicket', id: '00' }).reason).toBe('TICKET_NOT_FOUND');
  });

  it('is not for an identity that has another key, and leaves it and the ticket as they are', () => {
    const network = new Network();
    network.open(1, { proven: proven(1, 'victim') });
    network.apply(issue('t'));
    const before = canonical(network.state);
    expect(network.refused(redeem('t', 1, 'thief')).reason).toBe('IDENTITY_MISMATCH');
    expect(identityOf(network, 1)?.keys.map(({ id }) => id)).toEqual([hashOf('victim')]);
    expect(ticketOf(network, 't')?.used).toBe(0);
    expect(network.state.sessions.ofInstance(uuidOf(1))).toBeDefined();
    expect(canonical(network.state).replace(/"revision":\d+/, '')).toBe(before.replace(/"revision":\d+/, ''));
  });

  it('gives its roles to an identity that shows the key that it has, whose session goes on', () => {
    const network = new Network();
    const sid = network.open(1, { proven: proven(1, 'own') });
    network.apply(issue('t', { roles: ['agent'] }));
    network.apply(redeem('t', 1, 'own', { name: 'boat-1' }));
    expect(identityOf(network, 1)).toMatchObject({ roles: ['agent'], name: 'boat-1' });
    expect(identityOf(network, 1)?.keys).toMatchObject([{ origin: KeyOrigin.FIRST_USE }]);
    expect(network.state.sessions.ofInstance(uuidOf(1))?.sid).toBe(sid);
  });

  it('that was issued for an identity replaces its keys, bars the old ones and ends what they opened', () => {
    const network = new Network();
    network.open(1, { proven: proven(1, 'squatter') });
    network.apply(issue('t', { forUuid: uuidOf(1) }));
    expect(network.refused(redeem('t', 2, 'other')).reason).toBe('IDENTITY_MISMATCH');
    const { changes } = network.apply(redeem('t', 1, 'owner'));
    expect(changes.find(({ kind }) => kind === 'SessionClosed')).toMatchObject({ reason: CloseReason.REVOKED });
    expect(identityOf(network, 1)).toMatchObject({ keys: [{ id: hashOf('owner') }], barred: [hashOf('squatter')] });
  });

  it('does not take a revocation back, and a barred key stays barred', () => {
    const network = new Network();
    network.apply(issue('t', { forUuid: uuidOf(1) }));
    network.apply({ kind: 'RevokeIdentity', uuid: uuidOf(1) });
    expect(network.refused(redeem('t', 1, 'a')).reason).toBe('IDENTITY_REVOKED');
    for (const key of ['old', 'new']) {
      network.apply({ kind: 'BindKey', uuid: uuidOf(2), key, keyId: hashOf(key), atMs: 5 });
    }
    network.apply(issue('u', { forUuid: uuidOf(2) }));
    expect(network.refused(redeem('u', 2, 'old')).reason).toBe('PROOF_INVALID');
  });

  it('ends the session that nothing was proved for when its instance enrols', () => {
    const network = new Network();
    network.open(1);
    network.apply(issue('t'));
    expect(kinds(network.apply(redeem('t', 1, 'a')).changes)).toContain('SessionClosed');
  });

  it('is for names of its pattern, and a name is unique', () => {
    const network = new Network();
    network.apply(issue('t', { uses: 5, names: 'boat-*' }));
    for (const name of ['', 'ship-1']) {
      expect(network.refused(redeem('t', 1, 'a', { name }))).toMatchObject({ violations: [{ field: 'name' }] });
    }
    network.apply(redeem('t', 1, 'a', { name: 'boat-1' }));
    expect(network.refused(redeem('t', 2, 'b', { name: 'boat-1' }))).toMatchObject({ violations: [{ field: 'name' }] });
    expect(ticketOf(network, 't')?.used).toBe(1);
  });

  it('of an issuer that is revoked is revoked, and of one that is forgotten is forgotten', () => {
    const network = new Network();
    for (const number of [1, 2]) network.open(number, { proven: proven(number, `k${number}`) });
    network.apply(issue('one', { issuer: uuidOf(1) }));
    network.apply(issue('two', { issuer: uuidOf(2) }));
    network.apply(issue('mine'));
    network.apply({ kind: 'RevokeIdentity', uuid: uuidOf(1) });
    network.apply({ kind: 'ForgetKey', uuid: uuidOf(2) });
    expect(ticketOf(network, 'one')?.revoked).toBe(true);
    expect(ticketOf(network, 'two')).toBeUndefined();
    expect(ticketOf(network, 'mine')?.revoked).toBe(false);
  });

  it('is refused to an issuer who has as many as the bound, and to all when all are good', () => {
    const network = new Network();
    const issuer = uuidOf(1);
    for (let count = 0; count < TICKET_BOUNDS.perIssuerMax; count++) network.apply(issue(`i${count}`, { issuer }));
    expect(network.refused(issue('more', { issuer })).reason).toBe('NETWORK_LIMIT');
    network.apply(issue('early', { expiresAtMs: AT_MS + 1 }));
    while (network.state.tickets.count < TICKET_BOUNDS.ticketsMax) {
      network.apply(issue(`t${network.state.tickets.count}`));
    }
    expect(network.refused(issue('late')).reason).toBe('NETWORK_LIMIT');
    // The one that is over makes room.
    network.apply(issue('later', { atMs: AT_MS + 1 }));
    expect(ticketOf(network, 'early')).toBeUndefined();
    expect(ticketOf(network, 'later')).toBeDefined();
    expect(network.state.tickets.count).toBe(TICKET_BOUNDS.ticketsMax);
  });

  it('is in snapshots, in order, with who has redeemed it', () => {
    const network = new Network();
    network.apply(issue('t', { uses: 3, names: 'boat-*', roles: [] }));
    network.apply(issue('u', { issuer: uuidOf(9), forUuid: uuidOf(1), identityKind: IdentityKind.PERSON }));
    network.apply(redeem('t', 1, 'a', { name: 'boat-1' }));
    const restoring = new Restoring(network.state.limits);
    for (const row of rowsOf(capture(network.state))) restoring.add(row);
    expect(canonical(restoring.state)).toBe(canonical(network.state));
    expect([...restoring.state.tickets.all()]).toEqual([...network.state.tickets.all()]);
    expect(restoring.state.identities.get(uuidOf(1))?.ticket).toBe(ticketId({ hash: hashOf('t') }));
  });
});

describe('a pattern of names', () => {
  it('is told as a regular expression tells it', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(part, name, (pattern, text) => {
        expect(fitsPattern(text, pattern)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(text));
      }),
    );
  });

  it('takes no time that grows beyond the product of the lengths', () => {
    const startMs = performance.now();
    expect(fitsPattern('a'.repeat(63), `${'*a'.repeat(31)}b`)).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(100);
  });
});
