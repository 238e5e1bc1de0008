// `npm run bench:report`: makes docs/performance.md and its plots of docs/performance/results.json. See HELP.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readResults } from '../results.js';
import { drawn } from './drawn.js';
import { performancePage } from './page.js';
import { refreshedReadme } from './readme.js';

const RESULTS = fileURLToPath(new URL('../../../docs/performance/results.json', import.meta.url));

const README = fileURLToPath(new URL('../../../README.md', import.meta.url));

const HELP = `npm run bench:report [-- --results FILE]

Makes the page with all goals, figures and plots of a file that npm run bench -- --output FILE has written: the plots
beside the file, the page beside their folder and with its name. Of its own file it also makes the figures in the README.

  --results  the file (docs/performance/results.json, which makes docs/performance.md)
`;

const { values } = parseArgs({
  options: { results: { type: 'string', default: RESULTS }, help: { type: 'boolean', default: false } },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}
const folder = dirname(values.results);
const parts = readResults(values.results);
const plots = drawn(parts);
for (const file of readdirSync(folder)) if (file.endsWith('.svg')) rmSync(join(folder, file));
for (const { file, svg } of plots) writeFileSync(join(folder, file), svg);
writeFileSync(`${folder}.md`, performancePage(parts, plots));
if (values.results === RESULTS) writeFileSync(README, refreshedReadme(readFileSync(README, 'utf8'), parts));
console.log(`${folder}.md and ${plots.length} plots of ${parts.length} benches`);
