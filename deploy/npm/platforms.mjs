// What each compiled dependency ships for which system: node deploy/npm/platforms.mjs prints the table of docs/platforms.md, made of
// package-lock.json and of the folders of prebuilt binaries. What was tried is said by hand in the document.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/** The systems that are asked after, as npm names them. */
export const PLATFORMS = [
  'linux-x64',
  'linux-arm64',
  'linux-arm',
  'darwin-arm64',
  'darwin-x64',
  'win32-x64',
  'win32-arm64',
];

/** For each dependency that is compiled, the systems that it has a binary for. */
function binaries() {
  const { packages } = JSON.parse(readFileSync(new URL('package-lock.json', ROOT), 'utf8'));
  const shipped = new Map();
  for (const [path, { os, cpu, dev }] of Object.entries(packages)) {
    if (dev || os === undefined || cpu === undefined) continue;
    // @lmdb/lmdb-linux-x64 is a binary of lmdb.
    const name = /node_modules\/@[^/]+\/(.*)-\w+-\w+$/.exec(path)[1];
    const found = os.flatMap((system) => cpu.map((processor) => `${system}-${processor}`));
    shipped.set(name, [...(shipped.get(name) ?? []), ...found]);
  }
  shipped.set('udx-native', readdirSync(new URL('node_modules/udx-native/prebuilds', ROOT)));
  return shipped;
}

/** What a system without a binary means, by dependency. */
const WITHOUT = {
  lmdb: 'compiled at the installation (C++ compiler, Python)',
  'msgpackr-extract': 'slower, in JavaScript; the server does not use it',
  'udx-native': 'no direct UDP; direct TCP and the relay go on',
};

/** The table, in Markdown. */
export function platformTable() {
  const rows = [...binaries()].map(([name, systems]) => {
    const cells = PLATFORMS.map((platform) => (systems.includes(platform) ? 'yes' : 'no'));
    return `| \`${name}\` | ${cells.join(' | ')} | ${WITHOUT[name]} |`;
  });
  const heads = `| dependency | ${PLATFORMS.join(' | ')} | without |`;
  return [heads, `|${'---|'.repeat(PLATFORMS.length + 2)}`, ...rows].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(platformTable());
