import { describe, expect, it } from '@jest/globals';
import { apply } from '../../../src/core/decide/apply.js';
import { isFault } from '../../../src/core/model/fault.js';
import { INITIAL_LIMITS } from '../../../src/core/model/limits.js';
import { SERVERS_MAX } from '../../../src/core/model/server.js';
import { canonical } from '../../../src/core/store/canonical.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import { State } from '../../../src/core/store/state.js';

const SERVER = '00000000-0000-4000-8000-000000000001';
const hashOf = (number: number) => String.fromCharCode(number % 256).repeat(32);
const anchor = (number: number, more: object = {}) =>
  ({ kind: 'AnchorAudit', server: SERVER, number, hash: hashOf(number), atMs: number, ...more }) as const;

function network(): State {
  const state = new State(INITIAL_LIMITS);
  apply(state, { kind: 'FoundNetwork', epoch: 'e', serverUuid: SERVER, atMs: 0 });
  return state;
}

describe('anchors of an audit log', () => {
  it('keep the newest line of each server, and change nothing when it is the same', () => {
    const state = network();
    apply(state, anchor(3));
    expect(apply(state, anchor(3))).toMatchObject({ changes: [] });
    apply(state, anchor(7));
    expect(state.auditAnchors.of(SERVER)).toEqual({
      server: SERVER,
      anchor: { number: 7, hash: hashOf(7), atMs: 7 },
      missed: [],
    });
  });

  it('never go back to an earlier line, or to another one of the same number', () => {
    const state = network();
    apply(state, anchor(7));
    for (const late of [anchor(6), anchor(7, { hash: hashOf(8) })]) {
      const outcome = apply(state, late);
      expect(isFault(outcome) && outcome.reason).toBe('OUT_OF_ORDER');
    }
    expect(state.auditAnchors.of(SERVER)?.anchor.number).toBe(7);
  });

  it('remember the line that the log did not hold any more, the first 16 of them', () => {
    const state = network();
    apply(state, anchor(100));
    for (let time = 0; time < 20; time++) apply(state, anchor(50 - time, { isBroken: true }));
    const { missed, anchor: newest } = state.auditAnchors.of(SERVER)!;
    expect(missed).toHaveLength(16);
    expect(missed[0].number).toBe(100);
    expect(newest.number).toBe(31);
  });

  it('accuse no log when the command that says what was missing is stored twice', () => {
    const state = network();
    apply(state, anchor(100));
    apply(state, anchor(50, { isBroken: true }));
    expect(apply(state, anchor(50, { isBroken: true, atMs: 51 }))).toMatchObject({ changes: [] });
    expect(state.auditAnchors.of(SERVER)!.missed.map(({ number }) => number)).toEqual([100]);
  });

  it('are in a snapshot', () => {
    const state = network();
    apply(state, anchor(9));
    apply(state, anchor(4, { isBroken: true }));
    const restoring = new Restoring(INITIAL_LIMITS);
    for (const row of rowsOf(capture(state))) restoring.add(row);
    expect(canonical(restoring.state)).toBe(canonical(state));
    expect(restoring.state.auditAnchors.of(SERVER)).toEqual(state.auditAnchors.of(SERVER));
  });

  it('are kept of as many servers as there may be, and of a new epoch anew', () => {
    const state = network();
    for (let number = 0; number <= SERVERS_MAX; number++) apply(state, { ...anchor(1), server: `server ${number}` });
    expect([...state.auditAnchors.all()]).toHaveLength(SERVERS_MAX);
    expect(state.auditAnchors.of('server 0')).toBeUndefined();
    apply(state, { kind: 'RenewEpoch', epoch: 'another' });
    expect([...state.auditAnchors.all()]).toEqual([]);
  });
});
