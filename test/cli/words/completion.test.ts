import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { listedCommands, runCommand } from '../command.js';

const run = promisify(execFile);
let script: string;

beforeAll(async () => {
  script = (await runCommand(['completion', 'bash'])).out;
});

/** What bash offers for the last word of a line. */
async function offered(...words: string[]): Promise<string[]> {
  const line = words.map((word) => `'${word}'`).join(' ');
  const ask = `${script}\nCOMP_WORDS=(switchyard ${line}) COMP_CWORD=${words.length}\n_switchyard 2>/dev/null\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['--norc', '-c', ask]);
  return stdout.split('\n').filter(Boolean);
}

describe('the completion for bash', () => {
  it('offers commands, those of a command, and options that begin as the word does', async () => {
    expect(await offered('se')).toEqual((await listedCommands()).filter((name) => name.startsWith('se')));
    expect(await offered('journal', '')).toEqual(await listedCommands('journal'));
    expect(await offered('nodes', '--js')).toEqual(['--json']);
    expect(await offered('serve', '--console-')).toEqual(['--console-listen', '--console-origin']);
    expect(await offered('--json', 'jour')).toEqual(['journal']);
    expect(await offered('journal', 'dump', '--af')).toEqual(['--after']);
  });

  it('offers the choices of an option, and nothing where a value is nobody’s to guess', async () => {
    expect(await offered('export', '--format', '')).toEqual(['netjson', 'dot', 'graphml']);
    expect(await offered('nodes', '--server', '')).toEqual([]);
    expect(await offered('nodes', 'journal', '')).toEqual([]);
  });

  it('knows every command that the help lists', async () => {
    const listed = await listedCommands();
    expect(listed.length).toBeGreaterThan(18);
    expect((await offered('')).sort()).toEqual(listed.sort());
  });

  it('is refused for another shell', async () => {
    expect(await runCommand(['completion', 'tcsh'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('Allowed choices are bash, zsh, fish'),
    });
  });
});
