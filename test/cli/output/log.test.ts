import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { LogSink } from '../../../src/cli/output/log-sink.js';
import { readableLine } from '../../../src/cli/output/readable-log.js';

describe('the sink of a log', () => {
  const open = () => {
    const clock = new ManualClock();
    const disk = { code: '', room: Number.POSITIVE_INFINITY, text: '' };
    const write = (_: number, bytes: Buffer) => {
      if (disk.code !== '') throw Object.assign(new Error(disk.code), { code: disk.code });
      if (disk.room === 0) throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
      const taken = bytes.subarray(0, disk.room);
      disk.room -= taken.length;
      disk.text += taken.toString();
      return taken.length;
    };
    return { clock, disk, sink: new LogSink(1, { clock, write }) };
  };

  it.each(['EPIPE', 'ENOSPC', 'EIO'])('loses lines on %s, ends nothing, and says how many once it can', (code) => {
    const { disk, sink } = open();
    sink.write('first\n');
    disk.code = code;
    for (let nth = 0; nth < 5; nth++) sink.write(`${nth}\n`);
    disk.code = '';
    sink.write('last\n');
    expect(disk.text).toMatch(/^first\nlast\n\{"level":40,"time":\d+,"lost":5,"msg":"lines of the log were lost"\}\n$/);
  });

  it('waits for a reader that has stopped within a bound, in order, and counts what is beyond it', () => {
    const { clock, disk, sink } = open();
    disk.room = 3;
    sink.write('abcdef\n');
    for (let nth = 0; nth < 20; nth++) sink.write(`${'x'.repeat(100_000)}\n`);
    clock.advance(1_000);
    expect(disk.text).toBe('abc');
    disk.room = Number.POSITIVE_INFINITY;
    clock.advance(1_000);
    const lines = disk.text.trimEnd().split('\n');
    expect(lines[0]).toBe('abcdef');
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toMatch(/"lost":10/);
  });
});

describe('a line of the log for a person', () => {
  it('has the time of day, the level, what happened and its facts', () => {
    const line = { level: 40, time: 0, pid: 1, hostname: 'h', sid: 5, name: 'a b', address: '::1', msg: 'gone' };
    expect(readableLine(JSON.stringify(line))).toBe('00:00:00.000 warn  gone sid=5 name="a b" address=::1');
  });

  it('has of an error what it says and where it came from, in the same line', () => {
    const err = {
      type: 'Error',
      message: 'odd',
      stack: 'Error: odd\n    at f (/x/y/file.ts:1:2)\n    at g (/z.ts:3:4)',
    };
    const shown = readableLine(JSON.stringify({ level: 50, time: 0, err, msg: 'failed' }));
    expect(shown).toBe('00:00:00.000 error failed err="odd (at file.ts:1:2)"');
  });
});
