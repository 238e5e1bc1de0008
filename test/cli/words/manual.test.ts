import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { version } from '../../../src/base/version.js';
import { manualPage } from '../../../src/cli/manual.js';
import { everyCommand, treeOf } from '../../../src/cli/network/tree.js';
import { makeTerminal } from '../../../src/cli/output/terminal.js';
import { makeProgram } from '../../../src/cli/program.js';
import { systemClock, systemRandom } from '../../../src/client/system.js';
import { Recorder } from '../command.js';

const PATH = fileURLToPath(new URL('../../../man/switchyard.1', import.meta.url));
const run = promisify(execFile);

function tree() {
  const terminal = makeTerminal(new Recorder(undefined), new Recorder(undefined), false);
  const nowhere = { env: {}, platform: 'linux', home: '/nowhere', readFile: () => '', pid: 1 } as const;
  const streams = { input: Readable.from([]), output: new PassThrough(), signal: new AbortController().signal };
  return treeOf(makeProgram({ ...nowhere, ...streams, terminal, clock: systemClock, random: systemRandom }));
}

describe('the manual page', () => {
  it('is made of what the help is made of (npm run man brings it up to date)', () => {
    const page = manualPage(tree(), version());
    if (process.env.UPDATE_DOCUMENT === '1') {
      mkdirSync(fileURLToPath(new URL('.', `file://${PATH}`)), { recursive: true });
      writeFileSync(PATH, page);
    }
    expect(readFileSync(PATH, 'utf8')).toBe(page);
  });

  it('has every command with its options, and is rendered without a warning', async () => {
    const env = { ...process.env, MANWIDTH: '100', MAN_KEEP_FORMATTING: '', LC_ALL: 'C.UTF-8' };
    const rendered = await run('man', ['--warnings=all', '-l', PATH], { env }).catch((error) => {
      // Where man is not installed, groff is what would render it; where neither is, the page is only compared.
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    });
    if (rendered === undefined) return;
    expect(rendered.stderr).toBe('');
    const text = rendered.stdout.split(/.[\b]/).join('');
    for (const { words, options, commands } of everyCommand(tree())) {
      if (commands.length > 0) continue;
      expect(text).toContain(words.slice(1).join(' '));
      for (const { names } of options) for (const name of names) expect(text).toContain(name);
    }
  });
});
