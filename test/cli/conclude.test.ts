import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { linesOf } from '../../src/cli/conclude.js';
import { Failure } from '../../src/cli/surroundings.js';
import { SwitchyardError } from '../../src/client/index.js';
import { StatusCode } from '../../src/client/status.js';
import { runCommand } from './command.js';

/** A line of a stack, or a file with its folders. */
const STACK = /^\s+at |node:internal|\/src\/|\/node_modules\//m;

/** Thrown some calls deep, as a defect is. */
function thrown(make: () => unknown, depth = 3): unknown {
  if (depth > 0) return thrown(make, depth - 1);
  return make();
}

describe('what a command says of an error', () => {
  it.each([
    ['a TypeError', () => new TypeError('x is not a function')],
    ['an error with a cause', () => new Error('outer', { cause: new Error('inner') })],
    ['an AggregateError', () => new AggregateError([new Error('one'), new Error('two')], 'all of them')],
    ['a text', () => 'odd'],
    ['nothing', () => undefined],
    ['a refusal', () => new SwitchyardError(StatusCode.INTERNAL, 'an internal error; its id is 5f')],
    ['a failure', () => new Failure('it is so', ['do this'])],
    ['an error of the system', () => Object.assign(new Error('open x: EACCES'), { code: 'EACCES', errno: -13 })],
  ])('never has a stack, nor where this program is installed: %s', (_, make) => {
    const lines = linesOf(thrown(make));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toMatch(STACK);
  });

  it('names a defect as one, with the innermost place in one line', () => {
    expect(linesOf(thrown(() => new RangeError('odd')))).toEqual([
      expect.stringMatching(
        /^a defect in switchyard \S+: RangeError: odd \(at conclude\.test\.ts:\d+:\d+\); please report it$/,
      ),
    ]);
  });

  it('is the same whatever the stack of an error holds', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (message, stack) => {
        const error = Object.assign(new Error(message), {
          stack: `Error: ${message}\n    at f (/src/x/y.ts:1:2)\n${stack}`,
        });
        expect(linesOf(error)).toHaveLength(1);
      }),
    );
  });
});

describe('a command that meets a defect', () => {
  it('ends with status 1 and one line', async () => {
    const env = new Proxy({}, { get: (_, name) => thrown(() => fail(String(name))) });
    const { status, out, err } = await runCommand(['nodes'], { env });
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(
      /^a defect in switchyard \S+: RangeError: SWITCHYARD_\w+ is odd \(at \S+\); please report it\n$/,
    );
  });
});

function fail(name: string): never {
  throw new RangeError(`${name} is odd`);
}
