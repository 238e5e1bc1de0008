import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchBrokers, benchFanout } from './fanout.js';
import { benchLatency } from './latency.js';
import type { Figure, Row } from './row.js';
import { benchSession } from './session.js';
import { benchStopped } from './stopped.js';
import { benchSystem } from './system.js';

/** A bench: so many rounds, each ours and the rival's after each other. */
type Bench = (rounds: number, progress: (line: string) => void) => Promise<(Row | Figure)[]>;

const BENCHES: Readonly<Record<string, Bench>> = {
  session: benchSession,
  fanout: benchFanout,
  brokers: benchBrokers,
  latency: benchLatency,
  stopped: benchStopped,
  system: benchSystem,
};

const HELP = `npm run bench -- [NAME...] [--rounds N] [--output FILE]

Each figure beside its rival's, in alternating rounds of one run; the ratio is the median of the rounds' own, larger is
better, and behind it are the least and the greatest.
Needs h2load (nghttp2-client), etcd (etcd-server) and nats-server, all packages of Debian.

  NAME      ${Object.keys(BENCHES).join(', ')}; all of them by default
  --rounds  how many rounds (5)
  --output  where the results go as JSON
`;

function lineOf(result: Row | Figure): string[] {
  if ('value' in result) {
    return [
      result.what,
      `${result.value.toPrecision(4)} ${result.unit}`,
      '',
      '',
      result.goal ? `goal ${result.goal}` : '',
    ];
  }
  const { what, ours, unit, rivalName, rival, ratio, spread, goal } = result;
  const between = spread.map((one) => one.toFixed(2)).join('–');
  const verdict = goal === undefined ? '' : `goal × ${goal} ${ratio >= goal ? 'met' : 'missed'}`;
  return [
    what,
    `${ours.toPrecision(4)} ${unit}`,
    `${rivalName} ${rival.toPrecision(4)}`,
    `× ${ratio.toFixed(2)} (${between})`,
    verdict,
  ];
}

function table(results: readonly (Row | Figure)[]): string {
  const lines = results.map(lineOf);
  const widths = [0, 1, 2, 3, 4].map((at) => Math.max(...lines.map((line) => line[at].length)));
  return lines
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
const results: (Row | Figure)[] = [];
for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) {
  results.push(...(await BENCHES[name](Number(values.rounds), (line) => console.error(`${name}: ${line}`))));
}
console.log(table(results));
if (values.output !== undefined)
  writeFileSync(values.output, `${JSON.stringify({ machine, results }, undefined, 2)}\n`);
