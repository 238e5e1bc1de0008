import { describe, expect, it } from '@jest/globals';
import { type Applied, apply } from '../../src/core/apply.js';
import type { Command } from '../../src/core/command.js';
import { isFault } from '../../src/core/fault.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { findPath } from '../../src/core/path.js';
import { capture, Restoring, rowsOf } from '../../src/core/snapshot.js';
import { State } from '../../src/core/state.js';

const FOUND: Command = {
  kind: 'FoundNetwork',
  epoch: 'e',
  serverUuid: '00000000-0000-4000-8000-000000000000',
  atMs: 0,
};
const open = (n: number): Command => ({
  kind: 'OpenSession',
  uuid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  type: 2,
  flavor: 0,
  ttlMs: 1000,
  name: '',
  labels: {},
  tokenHash: '',
  atMs: 0,
});

function applied(state: State, command: Command): Applied {
  const result = apply(state, command);
  if (isFault(result)) throw new Error(result.message);
  return result;
}

describe('the core', () => {
  it('supersedes an earlier session of the same instance in one revision', () => {
    const state = new State(DEFAULT_LIMITS);
    applied(state, FOUND);
    applied(state, open(1));
    applied(state, open(2));
    const again = applied(state, open(1));
    expect(again.revision).toBe(4);
    expect(again.changes.map((change) => change.kind)).toEqual([
      'StreamStopped',
      'LinkRemoved',
      'SessionClosed',
      'SessionOpened',
      'LinkAdded',
      'StreamPut',
    ]);
    expect(state.sessions.count).toBe(2);
    expect(findPath(state.graph, 3 * 256 + 2, 2 * 256 + 2, [])).toEqual([770, state.serverSid, 514]);
    const restoring = new Restoring(DEFAULT_LIMITS);
    for (const row of rowsOf(capture(state))) restoring.add(row);
    expect([...rowsOf(capture(restoring.state))]).toEqual([...rowsOf(capture(state))]);
  });
});
