// Makes the site of the documents: static, with a search that runs in the browser, and each page under its version. VitePress makes it,
// fetched when it is needed. `npm run docs` writes it to .site/out/VERSION, beside other versions that are there already.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { documentPaths } from '../../test/gate/links.mjs';
import { pageOf, toPage } from './pages.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const WORK = resolve(ROOT, '.site');
const OUT = join(WORK, 'out');

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
install();
writePages();
const versions = [...new Set([version, ...versionsThere()])].sort(newestFirst);
rmSync(join(OUT, version), { recursive: true, force: true });
execFileSync(process.execPath, ['node_modules/vitepress/bin/vitepress.js', 'build', 'pages'], {
  cwd: WORK,
  stdio: 'inherit',
  env: { ...process.env, SITE_VERSION: version, SITE_VERSIONS: versions.join(' '), SITE_OUT: join(OUT, version) },
});
writeFileSync(join(OUT, 'versions.json'), `${JSON.stringify(versions)}\n`);
writeFileSync(join(OUT, 'index.html'), entrance(versions[0]));
process.stdout.write(`the documents of ${version}: ${join(OUT, version)}; serve ${OUT} with any server of files\n`);

/** Installs VitePress as the lock file has it, once. */
function install() {
  mkdirSync(WORK, { recursive: true });
  const lock = readFileSync(join(HERE, 'package-lock.json'), 'utf8');
  const installed = join(WORK, 'node_modules/.from');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lock) return;
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(HERE, name), join(WORK, name));
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: WORK, stdio: 'inherit' });
  writeFileSync(installed, lock);
}

/** Writes every document as a page, and beside it what it shows and leads to. */
function writePages() {
  const pages = join(WORK, 'pages');
  rmSync(pages, { recursive: true, force: true });
  const paths = documentPaths(ROOT);
  const linked = new Set();
  for (const path of paths) {
    const { text, files } = toPage(path, readFileSync(join(ROOT, path), 'utf8'), new Set(paths));
    write(join(pages, pageOf(path)), text);
    for (const file of files) linked.add(file);
  }
  for (const file of linked) copy(pages, file);
  mkdirSync(join(pages, '.vitepress'), { recursive: true });
  for (const name of ['config.mjs', 'sidebar.mjs']) cpSync(join(HERE, name), join(pages, '.vitepress', name));
}

/** A file as it is; of a folder a page that lists its files. */
function copy(pages, path) {
  const from = join(ROOT, path);
  if (!statSync(from).isDirectory()) {
    const to = /\.(png|svg)$/.test(path) ? path : `public/files/${path}.txt`;
    mkdirSync(dirname(join(pages, to)), { recursive: true });
    cpSync(from, join(pages, to));
    return;
  }
  const names = readdirSync(from, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
  for (const name of names) copy(pages, `${path}/${name}`);
  const links = names.map((name) => `- [${name}](/files/${path}/${name}.txt)`);
  write(join(pages, path, 'index.md'), `# ${path}\n\n${links.join('\n')}\n`);
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function versionsThere() {
  if (!existsSync(OUT)) return [];
  return readdirSync(OUT).filter((name) => existsSync(join(OUT, name, 'index.html')));
}

function newestFirst(one, other) {
  return other.localeCompare(one, 'en', { numeric: true });
}

/** Leads to the newest version, also where no script runs. */
function entrance(newest) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Switchyard</title>
<meta http-equiv="refresh" content="0; url=./${newest}/"><a href="./${newest}/">Switchyard ${newest}</a></html>\n`;
}
