import { describe, expect, it } from '@jest/globals';
import { type Call, Judge } from '../../../../harness/faults/cluster/judge.js';
import { ClusterLedger } from '../../../../harness/faults/cluster/ledger.js';
import { findDisorder, type Operation } from '../../../../harness/faults/cluster/linearizable.js';
import type { Command } from '../../../../src/core/model/command.js';
import { CloseReason } from '../../../../src/core/model/session.js';
import { encodeRecord } from '../../../../src/journal/format/record.js';

const KEY = '00000000-0000-4000-8000-000000000001';

/** An operation that takes from one moment to another. */
function operation(kind: Operation['kind'], mark: string, begunMs: number, endedMs = begunMs + 1): Operation {
  return { key: KEY, kind, mark, begunMs, endedMs };
}

describe('whether a history has an order', () => {
  it('finds the order of calls that overlap', () => {
    const history = [operation('open', 'a', 0, 10), operation('open', 'b', 1, 9), operation('close', 'a', 11)];
    expect(findDisorder(history)).toBeUndefined();
  });

  it('finds that a session was said to be gone that nobody had ended', () => {
    expect(findDisorder([operation('open', 'a', 0), operation('gone', 'a', 5)])).toContain('gone a');
  });

  it('takes a call of which nothing is known as done at any later time, or never', () => {
    const open = operation('open', 'a', 0);
    const unknown = operation('open', 'b', 2, Number.POSITIVE_INFINITY);
    expect(findDisorder([open, unknown, operation('gone', 'a', 9)])).toBeUndefined();
    expect(findDisorder([open, unknown, operation('close', 'b', 9)])).toBeUndefined();
    expect(findDisorder([open, operation('gone', 'a', 1.5), { ...unknown, begunMs: 3 }])).toBeDefined();
  });

  it('finds that a session was said to be gone after it had taken the place of another', () => {
    const history = [operation('open', 'a', 0), operation('open', 'b', 5), operation('gone', 'b', 10)];
    expect(findDisorder(history)).toContain('gone b');
  });

  it('says nothing of calls about different instances', () => {
    const other = { ...operation('gone', 'a', 5), key: 'another' };
    expect(findDisorder([operation('open', 'a', 0), other])).toBeUndefined();
  });
});

describe('what clients were told, held against the log', () => {
  const opened = (name: string, atMs = 0): Command => ({
    ...{ kind: 'OpenSession', uuid: KEY, type: 2, flavor: 0, ttlMs: 2_000, name, labels: {}, atMs },
    tokenHash: 'x'.repeat(32),
  });

  function judge(commands: readonly Command[], ...calls: Partial<Call>[]) {
    const ledger = new ClusterLedger();
    const founded: Command = { kind: 'FoundNetwork', epoch: 'e', serverUuid: KEY.replace(/1$/, '2'), atMs: 0 };
    [founded, ...commands].forEach((command, at) => {
      const record = encodeRecord(at + 1, command);
      ledger.take([{ term: 1n, seq: at + 1, chain: new Uint8Array(), records: [record] }], [at * 100, at * 100 + 50]);
    });
    const sid = ledger.of('a')?.sid ?? 0;
    const usual: Call = {
      ...{ kind: 'open', key: KEY, mark: 'a', begunMs: 90, endedMs: 160, outcome: 'done', revision: 2, after: 0 },
      ...{ ttlMs: 2_000, sid, answer: 's1' },
    };
    const one = new Judge(ledger);
    one.judge(calls.map((call) => ({ ...usual, ...call })));
    return one.findings;
  }
  const nothing = { lost: 0, doubled: 0, disordered: 0, expired: 0 };

  it('finds nothing where all is as it was said', () => {
    expect(judge([opened('a')], {}, { kind: 'read', begunMs: 170, endedMs: 171 })).toEqual(nothing);
  });

  it('finds that an acknowledged session is not in the log', () => {
    expect(judge([opened('b')], { sid: 5 })).toEqual({ ...nothing, lost: 1 });
  });

  it('finds that a session is twice in the log', () => {
    expect(judge([opened('a'), opened('a', 1)], { outcome: 'unknown' })).toEqual({ ...nothing, doubled: 1 });
  });

  it('finds that a call was refused and stored all the same', () => {
    expect(judge([opened('a')], { outcome: 'nothing' })).toEqual({ ...nothing, doubled: 1 });
  });

  it('finds that a later call was stored before an earlier one', () => {
    const late: Partial<Call> = { mark: 'b', begunMs: 10, endedMs: 20, revision: 3 };
    const findings = judge([opened('a'), opened('b')], { begunMs: 30, endedMs: 40 }, { ...late, sid: 2 });
    expect(findings.disordered).toBeGreaterThan(0);
  });

  it('finds that an answer is older than what was asked for', () => {
    expect(judge([opened('a')], { kind: 'read', after: 9 })).toEqual({ ...nothing, disordered: 1 });
  });

  it.each([
    ['at its server', CloseReason.EXPIRED],
    ['after its server was lost', CloseReason.SERVER_LOST],
  ])('finds that a lease ended too soon %s, and says nothing of one that ended in time', (_where, reason) => {
    const ledger = (): Command[] => {
      const sid = judgeSid([opened('a')]);
      return [opened('a'), { kind: 'CloseSession', sid, reason }];
    };
    expect(judge(ledger(), { begunMs: 90, endedMs: 160 })).toEqual({ ...nothing, expired: 1 });
    expect(judge(ledger(), { begunMs: 90, endedMs: 160, ttlMs: 100 })).toEqual(nothing);
  });

  function judgeSid(commands: readonly Command[]): number {
    const ledger = new ClusterLedger();
    const founded: Command = { kind: 'FoundNetwork', epoch: 'e', serverUuid: KEY.replace(/1$/, '2'), atMs: 0 };
    const records = [founded, ...commands].map((command, at) => encodeRecord(at + 1, command));
    ledger.take([{ term: 1n, seq: 1, chain: new Uint8Array(), records }], [0, 1]);
    return ledger.of('a')!.sid;
  }
});
