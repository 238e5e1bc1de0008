import { describe, expect, it } from '@jest/globals';
import { AuditTrail } from '../../console/src/model/audit.js';
import type { AuditLine } from '../../console/src/wire/audit-messages.js';

/** A line of a whole chain: its hash is its number. */
function line(number: number, part: Partial<AuditLine> = {}): AuditLine {
  const facts = {
    at: '2026-01-01T00:00:00.000Z',
    who: 'administrator',
    from: '',
    what: 'StopStream',
    on: '',
    outcome: 'ok',
  };
  return { number, ...facts, count: 1, before: `h${number - 1}`, hash: `h${number}`, ...part };
}

describe("the page's part of the audit log", () => {
  it('has the lines in their order, each once, and says where it goes on', () => {
    const trail = new AuditTrail()
      .with({ lines: [line(7), line(8)], end: 9 })
      .with({ lines: [line(8), line(9)], end: 9 });
    expect(trail.lines.map(({ number }) => number)).toEqual([7, 8, 9]);
    expect(trail.breaks).toEqual([]);
    expect([trail.last, trail.end]).toEqual([9, 9]);
    expect(new AuditTrail().last).toBeUndefined();
  });

  it('says where lines are missing, and where a line is not chained to the one before it', () => {
    const trail = new AuditTrail()
      .with({ lines: [line(1), line(4)], end: 4 })
      .with({ lines: [line(5, { before: 'another' }), line(6)], end: 6 });
    expect(trail.breaks).toEqual([
      { number: 4, kind: 'gap' },
      { number: 5, kind: 'chain' },
    ]);
  });

  it('keeps 5,000 lines, and forgets the oldest with what was wrong among them', () => {
    let trail = new AuditTrail().with({ lines: [line(1), line(3)], end: 3 });
    const more = Array.from({ length: 5_000 }, (_, at) => line(at + 4));
    trail = trail.with({ lines: more, end: 5_003 });
    expect(trail.lines).toHaveLength(5_000);
    expect(trail.lines[0]?.number).toBe(4);
    expect(trail.breaks).toEqual([]);
  });
});
