import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listedCommands, runCommand } from '../command.js';

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-completion-'));
  for (const shell of ['zsh', 'fish']) {
    await writeFile(join(folder, shell), (await runCommand(['completion', shell])).out);
  }
});
afterAll(() => rm(folder, { recursive: true }));

describe('the completion for fish', () => {
  const offered = async (line: string) => {
    const { stdout } = await run('fish', ['--no-config', '-c', `source ${folder}/fish; complete -C '${line}'`]);
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((text) => text.split('\t')[0]);
  };

  it('offers commands, those of a command, options and the choices of an option', async () => {
    const inHelp = await listedCommands();
    expect((await offered('switchyard se')).sort()).toEqual(inHelp.filter((name) => name.startsWith('se')).sort());
    expect((await offered('switchyard journal ')).sort()).toEqual((await listedCommands('journal')).sort());
    expect(await offered('switchyard serve --console-')).toEqual(['--console-listen', '--console-origin']);
    expect((await offered('switchyard export --format ')).sort()).toEqual(['dot', 'graphml', 'netjson']);
    expect(await offered('switchyard nodes --server ')).toEqual([]);
  });
});

describe('the completion for zsh', () => {
  /** What zsh has on its line after TAB, in a real terminal of its own. */
  const completed = async (line: string) => {
    const script = `
      zmodload zsh/zpty
      zpty -b z zsh -f -i
      zpty -w z 'PROMPT=; autoload -Uz compinit; compinit -D; source ${folder}/zsh'
      zpty -w z 'show() { zle complete-word; print -r -- "<$BUFFER>" }; zle -N show; bindkey "^T" show; print REA""DY'
      heard() { repeat 200; do zpty -r -t z part && said+=$part; [[ $said == *$~1* ]] && return; sleep 0.05; done }
      said= part=
      heard READY
      said=
      zpty -n -w z '${line}'$'\\C-t'
      heard "<*>"
      print -r -- "$said"
      zpty -d z`;
    const { stdout } = await run('zsh', ['-f', '-c', script], { env: { ...process.env, TERM: 'dumb' } });
    return /<(.*?)\s*>/.exec(stdout)?.[1];
  };

  it.each([
    ['switchyard termi', 'switchyard terminate'],
    ['switchyard journal du', 'switchyard journal dump'],
    ['switchyard nodes --js', 'switchyard nodes --json'],
    ['switchyard export --format gra', 'switchyard export --format graphml'],
  ])('makes %s into %s', async (line, whole) => {
    expect(await completed(line)).toBe(whole);
  });
});
