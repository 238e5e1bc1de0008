import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ManualClock } from '../../harness/manual-clock.js';
import type { ChainEnd } from '../../src/audit/line.js';
import type { AnchorAudit } from '../../src/core/model/command.js';
import { Fault } from '../../src/core/model/fault.js';
import { AuditAnchorer } from '../../src/server/audit-anchorer.js';

const SERVER = '00000000-0000-4000-8000-000000000001';
const MINUTE_MS = 60_000;

/** An anchorer of a log in memory, and what it has stored: when, and of which line. */
function makeAnchorer() {
  const clock = new ManualClock();
  const stored: [atMs: number, number: number][] = [];
  const refusing = { isOn: false };
  let end: ChainEnd = { number: 3, hash: '03'.repeat(32) };
  let anchor: AnchorAudit | undefined;
  const anchorer = new AuditAnchorer({
    audit: {
      get end() {
        return end;
      },
      holds: () => true,
      done: () => {},
      anchored: () => undefined,
    },
    replica: {
      state: { auditAnchors: { of: () => anchor && { anchor, missing: [] } } } as never,
      enforce: async (command) => {
        if (refusing.isOn) return new Fault('JOURNAL_UNAVAILABLE', 'the journal cannot be written');
        anchor = command as AnchorAudit;
        stored.push([clock.nowMs(), anchor.number]);
        return { changes: [], revision: 1 } as never;
      },
    },
    server: SERVER,
    clock,
    log: pino({ level: 'silent' }),
  });
  const grow = (number: number) => {
    end = { number, hash: number.toString(16).padStart(2, '0').repeat(32) };
  };
  return { anchorer, clock, stored, grow, refusing };
}

describe('the anchors of an audit log', () => {
  it('are stored a minute after a start, and then every ten minutes in which there were new lines', async () => {
    const { anchorer, clock, stored, grow } = makeAnchorer();
    anchorer.begin();
    await clock.pass(MINUTE_MS - 1);
    expect(stored).toEqual([]);
    await clock.pass(1);
    expect(stored).toEqual([[MINUTE_MS, 3]]);
    // Lines of nine minutes wait for the tenth, and are one anchor.
    grow(4);
    await clock.pass(9 * MINUTE_MS);
    grow(9);
    expect(stored).toHaveLength(1);
    await clock.pass(MINUTE_MS);
    expect(stored.slice(1)).toEqual([[11 * MINUTE_MS, 9]]);
    // None where there is nothing new, and the next within ten minutes.
    await clock.pass(30 * MINUTE_MS);
    expect(stored).toHaveLength(2);
    grow(10);
    await clock.pass(10 * MINUTE_MS);
    expect(stored.slice(2)).toEqual([[51 * MINUTE_MS, 10]]);
    anchorer.close();
    grow(11);
    await clock.pass(60 * MINUTE_MS);
    expect(stored).toHaveLength(3);
  });

  it('are tried again a minute after the journal has refused one', async () => {
    const { anchorer, clock, stored, refusing } = makeAnchorer();
    refusing.isOn = true;
    anchorer.begin();
    await clock.pass(MINUTE_MS);
    refusing.isOn = false;
    await clock.pass(MINUTE_MS);
    expect(stored).toEqual([[2 * MINUTE_MS, 3]]);
    anchorer.close();
  });
});
