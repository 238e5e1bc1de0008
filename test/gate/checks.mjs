import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { judgeBlocks, readBlocks } from './blocks.mjs';
import { ROOT, run, runModule } from './command.mjs';

/** Biome, changing nothing. */
export async function formatAndLint() {
  return judged(await runModule('@biomejs/biome/bin/biome', ['ci', '.']), 'npm run format mends most of this');
}

/** The TypeScript compiler over sources and tests, writing nothing. */
export async function types() {
  const ours = judged(await runModule('typescript/bin/tsc', ['--noEmit']));
  // The page of the console lives in a browser's world, with other types.
  return ours.ok ? judged(await runModule('typescript/bin/tsc', ['-p', 'console'])) : ours;
}

/** One command of buf. */
export async function buf(args, remedy) {
  return judged(await runModule('@bufbuild/buf/bin/buf', args), remedy);
}

/** The layout of our own protos; those of Google and gRPC stay as they are published. */
export function bufFormat() {
  return buf(
    ['format', '--diff', '--exit-code', '--exclude-path', 'proto/google', '--exclude-path', 'proto/grpc'],
    'npm run format mends this',
  );
}

/**
 * The protos against an earlier version of themselves: a change that would break a client is found here.
 *
 * Reads the earlier version out of git into a folder, because buf cannot read a linked worktree itself, and compares images,
 * because the earlier version may have its files in other modules.
 */
export async function breaking() {
  const base = await earlierVersion();
  if (base === undefined) return { ok: undefined, note: 'there is no earlier commit here to compare with' };
  return inTemporaryFolder(async (folder) => {
    const archive = await run('git', ['archive', base.commit, ...(await protoPathsAt(base.commit)), 'buf.yaml']);
    if (archive.code !== 0) return { ok: undefined, note: `${base.name} has no protos to compare with` };
    const unpacked = await run('tar', ['-x', '-C', folder], { input: archive.outBytes });
    if (unpacked.code !== 0) return judged(unpacked);
    const earlier = join(folder, 'earlier.binpb');
    const built = await buf(['build', folder, '-o', earlier]);
    if (!built.ok) return built;
    const outcome = await breaksAgainst(earlier);
    return { ...outcome, note: `compared with ${base.name} (${base.commit.slice(0, 10)})` };
  });
}

/** Compares the protos of all modules with an image, by the rules of buf.yaml. */
export function breaksAgainst(image) {
  return inTemporaryFolder(async (folder) => {
    const now = join(folder, 'now.binpb');
    const built = await buf(['build', '-o', now]);
    return built.ok ? buf(['breaking', now, '--against', image, '--config', 'buf.yaml']) : built;
  });
}

/** Where protos stand: the modules of a buf.yaml. */
function modulesOf(bufYaml) {
  return [...bufYaml.matchAll(/^ +- path: (\S+)$/gm)].map(([, path]) => path);
}

/** The folders of protos that a commit has, which may be others than today's; none where it has no buf.yaml. */
async function protoPathsAt(commit) {
  const { code, outBytes } = await run('git', ['show', `${commit}:buf.yaml`]);
  return code === 0 ? modulesOf(outBytes.toString()) : [];
}

/**
 * What to compare with: main where this is not main itself; on main the last commit while there are changes in the
 * working tree, and otherwise the commit before it.
 */
async function earlierVersion() {
  const head = await commitOf('HEAD');
  if (head === undefined) return undefined;
  const modules = modulesOf(readFileSync(join(ROOT, 'buf.yaml'), 'utf8'));
  const dirty = (await run('git', ['status', '--porcelain', '--', ...modules])).said.trim() !== '';
  for (const name of ['origin/main', 'main']) {
    const commit = await commitOf(name);
    if (commit !== undefined && (commit !== head || dirty)) return { name, commit };
  }
  const commit = await commitOf('HEAD~1');
  return commit === undefined ? undefined : { name: 'the commit before this one', commit };
}

async function commitOf(name) {
  const { code, outBytes } = await run('git', ['rev-parse', '--verify', '--quiet', `${name}^{commit}`]);
  return code === 0 ? outBytes.toString().trim() : undefined;
}

/** Counts the blocks of the documents. Those that are run are run by the tests. */
export function documentBlocks() {
  const { wrong, note } = judgeBlocks(readBlocks());
  return { ok: wrong.length === 0, said: wrong.join('\n'), note };
}

/** Generates the stubs anew, elsewhere, and compares every file with the committed one. */
export function freshStubs() {
  return inTemporaryFolder(async (folder) => {
    const generated = await buf(['generate', '-o', folder]);
    if (!generated.ok) return generated;
    const [fresh, committed] = await Promise.all([filesUnder(join(folder, 'gen')), filesUnder(join(ROOT, 'gen'))]);
    const paths = [...new Set([...fresh.keys(), ...committed.keys()])].sort();
    const odd = paths.filter((path) => !fresh.get(path)?.equals(committed.get(path) ?? Buffer.alloc(0)));
    const said = `npm run generate, and commit what it makes:\n${odd.map((path) => `gen/${path}`).join('\n')}`;
    return { ok: odd.length === 0, said, note: `${paths.length} files` };
  });
}

async function filesUnder(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(paths.map(async (path) => [relative(folder, path), await readFile(path)])));
}

async function inTemporaryFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-gate-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function judged({ code, said }, remedy) {
  return { ok: code === 0, said: remedy ? `${said.trimEnd()}\n${remedy}` : said };
}
