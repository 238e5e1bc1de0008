import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../harness/seed.js';
import { type Applied, apply, decide } from '../../src/core/decide/apply.js';
import type { Command } from '../../src/core/model/command.js';
import { Fault } from '../../src/core/model/fault.js';
import { LinkType } from '../../src/core/model/link.js';
import { CloseReason } from '../../src/core/model/session.js';
import type { Stream } from '../../src/core/model/stream.js';
import { canonical } from '../../src/core/store/canonical.js';
import { poolOf, poolOfSid } from '../../src/core/store/sid.js';
import { capture, Restoring, rowsOf } from '../../src/core/store/snapshot.js';
import type { State } from '../../src/core/store/state.js';
import { audit } from './audit.js';
import { brokeredIntents } from './brokering.js';
import { type Intent, intents, LOW_LIMITS } from './intent.js';
import { FOUND, Network, openedBy } from './network.js';
import { Model, pictureOf } from './reference-model.js';

const runs = { seed: SEED, numRuns: 100, interruptAfterTimeLimit: 30_000 };

function founded(): State {
  return new Network(LOW_LIMITS).state;
}

/** The same state, built from the rows of a snapshot. */
function restored(state: State): State {
  const restoring = new Restoring(state.limits);
  for (const row of rowsOf(capture(state))) restoring.add(row);
  return restoring.state;
}

/** The commands that a run of intents comes to, and the state after them. */
function played(run: readonly Intent[]): { state: State; commands: Command[] } {
  const state = founded();
  const commands: Command[] = [];
  for (const next of run) {
    const command = next.command(state);
    commands.push(command);
    apply(state, command);
  }
  return { state, commands };
}

/** The state without the number that every command counts up, refused or not. */
function withoutRevision(state: State): string {
  return canonical(state).replace(/"revision":\d+,"serverSid"/, '"serverSid"');
}

function openedSid(result: Applied | Fault, command: Command): number | undefined {
  return result instanceof Fault || command.kind !== 'OpenSession' ? undefined : openedBy(result).sid;
}

function createdStream(result: Applied | Fault): Stream | undefined {
  if (result instanceof Fault) return undefined;
  for (const change of result.changes) if (change.kind === 'StreamPut') return change.stream;
  return undefined;
}

describe(`after any commands (seed ${SEED})`, () => {
  it('the network is what a naive model of the contract says, and so is each refusal', () => {
    const check = (run: readonly Intent[]) => {
      const state = founded();
      const model = new Model(state.limits, state.serverSid);
      for (const next of run) {
        const command = next.command(state);
        const result = apply(state, command);
        const reason = model.take(command, openedSid(result, command), createdStream(result));
        expect({ command, reason: result instanceof Fault ? result.reason : undefined }).toEqual({ command, reason });
        expect(pictureOf(state)).toEqual(model.picture());
      }
    };
    fc.assert(fc.property(intents, check), runs);
  });

  it('every list and index agrees with the rows', () => {
    const check = (run: readonly Intent[]) => {
      const state = founded();
      for (const next of run) {
        apply(state, next.command(state));
        expect(audit(state)).toEqual([]);
      }
    };
    fc.assert(fc.property(intents, check), runs);
  });

  it('a SID is refused for want of bases only when its pool has none', () => {
    const check = (run: readonly Intent[]) => {
      const state = founded();
      for (const next of run) {
        const command = next.command(state);
        const result = apply(state, command);
        if (command.kind !== 'OpenSession' || !(result instanceof Fault) || result.reason !== 'SID_EXHAUSTED') continue;
        const pool = poolOf(command.type, command.flavor);
        const taken = [...state.sessions.copy()].filter(({ sid }) => poolOfSid(sid) === pool);
        expect(taken).toHaveLength(LOW_LIMITS.sidBaseMax);
      }
    };
    fc.assert(fc.property(intents, check), runs);
  });

  it('what was refused has changed nothing but the revision, and what changed nothing neither', () => {
    const check = (run: readonly Intent[]) => {
      const state = founded();
      let before = withoutRevision(state);
      for (const next of run) {
        const { revision } = state;
        const result = apply(state, next.command(state));
        const after = withoutRevision(state);
        expect(state.revision).toBe(revision + 1);
        expect(after === before).toBe(result instanceof Fault || result.changes.length === 0);
        before = after;
      }
    };
    fc.assert(fc.property(intents, check), runs);
  });

  it('deciding says what applying then does, and changes nothing', () => {
    const check = (run: readonly Intent[]) => {
      const state = founded();
      for (const next of run) {
        const command = next.command(state);
        const before = canonical(state);
        const decided = decide(state, command);
        expect(canonical(state) === before).toBe(true);
        const result = apply(state, command);
        expect(JSON.stringify(result instanceof Fault ? result : result.changes)).toBe(JSON.stringify(decided));
      }
    };
    fc.assert(fc.property(intents, check), runs);
  });

  it('two replays give the same bytes', () => {
    const check = (run: readonly Intent[]) => {
      const { state, commands } = played(run);
      const again = founded();
      for (const command of commands) apply(again, command);
      expect(canonical(again)).toBe(canonical(state));
    };
    fc.assert(fc.property(intents, check), runs);
  });

  it('a restored state is the same, sound, and goes on like the one that was never stored', () => {
    const check = (before: readonly Intent[], after: readonly Intent[]) => {
      const { state } = played(before);
      const copy = restored(state);
      expect(canonical(copy)).toBe(canonical(state));
      expect(audit(copy)).toEqual([]);
      for (const next of after) {
        const command = next.command(state);
        expect(JSON.stringify(apply(copy, command))).toBe(JSON.stringify(apply(state, command)));
      }
      expect(canonical(copy)).toBe(canonical(state));
      expect(audit(copy)).toEqual([]);
    };
    fc.assert(fc.property(intents, intents, check), runs);
  });

  it('a capture stays as it was taken while the state goes on', () => {
    const check = (before: readonly Intent[], after: readonly Intent[]) => {
      const { state } = played(before);
      const taken = capture(state);
      const then = JSON.stringify([...rowsOf(taken)]);
      for (const next of after) apply(state, next.command(state));
      expect(JSON.stringify([...rowsOf(taken)])).toBe(then);
    };
    fc.assert(fc.property(intents, intents, check), runs);
  });
});

describe(`after any commands, with brokered connections (seed ${SEED})`, () => {
  it('every list and index agrees with the rows', () => {
    const check = (run: readonly Intent[]) => {
      const state = founded();
      for (const next of run) {
        apply(state, next.command(state));
        expect(audit(state)).toEqual([]);
      }
    };
    fc.assert(fc.property(brokeredIntents, check), runs);
  });

  it('what was refused has changed nothing but the revision', () => {
    const check = (run: readonly Intent[]) => {
      const state = founded();
      let before = withoutRevision(state);
      for (const next of run) {
        const result = apply(state, next.command(state));
        const after = withoutRevision(state);
        if (result instanceof Fault || result.changes.length === 0) expect(after === before).toBe(true);
        before = after;
      }
    };
    fc.assert(fc.property(brokeredIntents, check), runs);
  });

  it('a restored state is the same, sound, and goes on like the one that was never stored', () => {
    const check = (before: readonly Intent[], after: readonly Intent[]) => {
      const { state, commands } = played(before);
      const again = founded();
      for (const command of commands) apply(again, command);
      expect(canonical(again)).toBe(canonical(state));
      const copy = restored(state);
      expect(canonical(copy)).toBe(canonical(state));
      for (const next of after) {
        const command = next.command(state);
        expect(JSON.stringify(apply(copy, command))).toBe(JSON.stringify(apply(state, command)));
      }
      expect(canonical(copy)).toBe(canonical(state));
      expect(audit(copy)).toEqual([]);
    };
    fc.assert(fc.property(brokeredIntents, brokeredIntents, check), runs);
  });
});

it('a restored state settles the reports about a session that ends in the order of the state that was never stored', () => {
  const network = new Network();
  const [gone, first, second] = [network.open(1), network.open(2), network.open(3)];
  network.report(second, first, LinkType.CONTROL_TCP);
  network.report(first, gone, LinkType.CONTROL_TCP);
  network.report(second, gone, LinkType.CONTROL_TCP);
  const copy = restored(network.state);
  const close: Command = { kind: 'CloseSession', sid: gone, reason: CloseReason.TERMINATED };
  expect(JSON.stringify(apply(copy, close))).toBe(JSON.stringify(apply(network.state, close)));
});

it('a network is founded once', () => {
  const { state } = new Network();
  expect(() => decide(state, FOUND)).toThrow('founded once');
});
