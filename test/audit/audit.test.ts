import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AuditFiles } from '../../src/audit/audit-files.js';
import { AuditLog, type AuditStore } from '../../src/audit/audit-log.js';
import { verifyFolder } from '../../src/audit/folder.js';
import { AUDIT_LIMITS } from '../../src/audit/limits.js';
import { EMPTY_CHAIN, endAfter, readLine, writeLine } from '../../src/audit/line.js';

const ACT = { who: 'administrator', from: '192.0.2.1', what: 'RevokeIdentity', on: 'identity u' };
const ENTRY = { ...ACT, outcome: 'ok', count: 1 };

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'audit-')), 'audit');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

/** Lines that follow the end of a store. */
function lines(files: AuditStore, count: number): string {
  let { end } = files;
  let text = '';
  for (let at = 0; at < count; at++) {
    const line = writeLine(end, ENTRY, 0);
    end = endAfter(end, line);
    text += `${line}\n`;
  }
  return text;
}

/** A log in memory whose clock a test moves. */
function memoryLog({ append = () => {} }: { readonly append?: (text: string) => void } = {}) {
  const texts: string[] = [];
  const warnings: string[] = [];
  const timers: { readonly ms: number; readonly call: () => void }[] = [];
  const soon: (() => void)[] = [];
  const log = new AuditLog({
    store: {
      end: EMPTY_CHAIN,
      append: (text) => {
        append(text);
        texts.push(text);
      },
      close: () => {},
    },
    clock: {
      wallMs: () => 0,
      soon: (call) => void soon.push(call),
      after: (ms, call) => {
        timers.push({ ms, call });
        return { cancel: () => {} };
      },
    },
    warn: (message) => void warnings.push(message),
  });
  const settle = () => {
    for (const call of soon.splice(0)) call();
  };
  const fire = () => {
    for (const { call } of timers.splice(0)) call();
    settle();
  };
  const entries = () =>
    texts
      .join('')
      .trimEnd()
      .split('\n')
      .map((text) => readLine(text)!);
  return { log, texts, warnings, timers, settle, fire, entries };
}

describe('the files of an audit log', () => {
  it('are readable by their owner alone, and go on with the chain after a restart', () => {
    const first = new AuditFiles(folder);
    first.append(lines(first, 2));
    first.close();
    const [name] = readdirSync(folder);
    expect(name).toBe('audit-000001.jsonl');
    expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const second = new AuditFiles(folder);
    expect(second.end.number).toBe(2);
    second.append(lines(second, 1));
    second.close();
    expect(verifyFolder(folder)).toMatchObject({ files: 1, lines: 3, first: 1, problems: [] });
  });

  it('lose the line that a crash has cut off, and nothing else', () => {
    const first = new AuditFiles(folder);
    first.append(lines(first, 2));
    first.close();
    appendFileSync(join(folder, 'audit-000001.jsonl'), '{"number":3,"at":"19');
    expect(verifyFolder(folder)).toMatchObject({ lines: 2, problems: [] });
    const second = new AuditFiles(folder);
    second.append(lines(second, 1));
    second.close();
    expect(verifyFolder(folder)).toMatchObject({ lines: 3, problems: [] });
  });

  it('begin a new one at their bound, and the oldest goes when there are too many', () => {
    const limits = { fileBytesMax: 600, filesMax: 2 };
    let number = 0;
    for (; number < 9; number++) {
      const files = new AuditFiles(folder, limits);
      files.append(lines(files, 1));
      files.close();
    }
    const report = verifyFolder(folder);
    expect(report).toMatchObject({ files: 2, problems: [] });
    expect(report.first).toBeGreaterThan(1);
    expect(report.first + report.lines - 1).toBe(number);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(600);
  });

  it('are refused where others can write or read them', () => {
    new AuditFiles(folder).close();
    chmodSync(join(folder, 'audit-000001.jsonl'), 0o606);
    expect(() => new AuditFiles(folder)).toThrow(/all users can write/);
    chmodSync(join(folder, 'audit-000001.jsonl'), 0o644);
    expect(() => new AuditFiles(folder)).toThrow(/all users can read/);
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['a word was changed', (text) => text.replace('192.0.2.1', '192.0.2.2'), /was changed/],
    ['a line was taken out', (text) => text.replace(/^.*\n/m, '').replace(/^.*\n/m, ''), /^$/],
    ['a line in the middle was taken out', (text) => text.split('\n').toSpliced(1, 1).join('\n'), /its number is 3/],
    ['a line was put in', (text) => text.replace(/\n/, '\n{"number":2}\n'), /no line of an audit log/],
  ])('tell that %s', (_, change, problem) => {
    const files = new AuditFiles(folder);
    files.append(lines(files, 4));
    files.close();
    const path = join(folder, 'audit-000001.jsonl');
    writeFileSync(path, change(readFileSync(path, 'utf8')));
    const { problems, first } = verifyFolder(folder);
    // The oldest lines may have gone at a bound, so what is told of them is where the chain begins.
    if (problem.source === '^$') expect({ first, problems }).toEqual({ first: 3, problems: [] });
    else expect(problems[0].problem).toMatch(problem);
  });
});

describe('an audit log', () => {
  it('writes what was done at once, one line each', () => {
    const { log, settle, texts, entries } = memoryLog();
    log.done(ACT);
    log.done({ ...ACT, on: 'x'.repeat(1_000) });
    settle();
    expect(texts).toHaveLength(1);
    expect(entries()).toMatchObject([
      { ...ENTRY, number: 1, at: '1970-01-01T00:00:00.000Z', before: '0'.repeat(64) },
      { number: 2, on: 'x'.repeat(AUDIT_LIMITS.targetMax) },
    ]);
  });

  it('counts refusals of one caller and reason in ten seconds, and leaves out what says nothing of rights', () => {
    const { log, fire, timers, entries } = memoryLog();
    for (let at = 0; at < 1_000; at++) log.refused({ who: undefined, from: 'a', what: 'Session' }, 'PROOF_INVALID');
    log.refused({ who: 'identity u', from: 'a', what: 'PutPolicy' }, 'PERMISSION_DENIED');
    log.refused({ who: 'identity u', from: 'a', what: 'PutPolicy' }, 'FIELD_INVALID');
    expect(timers.map(({ ms }) => ms)).toEqual([10_000]);
    fire();
    expect(entries()).toMatchObject([
      { who: 'nobody', what: 'Session', outcome: 'PROOF_INVALID', count: 1_000 },
      { who: 'identity u', what: 'PutPolicy', outcome: 'PERMISSION_DENIED', count: 1 },
    ]);
  });

  it('has at most 257 lines of refusals in ten seconds, whoever they are of', () => {
    const { log, fire, entries } = memoryLog();
    for (let at = 0; at < 10_000; at++) log.refused({ who: undefined, from: `a${at}`, what: 'Login' }, 'PROOF_INVALID');
    fire();
    expect(entries()).toHaveLength(AUDIT_LIMITS.countedMax + 1);
    expect(entries().at(-1)).toMatchObject({ who: 'others', count: 10_000 - AUDIT_LIMITS.countedMax });
  });

  it('keeps lines in memory while the disk is full, up to 1 MiB, and says how many were lost beyond', () => {
    let isFull = true;
    const { log, settle, fire, warnings, entries } = memoryLog({
      append: () => {
        if (isFull) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      },
    });
    for (let at = 0; at < 20_000; at++) log.done(ACT);
    settle();
    fire();
    expect(warnings).toHaveLength(1);
    isFull = false;
    fire();
    expect(warnings).toHaveLength(2);
    const all = entries();
    const lost = all.at(-1)!;
    expect(lost).toMatchObject({ who: 'server', what: 'AuditLost', number: all.length });
    expect(all.length - 1 + lost.count).toBe(20_000);
    log.done(ACT);
    settle();
    expect(entries().at(-1)).toMatchObject({ number: all.length + 1, what: 'RevokeIdentity' });
  });
});
