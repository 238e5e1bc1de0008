// Makes a package for Debian: node deploy/deb/build.mjs [options] [FOLDER]
//
//   --arch NAME         amd64 or arm64; this machine's without it
//   --node FILE         the Node that it brings; npm's package of Node 24 without it
//   --package FILE      what `npm pack` has made; made now without it
//   --compression NAME  xz, gzip or none: small, or fast
//
// FOLDER gets switchyard_VERSION_ARCH.deb. What it takes: npm, dpkg-deb and, without --node, npm's registry.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { ARCHITECTURES, controlFile, debianVersion } from './control.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NODE_MAJOR = 24;
/** The folder of the program, as bin/switchyard of the package expects to find its neighbours. */
const LIB = 'usr/lib/switchyard';
const QUIET = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--loglevel=error'];

/**
 * Makes the package; answers with its path, the sizes of its parts in bytes, and its own.
 *
 * @param {{ architecture: string, node?: string, tarball?: string, compression?: string, out: string }} what
 */
export function buildDeb({ architecture, node, tarball, compression = 'xz', out }) {
  const work = mkdtempSync(join(tmpdir(), 'switchyard-deb-'));
  try {
    const tree = join(work, 'tree');
    const lib = join(tree, LIB);
    mkdirSync(lib, { recursive: true });
    npm(['pack', '--pack-destination', work, '--loglevel=error'], ROOT, tarball !== undefined);
    const packed =
      tarball ??
      join(
        work,
        readdirSync(work).find((name) => name.endsWith('.tgz')),
      );
    execFileSync('tar', ['-x', '-z', '-f', packed, '-C', lib, '--strip-components=1', '--no-same-owner']);
    const { version } = JSON.parse(readFileSync(join(lib, 'package.json'), 'utf8'));
    installModules(lib, version, ARCHITECTURES[architecture]);
    nameCommand(lib);
    layOut(tree, lib);
    placeNode(tree, node ?? installNode(work, ARCHITECTURES[architecture]));
    const sizes = sizesOf(lib, tree);
    const nodeVersion = versionOf(join(lib, 'runtime/node'), architecture);
    writeControl(tree, { version, architecture, nodeVersion, installedKiB: Math.ceil(sizes.all / 1024) });
    mkdirSync(out, { recursive: true });
    const path = join(out, `switchyard_${debianVersion(version)}_${architecture}.deb`);
    const level = compression === 'gzip' ? ['-z1'] : [];
    const date = execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' }).trim();
    execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, ...level, '--build', tree, path], {
      // The same commit makes the same times.
      env: { ...process.env, SOURCE_DATE_EPOCH: date },
    });
    return { path, sizes: { ...sizes, package: statSync(path).size } };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function npm(args, cwd, skip = false) {
  if (!skip) execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** What the program stands on, in the very versions of this checkout; an older program gets what its own file asks for. */
function installModules(lib, version, cpu) {
  const isOurs = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version === version;
  if (isOurs) copyFileSync(join(ROOT, 'package-lock.json'), join(lib, 'package-lock.json'));
  const target = ['--os=linux', `--cpu=${cpu}`, '--libc=glibc'];
  npm([isOurs ? 'ci' : 'install', '--omit=dev', ...target, ...QUIET], lib);
  for (const name of ['package-lock.json', 'node_modules/.package-lock.json', 'node_modules/.bin'])
    rmSync(join(lib, name), { recursive: true, force: true });
  dropOtherBinaries(join(lib, 'node_modules'), cpu);
}

/** Takes out what is compiled for other systems, other C libraries and the interfaces of other Nodes: some 20 MB. */
function dropOtherBinaries(modules, cpu) {
  for (const entry of readdirSync(modules, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(node|bare)$/.test(entry.name)) continue;
    const isOurs = entry.parentPath.includes('/prebuilds/')
      ? entry.parentPath.endsWith(`/linux-${cpu}`) && entry.name.endsWith('.node')
      : entry.name.endsWith('.napi.glibc.node');
    if (!isOurs) rmSync(join(entry.parentPath, entry.name));
  }
}

/** npm's package of Node's own program for a processor. */
function installNode(work, cpu) {
  const folder = join(work, 'node');
  mkdirSync(folder);
  const name = `node-linux-${cpu}`;
  npm(['install', '--prefix', folder, '--force', '--no-package-lock', ...QUIET, `${name}@${NODE_MAJOR}`], work);
  return join(folder, 'node_modules', name, 'bin/node');
}

/** The command of a release that had no bin/switchyard yet: a link of that name to what was its command. */
function nameCommand(lib) {
  const { bin } = JSON.parse(readFileSync(join(lib, 'package.json'), 'utf8'));
  if (bin.switchyard === 'bin/switchyard') return;
  mkdirSync(join(lib, 'bin'), { recursive: true });
  symlinkSync(join('..', bin.switchyard), join(lib, 'bin/switchyard'));
  chmodSync(join(lib, bin.switchyard), 0o755);
}

/** Node, and its licence where it lies beside, as it does in npm's packages. */
function placeNode(tree, node) {
  const runtime = join(tree, LIB, 'runtime');
  mkdirSync(runtime);
  copyFileSync(node, join(runtime, 'node'));
  chmodSync(join(runtime, 'node'), 0o755);
  const license = join(dirname(node), '../LICENSE');
  if (existsSync(license)) copyFileSync(license, join(tree, 'usr/share/doc/switchyard/copyright.node'));
}

/** Everything beside the program: the command, the unit, its user, the manual page, and what was decided about licences. */
function layOut(tree, lib) {
  for (const folder of [
    'usr/bin',
    'usr/lib/systemd/system',
    'usr/lib/sysusers.d',
    'usr/share/man/man1',
    'usr/share/doc/switchyard',
    'etc/switchyard',
  ]) {
    mkdirSync(join(tree, folder), { recursive: true });
  }
  copyFileSync(join(HERE, 'switchyard'), join(tree, 'usr/bin/switchyard'));
  chmodSync(join(tree, 'usr/bin/switchyard'), 0o755);
  copyFileSync(
    join(ROOT, 'deploy/systemd/switchyard.service'),
    join(tree, 'usr/lib/systemd/system/switchyard.service'),
  );
  copyFileSync(join(ROOT, 'deploy/systemd/switchyard.sysusers.conf'), join(tree, 'usr/lib/sysusers.d/switchyard.conf'));
  copyFileSync(join(HERE, 'environment'), join(tree, 'etc/switchyard/environment'));
  // It may hold the administrator's token; systemd reads it as root.
  chmodSync(join(tree, 'etc/switchyard/environment'), 0o600);
  const share = join(tree, 'usr/share');
  writeFileSync(
    join(share, 'man/man1/switchyard.1.gz'),
    gzipSync(readFileSync(join(ROOT, 'man/switchyard.1')), { level: 9 }),
  );
  copyFileSync(join(lib, 'LICENSE'), join(share, 'doc/switchyard/copyright'));
  writeFileSync(
    join(share, 'doc/switchyard/changelog.gz'),
    gzipSync(readFileSync(join(lib, 'CHANGELOG.md')), { level: 9 }),
  );
}

function writeControl(tree, about) {
  cpSync(join(HERE, 'scripts'), join(tree, 'DEBIAN'), { recursive: true });
  for (const name of readdirSync(join(HERE, 'scripts'))) chmodSync(join(tree, 'DEBIAN', name), 0o755);
  writeFileSync(join(tree, 'DEBIAN/conffiles'), '/etc/switchyard/environment\n');
  writeFileSync(join(tree, 'DEBIAN/control'), controlFile(about));
}

/** The version of the Node that is packed; of another processor's, which cannot run here, no more than its major. */
function versionOf(node, architecture) {
  if (ARCHITECTURES[architecture] !== process.arch) return String(NODE_MAJOR);
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1);
}

/** Bytes of the files in each part of the package. */
function sizesOf(lib, tree) {
  const runtime = bytesIn(join(lib, 'runtime'));
  const modules = bytesIn(join(lib, 'node_modules'));
  return { runtime, modules, program: bytesIn(lib) - runtime - modules, all: bytesIn(tree) };
}

function bytesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.reduce(
    (sum, entry) => sum + (entry.isFile() ? statSync(join(entry.parentPath, entry.name)).size : 0),
    0,
  );
}

/** The name by which Debian calls this machine's processor. */
export function ownArchitecture() {
  return Object.entries(ARCHITECTURES).find(([, cpu]) => cpu === process.arch)?.[0];
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      arch: { type: 'string', default: ownArchitecture() },
      node: { type: 'string' },
      package: { type: 'string' },
      compression: { type: 'string', default: 'xz' },
    },
  });
  const known = Object.keys(ARCHITECTURES);
  if (!known.includes(values.arch)) throw new Error(`--arch: "${values.arch}" must be one of ${known.join(', ')}`);
  if (!['xz', 'gzip', 'none'].includes(values.compression))
    throw new Error(`--compression: "${values.compression}" must be one of xz, gzip, none`);
  const tarball = values.package === undefined ? undefined : resolve(values.package);
  const { path, sizes } = buildDeb({
    architecture: values.arch,
    node: values.node,
    tarball,
    compression: values.compression,
    out: resolve(positionals[0] ?? '.'),
  });
  console.log(path);
  for (const [part, bytes] of Object.entries(sizes)) console.log(`${(bytes / 1e6).toFixed(1).padStart(8)} MB  ${part}`);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) main();
