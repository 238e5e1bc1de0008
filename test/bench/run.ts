import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchFanout } from './fanout.js';
import { benchLatency } from './latency.js';
import type { Row } from './row.js';
import { benchSession } from './session.js';

/** A bench: so many rounds, each ours and the rival's after each other. */
type Bench = (rounds: number, progress: (line: string) => void) => Promise<Row[]>;

const BENCHES: Readonly<Record<string, Bench>> = {
  session: benchSession,
  fanout: benchFanout,
  latency: benchLatency,
};

const HELP = `npm run bench -- [NAME...] [--rounds N] [--output FILE]

Each figure beside its rival's, in alternating rounds of one run; the ratio is the median of the rounds' own.
Needs h2load (nghttp2-client), etcd (etcd-server) and nats-server, all packages of Debian.

  NAME      ${Object.keys(BENCHES).join(', ')}; all of them by default
  --rounds  how many rounds (5)
  --output  where the results go as JSON
`;

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    `${row.ours.toPrecision(4)} ${row.unit}`,
    `${row.rivalName} ${row.rival.toPrecision(4)}`,
    `× ${row.ratio.toFixed(2)} (${row.spread.map((one) => one.toFixed(2)).join('–')})`,
    row.goal === undefined ? '' : `goal × ${row.goal} ${row.ratio >= row.goal ? 'met' : 'missed'}`,
  ]);
  const widths = [0, 1, 2, 3, 4].map((at) => Math.max(...cells.map((line) => line[at].length)));
  return cells
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, output: { type: 'string' }, help: { type: 'boolean' } },
});
const unknown = positionals.filter((name) => BENCHES[name] === undefined);
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no bench ${unknown.join(', ')}\n`);
  console.log(HELP);
  process.exit(unknown.length > 0 ? 2 : 0);
}
const machine = `${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.version}`;
console.error(machine);
const rows: Row[] = [];
for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) {
  rows.push(...(await BENCHES[name](Number(values.rounds), (line) => console.error(`${name}: ${line}`))));
}
console.log(table(rows));
if (values.output !== undefined) writeFileSync(values.output, `${JSON.stringify({ machine, rows }, undefined, 2)}\n`);
