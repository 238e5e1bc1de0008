import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { DescriptorWatch } from '../../src/admission/descriptor-watch.js';
import { DoorReports } from '../../src/admission/door-reports.js';

describe('reports of a door', () => {
  const open = () => {
    const clock = new ManualClock();
    const lines: string[] = [];
    const counted: string[] = [];
    const warn = (facts: { count: number; address?: string }, text: string) =>
      void lines.push(`${text} ${facts.count} ${facts.address}`);
    const log = { warn } as never;
    const count = (door: string, cause: string) => counted.push(`${door} ${cause}`);
    return { clock, lines, counted, reports: new DoorReports({ clock, log, count, reportMs: 10_000 }) };
  };

  it('log one line for a cause in 10 s, with how many there were and the last address, and count each', () => {
    const { clock, lines, counted, reports } = open();
    for (let nth = 0; nth < 5; nth++)
      reports.report({ door: 'grpc', cause: 'full', why: 'all taken', address: `a${nth}` });
    expect(lines).toEqual(['all taken 1 a0']);
    clock.advance(10_000);
    expect(lines).toEqual(['all taken 1 a0', 'all taken 4 a4']);
    clock.advance(60_000);
    expect(lines).toHaveLength(2);
    reports.report({ door: 'grpc', cause: 'full', why: 'all taken', address: 'later' });
    expect(lines.at(-1)).toBe('all taken 1 later');
    expect(counted).toEqual(Array<string>(6).fill('grpc full'));
  });

  it('are not hidden by those of another cause, door or kind, and not multiplied by their words', () => {
    const { lines, reports } = open();
    for (let nth = 0; nth < 3; nth++) {
      for (const door of ['ws', 'wss']) reports.report({ door, cause: 'origin', why: `page ${nth}` });
      for (const kind of ['a', 'b']) reports.report({ door: 'grpc', cause: 'expelled', kind, why: kind });
    }
    expect(lines).toHaveLength(4);
  });
});

describe('a watch of descriptors', () => {
  it('tells each time that none is left, of nothing else, and not when it is closed', () => {
    const clock = new ManualClock();
    let told = 0;
    let code = '';
    const probe = () => {
      if (code !== '') throw Object.assign(new Error(code), { code });
    };
    const watch = new DescriptorWatch({ clock, everyMs: 1_000, probe, exhausted: () => told++ });
    clock.advance(3_000);
    code = 'EACCES';
    clock.advance(3_000);
    expect(told).toBe(0);
    code = 'EMFILE';
    clock.advance(2_000);
    code = 'ENFILE';
    clock.advance(1_000);
    expect(told).toBe(3);
    watch.close();
    clock.advance(9_000);
    expect(told).toBe(3);
  });
});
