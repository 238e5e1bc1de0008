import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { EventLog } from '../../src/base/event-log.js';

describe('a log of events', () => {
  const open = (burst: number) => {
    const clock = new ManualClock();
    const lines: object[] = [];
    const write = (facts: object, words: string) => void lines.push({ ...facts, words });
    const log = { info: write, warn: write } as never;
    return { clock, lines, events: new EventLog({ clock, log, burst, everyMs: 10_000 }) };
  };
  const tell = (events: EventLog, kind: string, nth: number) =>
    events.tell({ level: 'info', kind, words: kind, facts: () => ({ nth }) });

  it('has a line for each of a burst, and then one in 10 s with how many there were and the facts of the last', () => {
    const { clock, lines, events } = open(3);
    for (let nth = 0; nth < 1_000; nth++) tell(events, 'came', nth);
    expect(lines).toEqual([0, 1, 2].map((nth) => ({ nth, count: 1, words: 'came' })));
    clock.advance(10_000);
    expect(lines.slice(3)).toEqual([{ nth: 999, count: 997, words: 'came' }]);
  });

  it('has some lines only of a flood of a day, and all again when it is over', () => {
    const { clock, lines, events } = open(3);
    for (let second = 0; second < 86_400; second++) {
      for (let nth = 0; nth < 10; nth++) tell(events, 'came', nth);
      clock.advance(1_000);
    }
    expect(lines.length).toBeLessThan(8_700);
    clock.advance(30_000);
    const before = lines.length;
    for (let nth = 0; nth < 3; nth++) tell(events, 'came', nth);
    expect(lines).toHaveLength(before + 3);
  });

  it('does not hide one kind behind a flood of another', () => {
    const { lines, events } = open(1);
    for (let nth = 0; nth < 100; nth++) tell(events, 'came', nth);
    tell(events, 'went', 0);
    expect(lines.at(-1)).toEqual({ nth: 0, count: 1, words: 'went' });
  });
});
