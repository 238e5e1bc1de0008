// Every block of code in every document is run as it would be pasted, or says why not: node test/gate/blocks.mjs
//
// A comment on the line before a block says how it is run (`<!-- run: shell -->`) or that it is not, and why
// (`<!-- not run: a picture -->`). Blocks that the documents share with the code have no comment: tests compare them.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './command.mjs';

/** How blocks are run, and by what test. */
export const RUNNERS = {
  shell: 'test/gate/blocks.test.ts',
  'until Ctrl-C': 'test/gate/blocks.test.ts',
  program: 'test/gate/blocks.test.ts',
  python: 'test/sdk/python.test.ts',
  go: 'test/sdk/go.test.ts',
  example: 'test/client/examples.test.ts',
  vector: 'test/system/codec/document.test.ts',
  record: 'test/journal/format/record.test.ts',
  policy: 'test/trust/policy-documents.test.ts',
  health: 'test/interop/grpc-python.test.ts',
  'service-config': 'test/grpc/retries.test.ts',
};

/** Documents whose programs are files of docs/examples, whole. */
const OF_EXAMPLES = new Set(['docs/client.md', 'docs/direct-connections.md']);

/** Every block of every document that git knows. */
export function readBlocks() {
  const paths = execFileSync('git', ['ls-files', '-z', '*.md'], { cwd: ROOT, encoding: 'utf8' })
    .split('\0')
    .filter(Boolean);
  return paths.flatMap((path) => blocksOf(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** The blocks of a document: where each begins, its language and text, and how it is run or why it is not. */
export function blocksOf(path, text) {
  const lines = text.split('\n');
  const blocks = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent, fence, language] = /^( *)(`{3,}|~{3,}) *(\S*)/.exec(lines[at]) ?? [];
    if (fence === undefined) continue;
    const begin = at;
    while (++at < lines.length && lines[at].trim() !== fence);
    const content = lines.slice(begin + 1, at).map((line) => line.slice(indent.length));
    const [, not, words] = /^ *<!-- (not )?run: (.+?) -->$/.exec(lines[begin - 1] ?? '') ?? [];
    blocks.push({ path, line: begin + 1, language, text: content.join('\n'), ...markOf(path, language, not, words) });
  }
  return blocks;
}

function markOf(path, language, not, words) {
  if (words !== undefined) return not === undefined ? { run: words } : { notRun: words };
  if (language === 'vector') return { run: 'vector' };
  return language === 'ts' && OF_EXAMPLES.has(path) ? { run: 'example' } : {};
}

/** What is wrong with the blocks, and how many there are. */
export function judgeBlocks(blocks) {
  const wrong = blocks.flatMap(({ path, line, run, notRun }) => {
    if (notRun !== undefined || (run !== undefined && Object.hasOwn(RUNNERS, run))) return [];
    const how = Object.keys(RUNNERS).join(', ');
    const what =
      run === undefined
        ? 'is not run, and does not say why'
        : `is to be run by ${JSON.stringify(run)}; there are ${how}`;
    return [`${path}:${line}: the block ${what}`];
  });
  const notRun = blocks.filter((block) => block.notRun !== undefined).length;
  return { wrong, note: `${blocks.length} blocks: ${blocks.length - notRun - wrong.length} run, ${notRun} not run` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const blocks = readBlocks();
  const { wrong, note } = judgeBlocks(blocks);
  for (const { path, line, notRun } of blocks)
    if (notRun !== undefined) console.log(`${path}:${line}: not run: ${notRun}`);
  for (const line of wrong) console.log(line);
  console.log(note);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
