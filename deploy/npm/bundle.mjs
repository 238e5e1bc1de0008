// Bundles what is published: each entry with all that it stands on in one file, but for what is compiled. `npm run build` calls it
// after the compiler, for dist/bundle. Installed, the package then brings LMDB and no tree of modules, and starts sooner.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { filesOfConsole } from '../../console/build.mjs';
import { sbomOf } from './sbom.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const OUT = join(ROOT, 'dist/bundle');

/** Compiled modules and what only they need: LMDB's, and the optional one of direct UDP. */
const EXTERNAL = ['lmdb', 'udx-native'];
/** What a program for Node is made of; the browser's client has none of it. */
const ENTRIES = {
  switchyard: 'dist/src/main.js',
  'node-flags': 'dist/src/node-flags.js',
  client: 'dist/src/client/index.js',
  system: 'dist/src/system/client/index.js',
};
const BROWSER_ENTRY = 'dist/src/system/client/browser.js';

/** CommonJS packages ask for require and __dirname, which a module has not by itself. */
const BANNER =
  "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url), __dirname = import.meta.dirname;";
/** Of gRPC's reflection: its own protos, which it reads beside its code. */
const REFLECTION = join(ROOT, 'node_modules/@grpc/reflection');

/** Lets gRPC's reflection find its protos beside the bundle, where they are copied. */
const reflectionProtos = {
  name: 'reflection-protos',
  setup({ onLoad }) {
    onLoad({ filter: /@grpc\/reflection\/build\/src\/implementations\/.*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const changed = text.replace("path.join(__dirname, '../../proto/", "path.join(__dirname, 'proto/");
      if (changed === text && text.includes('__dirname, ')) throw new Error(`${path} reads its protos in another way`);
      return { contents: changed, loader: 'js' };
    });
  },
};

/** Makes all entries; answers with the packages that are in them. */
export async function bundle(out = OUT) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const common = {
    absWorkingDir: ROOT,
    bundle: true,
    format: 'esm',
    metafile: true,
    legalComments: 'none',
    minifySyntax: true,
    minifyWhitespace: true,
    // A trace names the line.
    lineLimit: 120,
  };
  const node = {
    ...common,
    platform: 'node',
    target: 'node20.15',
    external: EXTERNAL,
    banner: { js: BANNER },
    plugins: [reflectionProtos],
  };
  const made = [];
  for (const [name, entry] of Object.entries(ENTRIES))
    made.push(await build({ ...node, entryPoints: [entry], outfile: join(out, `${name}.js`) }));
  made.push(
    await build({
      ...common,
      platform: 'browser',
      target: 'es2022',
      entryPoints: [BROWSER_ENTRY],
      outfile: join(out, 'browser.js'),
    }),
  );
  cpSync(join(REFLECTION, 'build/proto'), join(out, 'proto'), { recursive: true });
  const ofConsole = (await filesOfConsole()).map((file) => relative(ROOT, file));
  const packages = packagesOf([...made.flatMap(({ metafile }) => Object.keys(metafile.inputs)), ...ofConsole]);
  writeFileSync(join(out, 'LICENSES.txt'), packages.map(licenseOf).join(`\n${'-'.repeat(80)}\n\n`));
  writeFileSync(join(out, 'sbom.cdx.json'), `${JSON.stringify(sbomOf(packages), null, 1)}\n`);
  return packages;
}

/** The folders of the packages that files are of, by their paths with the separators of any system. */
export function packagesOf(files) {
  const paths = files.map((file) => file.replaceAll('\\', '/'));
  const folders = paths.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

/** A package's name, version and licence: the text that it ships, or the name that it gives. */
function licenseOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
  const file = readdirSync(join(ROOT, folder)).find((file) => /^licen[cs]e/i.test(file));
  const text = file === undefined ? `${license}\n` : readFileSync(join(ROOT, folder, file), 'utf8');
  return `${name} ${version}\n\n${text}`;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (!existsSync(join(ROOT, ENTRIES.switchyard))) throw new Error('dist/src is missing: npm run build');
  await bundle();
}
