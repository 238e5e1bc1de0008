import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { programArguments } from '../../harness/program.js';
import { IS_LONG } from '../long.js';
import { blocksOf, judgeBlocks, RUNNERS, readBlocks } from './blocks.mjs';
import { ROOT } from './command.mjs';

type Block = ReturnType<typeof readBlocks>[number];
const BLOCKS = readBlocks();
/** `npm test` runs those of the README, and `npm run test:all` each of each document. */
const RUN = BLOCKS.filter(({ path }) => IS_LONG || path === 'README.md');
/** Commands are pasted as they stand, ports and all, so they get a network of their own. */
const canIsolate = spawnSync('unshare', ['-rn', 'true']).status === 0;
if (!canIsolate) process.stderr.write('not checked: the blocks of the documents, as no namespace may be made here\n');

describe('the blocks of the documents', () => {
  it('are run, or say why not', () => {
    expect(judgeBlocks(BLOCKS).wrong).toEqual([]);
  });

  it('are wrong without a comment, or with one that nothing runs', () => {
    const text = [
      '```sh',
      'a',
      '```',
      '',
      '<!-- run: nothing -->',
      '```',
      'b',
      '```',
      '<!-- not run: c -->',
      '```',
      '```',
    ];
    const { wrong, note } = judgeBlocks(blocksOf('x.md', text.join('\n')));
    expect(wrong).toEqual([
      'x.md:1: the block is not run, and does not say why',
      `x.md:6: the block is to be run by "nothing"; there are ${Object.keys(RUNNERS).join(', ')}`,
    ]);
    expect(note).toBe('3 blocks: 0 run, 1 not run');
  });
});

/** How long a block is looked at that does not end: longer than its first words take on a crowded machine. */
const LASTING_S = 10;
/**
 * A block is ended after so long, and what it had said is shown: one that starts a server from its sources took 93 s at a load of 20 and the lowest
 * priority, and a limit of Jest's shows nothing.
 */
const BLOCK_MS = 200_000;
const LIMIT_MS = BLOCK_MS + 20_000;
const LOADER = ['--no-warnings', '--import', pathToFileURL(join(ROOT, 'harness/typescript.mjs')).href];

(canIsolate ? describe : describe.skip)('as pasted', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-blocks-'));
    place('bin/switchyard', `#!/bin/sh\nexec ${process.execPath} ${programArguments().join(' ')} "$@"\n`, 0o755);
    const exports = { './client': './client.mjs', './system': './system.mjs' };
    place('node_modules/switchyard/package.json', JSON.stringify({ type: 'module', exports }));
    for (const [name, source] of [
      ['client', 'src/client/index.ts'],
      ['system', 'src/system/client/index.ts'],
    ]) {
      place(`node_modules/switchyard/${name}.mjs`, `export * from '${pathToFileURL(join(ROOT, source)).href}';\n`);
    }
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  function place(path: string, text: string, mode = 0o644): string {
    const at = join(folder, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, text, { mode });
    return at;
  }

  const shells = RUN.filter(({ run }) => run === 'shell');
  it.each(shells)(
    '$path:$line does what it says',
    async (block) => {
      const { status, said } = await runInNetwork(place('block.sh', scriptOf(block, join(folder, 'out'))));
      expect({ status, said }).toEqual({ status: 0, said });
    },
    LIMIT_MS,
  );

  const lasting = RUN.filter(({ run }) => run === 'until Ctrl-C');
  it.each(lasting)(
    '$path:$line says something, and goes on until Ctrl-C',
    async (block) => {
      const out = join(folder, 'lasting');
      const typed = place('lasting.sh', scriptOf(block, out));
      // Of 124 makes `timeout` that the command went on until then.
      const script = `timeout --signal=INT ${LASTING_S} bash ${typed} > ${out} && exit 1 || [ $? = 124 ]; grep -q . ${out}\n`;
      const { status, said } = await runInNetwork(place('block.sh', script));
      expect({ status, said }).toEqual({ status: 0, said });
    },
    LIMIT_MS,
  );

  // Those of a document are one program: a later one goes on where the one before has ended.
  const programs = new Map<string, string>();
  for (const { path, run, text } of RUN) {
    if (run === 'program') programs.set(path, `${programs.get(path) ?? ''}${text}\n`);
  }
  it.each([...programs])(
    'the programs of %s do what they say',
    async (_, text) => {
      const program = place('program.ts', `${text}\nconsole.log('to its end');\nprocess.exit(0);\n`);
      const script = place('program.sh', `exec ${process.execPath} ${LOADER.join(' ')} ${program}\n`);
      const { status, said } = await runInNetwork(script);
      expect({ status, said }).toMatchObject({ status: 0, said: expect.stringContaining('to its end') });
    },
    LIMIT_MS,
  );

  /** Runs a script beside a server at the port of every example. */
  async function runInNetwork(script: string): Promise<{ status: number | null; said: string }> {
    const serve = `switchyard serve --data :memory: --system-tcp-listen 127.0.0.1:8770 --web-listen 127.0.0.1:8772 --log-level error`;
    const lines = [
      'set -e',
      'ip link set lo up',
      // Emptied here: what runs in the background may come to it later than the look for what the block before has left.
      ': > listening',
      `${serve} > listening & server=$!`,
      'until grep -q listening listening; do kill -0 $server; sleep 0.1; done',
      `(cd ${ROOT} && bash -eo pipefail ${script} < /dev/null)`,
    ];
    const child = spawn('unshare', ['-rn', '--kill-child', '--pid', '--fork', 'bash', '-c', lines.join('\n')], {
      cwd: folder,
      env: { ...process.env, PATH: `${folder}/bin:${ROOT}/node_modules/.bin:${process.env.PATH}`, HOME: folder },
    });
    let said = '';
    for (const output of [child.stdout, child.stderr]) output.on('data', (bytes) => (said += bytes));
    // What it left in the background goes with its namespace, and holds its outputs open until then.
    const ending = setTimeout(() => {
      said += `\nended after ${BLOCK_MS / 1_000} s`;
      child.kill('SIGKILL');
    }, BLOCK_MS);
    const status = await new Promise<number | null>((resolve) => child.once('exit', resolve));
    clearTimeout(ending);
    return { status, said };
  }
});

/**
 * What somebody types: the lines behind `$ `, or all where there are none. What runs in the background is waited for until it
 * has printed the line that stands below it, numbers aside.
 */
function scriptOf({ text }: Block, out: string): string {
  const lines: string[] = text.split('\n');
  if (!lines.some((line) => line.startsWith('$ '))) return text.replaceAll(/ > \S+$/gm, ' > /dev/null');
  const script: string[] = [];
  for (const [at, line] of lines.entries()) {
    const isCommand = line.startsWith('$ ');
    if (!isCommand && !lines[at - 1]?.endsWith('\\')) continue;
    const typed = line.replace(/^\$ /, '').replace(/ > [^|&]\S+$/, ' > /dev/null');
    if (!typed.endsWith(' &')) {
      script.push(typed);
      continue;
    }
    const awaited = lines[at + 1].replaceAll(/[.*[\]^$\\]/g, '.').replaceAll(/[\d.]+/g, '[0-9.]+');
    script.push(
      `: > ${out}`,
      `${typed.slice(0, -2)} > ${out} &`,
      `until grep -Eq '^${awaited}$' ${out}; do kill -0 $!; sleep 0.2; done`,
    );
  }
  return `${script.join('\n')}\n`;
}
