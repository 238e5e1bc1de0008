import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { commandFirst } from '../../src/cli/arguments.js';
import { givenFlags } from '../../src/cli/operate/serve-options.js';
import { makeProgram } from '../../src/cli/program.js';
import type { Surroundings } from '../../src/cli/surroundings.js';
import { ConfigError, readConfig } from '../../src/config/config.js';
import { readBlocks } from './blocks.mjs';

/** A call of this program in a document: its variables, and the words that it is given. */
interface Call {
  readonly at: string;
  readonly env: Readonly<Record<string, string>>;
  readonly words: readonly string[];
}

const BLOCKS = readBlocks();

/** What is typed in the blocks that are not run: continued lines in one, without prompts, comments and what comes behind a pipe. */
const TYPED: readonly Call[] = BLOCKS.filter(
  ({ notRun, language, text }) => notRun !== undefined && (/^(sh|console)$/.test(language) || /^\$ /m.test(text)),
).flatMap(({ path, line, text }) => {
  const lines = text.replaceAll(/\\\n\s*/g, ' ').split('\n');
  return lines.flatMap((typed: string) => callsIn(typed).map((call) => ({ at: `${path}:${line}`, ...call })));
});

/** What stands between backticks in the prose. */
const NAMED: readonly Call[] = [...new Set(BLOCKS.map(({ path }) => path))].flatMap((path) => {
  const spans = readFileSync(path, 'utf8').matchAll(/(?<!`)`(switchyard [a-z][^`]*)`(?!`)/g);
  return [...spans].flatMap(([, span]) =>
    callsIn(span!.replaceAll(/\s+/g, ' ').replaceAll('\\|', '|').replaceAll(/ N\b/g, ' 1')).map((call) => ({
      at: path,
      ...call,
    })),
  );
});

/** The calls of this program in a line: alone, behind variables, in `$(…)`, as an ssh option, or as one of some in a pipe. */
function callsIn(typed: string): Omit<Call, 'at'>[] {
  const bare = typed.replace(/^(\w[\w-]*)?[$#] /, '').replace(/(^|\s)#\s.*$/, '');
  const calls = bare.matchAll(/(?:^|[|(']\s*)((?:[A-Z_]+=\S+ )*)switchyard ((?:[^|>&<)']|'[^']*')*)/g);
  return [...calls].map(([, variables, call]) => ({
    env: Object.fromEntries(variables!.split(' ').flatMap((one) => (one === '' ? [] : [one.split('=', 2)]))),
    words: wordsOf(call!),
  }));
}

function wordsOf(call: string): string[] {
  const words = call.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  return words.map((word) => word.replaceAll(/["']/g, ''));
}

/** A program that reads its command line to the end and does nothing. */
function idleProgram(): Command {
  const surroundings = { env: {}, terminal: { out: {}, err: {} } } as Surroundings;
  const program = makeProgram(surroundings);
  const calm = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
    if (command.commands.length > 0) for (const one of command.commands) calm(one);
    else command.action(() => {});
  };
  calm(program);
  return program;
}

/** What is wrong with a command line; undefined: nothing. */
function faultOf({ words, env = {} }: Partial<Call> & Pick<Call, 'words'>): string | undefined {
  const program = idleProgram();
  try {
    const args = commandFirst(program, words);
    program.parse(args, { from: 'user' });
    const serve = program.commands.find((command) => command.name() === 'serve')!;
    if (args[0] === 'serve')
      readConfig({ env, home: '/home/somebody', platform: 'linux', flags: givenFlags(serve), readFile: () => '' });
    return undefined;
  } catch (error) {
    // Files that it names are not here.
    const problems =
      error instanceof ConfigError
        ? error.problems.filter((text) => !/cannot be read/.test(text))
        : [(error as Error).message];
    return problems.length === 0 ? undefined : problems.join('; ');
  }
}

describe('a command line in a document', () => {
  it.each([
    ['in a block that is not run', TYPED, 35, /$^/],
    // A command is called by its name there, too.
    ['between backticks', NAMED, 40, /missing required argument|outputHelp/],
  ])('is one that the program takes: %s', (_where, calls, least, mayBe) => {
    expect(calls.length).toBeGreaterThan(least);
    const wrong = calls.flatMap((call) => {
      const fault = faultOf(call);
      return fault === undefined || mayBe.test(fault)
        ? []
        : [`${call.at}: switchyard ${call.words.join(' ')}: ${fault}`];
    });
    expect(wrong).toEqual([]);
  });

  it('is wrong with an option that there is not, a value that cannot be or a word too many', () => {
    expect(faultOf({ words: ['nodes', '--colour'] })).toMatch(/unknown option/);
    expect(faultOf({ words: ['serve', '--listen', 'here'] })).toMatch(/must be HOST:PORT/);
    expect(faultOf({ words: ['connect', 'harbour'] })).toMatch(/missing required argument/);
    const called = callsIn("desk$ ssh -o ProxyCommand='switchyard connect %h 22' boat-7");
    expect(called).toEqual([{ env: {}, words: ['connect', '%h', '22'] }]);
    expect(callsIn('# apt-get install golang-go')).toEqual([]);
    expect(callsIn('A=1 switchyard nodes | head # some')).toEqual([{ env: { A: '1' }, words: ['nodes'] }]);
  });
});
