import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { common, sizeOf } from './trip.js';

/**
 * What a Session call takes today. Whoever makes it shorter lowers these; nobody raises them without a reason. Several networks behind one
 * door, and the homes of sessions, took the files from 102 to 105; a table in place of node:http2's Map of streams, which is not counted, took
 * them to 106 and the functions from 400 to 409, and 8 % off the CPU of the call.
 */
const FILES_MAX = 106;
const FUNCTIONS_MAX = 409;

describe('the way of a Session call through the sources', () => {
  it(`goes through ${FUNCTIONS_MAX} functions in ${FILES_MAX} files at most, and through the core and the journal`, async () => {
    const program = ['--import', './harness/typescript.mjs', 'test/gate/trip.ts', '--list'];
    const { stdout } = await promisify(execFile)(process.execPath, program, { timeout: 120_000 });
    const [, functions, files] = /through (\d+) functions in (\d+) files/.exec(stdout) ?? [];
    expect(Number(files)).toBeLessThanOrEqual(FILES_MAX);
    expect(Number(functions)).toBeLessThanOrEqual(FUNCTIONS_MAX);
    for (const path of [
      'src/core/decide/session.ts',
      'src/journal/format/record.ts',
      'src/grpc/services/session-service.ts',
    ]) {
      expect(stdout).toContain(`${path}\n`);
    }
  }, 150_000);

  const ran = (...names: string[]) => new Map(names.map((name) => [name, 1]));

  it('leaves out what ran during one of two calls alone, such as a timer', () => {
    const [quiet, busy] = [
      new Map([['src/a.ts', ran('f 1', 'g 2')]]),
      new Map([
        ['src/a.ts', ran('f 1')],
        ['src/timer.ts', ran('h 3')],
      ]),
    ];
    expect(common(busy, quiet)).toEqual(new Map([['src/a.ts', ran('f 1')]]));
  });

  it('counts the functions of all files', () => {
    expect(
      sizeOf(
        new Map([
          ['src/a.ts', ran('f 1', 'g 2')],
          ['src/b.ts', ran('h 3')],
        ]),
      ),
    ).toEqual({ files: 2, functions: 3 });
  });
});
