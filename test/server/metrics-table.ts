import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import { State } from '../../src/core/store/state.js';
import { type Measured, type MetricFacts, Metrics } from '../../src/server/metrics/metrics.js';
import type { LogStanding } from '../../src/server/metrics/standing-meters.js';

const BEGIN = '<!-- begin metrics: made from src/server, not by hand -->';
const END = '<!-- end metrics -->';

/** Every metric that a server declares. None of them is read. */
export function declaredMetrics(): MetricFacts[] {
  const metrics = new Metrics();
  metrics.tally(new State(INITIAL_LIMITS));
  metrics.measure({} as Measured);
  metrics.measureStanding({ follows: {} } as LogStanding);
  return metrics.list();
}

/** The names under which a metric's values come: a histogram has three. */
export function seriesOf({ name, type }: MetricFacts): string[] {
  return type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name];
}

/** The document with its table as the code has it now. */
export function refreshed(document: string): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (from < 0 || to < from) throw new Error('the document has no part for the metrics');
  const rows = declaredMetrics()
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, type, labels, help }) => {
      const braces = labels.length === 0 ? '' : `{${labels.join(',')}}`;
      return `| \`${name}${braces}\` | ${type} | ${help.replaceAll('|', '\\|')} |`;
    });
  const table = ['| metric | type | what it tells |', '|---|---|---|', ...rows].join('\n');
  return `${document.slice(0, from + BEGIN.length)}\n\n${table}\n\n${document.slice(to)}`;
}
