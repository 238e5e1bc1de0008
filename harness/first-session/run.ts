// `npm run first-session [--update] [LANGUAGE…]`: how long each language's example takes from an empty folder to its first session.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServerProcess } from '../../test/cli/process.js';
import { machine } from '../bench/machine.js';
import { LANGUAGES, replaceFigures, tableOf, timeLanguage } from './language.js';

const README = new URL('../../examples/README.md', import.meta.url);
const given = process.argv.slice(2);
const isUpdate = given.includes('--update');
const wanted = given.filter((one) => one !== '--update').map((name) => name.toLowerCase());
const languages = LANGUAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name.toLowerCase()));
const unknown = wanted.filter((name) => !LANGUAGES.some((language) => language.name.toLowerCase() === name));
if (unknown.length > 0) {
  console.error(`no example in ${unknown.join(', ')}; there are ${LANGUAGES.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
if (isUpdate && wanted.length > 0) {
  console.error('--update: the README has the figures of every language, of one run');
  process.exit(2);
}

console.error(machine());
const data = await mkdtemp(join(tmpdir(), 'switchyard-first-session-data-'));
const listen = ['--listen', '127.0.0.1:0', '--web-listen', '127.0.0.1:0'];
const { program, listening } = await startServerProcess(['--data', data, ...listen]);
try {
  const results = [];
  for (const language of languages) {
    const result = await timeLanguage(language, { grpc: listening.grpc, web: listening.web });
    console.error(`${language.name}: ${result.seconds?.toFixed(1) ?? result.problem}`);
    results.push(result);
  }
  console.log(tableOf(results));
  const measured = `on ${machine()}, with a load of ${Math.round(loadavg()[0])}`;
  if (isUpdate) await writeFile(README, replaceFigures(await readFile(README, 'utf8'), measured, results));
} finally {
  await program.stop('SIGTERM');
  await rm(data, { recursive: true, force: true });
}
