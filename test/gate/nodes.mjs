import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, run } from './command.mjs';

/** Where versions of Node are installed that this machine has not: git ignores it. */
const CACHE = join(ROOT, '.nodes');

/** The environment variable that names the program of a version of Node. */
export function nodeVariable(major) {
  return `GATE_NODE_${major}`;
}

/** npm's package of Node's own program for a platform. */
export function nodePackage(major, platform = process.platform, arch = process.arch) {
  // The packages of Apple's processors have a name of their own from the beginning.
  const prefix = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node';
  return `${prefix}-${platform}-${arch}@${major}`;
}

/**
 * The program of a version of Node: the one that the environment names, the one that runs this, or one from npm, which is
 * kept for the next time. Answers `{ path }`, or `{ said }` with what is missing.
 */
export async function findNode(major, env = process.env) {
  const named = env[nodeVariable(major)];
  if (named !== undefined) {
    const version = await versionOf(named);
    if (isOf(version, major)) return { path: named };
    return { said: `${nodeVariable(major)} is ${named}, which is ${version ?? 'no Node'}: it must be Node ${major}` };
  }
  if (isOf(process.version, major)) return { path: process.execPath };
  return installNode(major);
}

async function installNode(major) {
  const folder = join(CACHE, String(major));
  const name = nodePackage(major);
  const path = join(folder, 'node_modules', name.slice(0, name.lastIndexOf('@')), 'bin', 'node');
  if (isOf(await versionOf(path), major)) return { path };
  await mkdir(folder, { recursive: true });
  const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
  await run('npm', ['install', '--prefix', folder, ...quiet, name]);
  if (isOf(await versionOf(path), major)) return { path };
  return { said: `Node ${major} is missing: npm could not install ${name}; name one by ${nodeVariable(major)}` };
}

/** What a program says to --version; undefined for one that is not there. */
async function versionOf(program) {
  const { code, outBytes } = await run(program, ['--version']);
  return code === 0 ? outBytes.toString().trim() : undefined;
}

function isOf(version, major) {
  return version?.startsWith(`v${major}.`) === true;
}
