import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WatchAuditResponse } from '../../../gen/switchyard/v1/identity.js';
import { ManualClock } from '../../../harness/manual-clock.js';
import { AuditFiles } from '../../../src/audit/audit-files.js';
import { AuditLog } from '../../../src/audit/audit-log.js';
import { AUDIT_LIMITS } from '../../../src/audit/limits.js';
import { endAfter, writeLine } from '../../../src/audit/line.js';
import { Fault } from '../../../src/core/model/fault.js';
import { MISSED_ANCHORS_MAX } from '../../../src/core/model/trust/audit-anchor.js';
import { watchAudit } from '../../../src/grpc/services/audit.js';

const MESSAGE_BYTES_MAX = 2_097_152;
/** Some ms of work, with room for a slow machine and for what V8 collects meanwhile. */
const TURN_MS_MAX = 100;

/** Milliseconds that the process has worked: on a machine that is busy otherwise, time passes without any. */
function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

describe('a message of WatchAudit', () => {
  const NETWORK = { number: 0 };
  const ACT = {
    who: `identity ${'w'.repeat(36)}`,
    from: '2001:db8::1',
    what: 'RevokeIdentity',
    outcome: 'ok',
    count: 1,
  };
  const anchor = { number: 1, hash: '\u00ff'.repeat(32), atMs: 0 };
  const anchors = { server: 's', anchor, missed: Array.from({ length: MISSED_ANCHORS_MAX }, () => anchor) };
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-audit-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Files with so many lines, whose targets are by turns the longest and the shortest. */
  function written(count: number): AuditFiles {
    const files = new AuditFiles(join(folder, 'audit'));
    let { end } = files;
    let text = '';
    for (let at = 0; at < count; at++) {
      const on = at % 2 === 0 ? '' : '\u65e5'.repeat(AUDIT_LIMITS.targetMax);
      const line = writeLine(end, { ...ACT, on }, 0);
      end = endAfter(end, line);
      text += `${line}\n`;
      if (at % 1_000 === 999) {
        files.append(text);
        text = '';
      }
    }
    files.close();
    return new AuditFiles(join(folder, 'audit'));
  }

  it('is never larger than 2 MiB and is made in a short turn, however much was written and missed', () => {
    const clock = new ManualClock();
    const store = written(10_000);
    const audit = new AuditLog({ store, clock, warn: () => {} });
    audit.anchored = () => anchors;
    const log = { error: () => {} };
    const source = watchAudit({ audit, log, gatekeeper: { network: NETWORK } }, { after: 0n, newest: 0 });
    if (source instanceof Fault) throw source;
    let isWoken = true;
    source.onReady(() => {
      isWoken = true;
    });
    const seen: bigint[] = [];
    const turnsMs: number[] = [];
    let largest = 0;
    while (isWoken) {
      isWoken = false;
      for (;;) {
        const fromMs = workedMs();
        const message = source.next();
        turnsMs.push(workedMs() - fromMs);
        if (message === undefined) break;
        if (message instanceof Fault || message === 'ended') throw new Error(`it ended: ${message}`);
        largest = Math.max(largest, message.length);
        const { lines } = WatchAuditResponse.decode(message);
        seen.push(...lines.map(({ number }) => number));
      }
      clock.turn();
    }
    source.close();
    audit.close();
    expect(seen.length).toBe(10_000);
    expect(seen.every((number, at) => number === BigInt(at + 1))).toBe(true);
    expect([largest > 16_384, largest <= MESSAGE_BYTES_MAX]).toEqual([true, true]);
    // A pause of the collector's is in one of the turns, and not in most.
    expect(turnsMs.sort((x, y) => x - y)[Math.floor(turnsMs.length * 0.9)]).toBeLessThan(TURN_MS_MAX);
  }, 60_000);
});
