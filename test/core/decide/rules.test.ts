import { describe, expect, it, jest } from '@jest/globals';
import type { Command, RequestTermination } from '../../../src/core/model/command.js';
import type { State } from '../../../src/core/store/state.js';

/*
 * A build that knows second rules: by them a termination is ordered with another reason. What decides it stands in for
 * `core/decide/order.ts` as a release that changes a rule would write it.
 */
const order = await import('../../../src/core/decide/order.js');
jest.unstable_mockModule('../../../src/core/model/rules.js', () => ({ Rules: { FIRST: 1, SECOND: 2 }, RULES_MAX: 2 }));
jest.unstable_mockModule('../../../src/core/decide/order.js', () => ({
  ...order,
  requestTermination: (state: State, command: RequestTermination, revision: number) => {
    const reason = state.rules >= 2 ? `by the second rules: ${command.reason}` : command.reason;
    return order.requestTermination(state, { ...command, reason }, revision);
  },
}));

const { apply } = await import('../../../src/core/decide/apply.js');
const { INITIAL_LIMITS } = await import('../../../src/core/model/limits.js');
const { canonical } = await import('../../../src/core/store/canonical.js');
const { capture, rowsOf } = await import('../../../src/core/store/snapshot.js');
const { State: Network } = await import('../../../src/core/store/state.js');
const { encodeChunks } = await import('../../../src/journal/format/chunk.js');
const { formatOf } = await import('../../../src/journal/format/frame.js');
const { encodeRecord } = await import('../../../src/journal/format/record.js');
const { MemoryJournal } = await import('../../../src/journal/storage/memory.js');
const { recover } = await import('../../../src/replica/recover.js');

const SERVER = '00000000-0000-4000-8000-000000000001';
const terminate = (sid: number, reason: string) =>
  ({ kind: 'RequestTermination', sid, reason, deadlineMs: 1_000 }) as const;
const open = (number: number): Command => ({
  ...{ uuid: `00000000-0000-4000-8000-10000000000${number}`, type: 2, flavor: 0, ttlMs: 1_000, name: '', labels: {} },
  ...{ kind: 'OpenSession', atMs: 0, tokenHash: 'x'.repeat(32) },
});
const FOUNDED: readonly Command[] = [
  { kind: 'FoundNetwork', epoch: 'e', serverUuid: SERVER, atMs: 0 },
  open(1),
  open(2),
];

/** A network with two sessions, by its first rules. */
function network() {
  const state = new Network(INITIAL_LIMITS);
  for (const command of FOUNDED) apply(state, command);
  const [first, second] = [...state.sessions.copy()].map(({ sid }) => sid);
  return { state, first, second };
}

function reasons(state: State): string[] {
  return [...state.orders.all()].map(({ body }) => (body.kind === 'terminate' ? body.reason : ''));
}

describe('the rules of a network', () => {
  it('decide the old way until UseRules is applied, and the new way from then on', () => {
    const { state, first, second } = network();
    expect(state.rules).toBe(1);
    apply(state, terminate(first, 'first'));
    expect(apply(state, { kind: 'UseRules', rules: 2 })).toMatchObject({
      changes: [{ kind: 'RulesChanged', rules: 2 }],
    });
    apply(state, terminate(second, 'second'));
    expect(reasons(state)).toEqual(['first', 'by the second rules: second']);
  });

  it('never go back, and are not stored again where they hold already', () => {
    const { state } = network();
    apply(state, { kind: 'UseRules', rules: 2 });
    for (const rules of [1, 2]) expect(apply(state, { kind: 'UseRules', rules })).toMatchObject({ changes: [] });
    expect(state.rules).toBe(2);
  });

  it('come back with a replay, each command decided by those of its time', async () => {
    const { state, first, second } = network();
    const commands = [terminate(first, 'first'), { kind: 'UseRules', rules: 2 }, terminate(second, 'second')] as const;
    const journal = new MemoryJournal();
    await journal.append([...FOUNDED, ...commands].map((command, at) => encodeRecord(1 + at, command)));
    for (const command of commands) apply(state, command);
    const recovery = await recover(journal);
    await recovery.replay(() => {});
    expect(canonical(recovery.state)).toEqual(canonical(state));
    expect(reasons(recovery.state)).toEqual(['first', 'by the second rules: second']);
  });

  it('are in a snapshot, which is of format 4 then, and in none by the first rules', async () => {
    const { state, first } = network();
    const meta = () => [...rowsOf(capture(state))][0];
    expect(meta()).not.toHaveProperty('rules');
    apply(state, { kind: 'UseRules', rules: 2 });
    expect(meta()).toMatchObject({ rules: 2 });
    const journal = new MemoryJournal();
    await journal.append([1, 2, 3, 4].map((revision) => encodeRecord(revision, terminate(first, 'forgotten'))));
    const chunks = [];
    for await (const chunk of encodeChunks(state.revision, rowsOf(capture(state)))) chunks.push(chunk);
    expect(chunks.map(formatOf)).toEqual([4]);
    await journal.writeSnapshot(
      state.revision,
      (async function* () {
        yield* chunks;
      })(),
    );
    const { state: restored } = await recover(journal);
    apply(restored, terminate(first, 'after'));
    expect(reasons(restored)).toEqual(['by the second rules: after']);
  });
});
