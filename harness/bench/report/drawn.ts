import type { Curve } from '../benches/curve.js';
import type { Figure } from '../figure.js';
import type { Part } from '../results.js';
import type { Row } from '../row.js';
import { plotBars } from './bar-plot.js';
import { plotCurve } from './curve-plot.js';
import type { Plot } from './page.js';
import { plotRatios } from './ratio-plot.js';

/** Every plot that the results are good for, in the order of the page. */
export function drawn(parts: readonly Part[]): (Plot & { readonly svg: string })[] {
  const results = parts.flatMap((part) => part.results);
  // Those that something was promised of: the others are too many to see anything.
  const rows = results.filter((result): result is Row => 'ratio' in result && result.goal !== undefined);
  const curves = results.filter((result): result is Curve => 'series' in result);
  const bytes = results.filter((result): result is Figure => 'value' in result && result.unit === 'B');
  const plots = [];
  if (rows.length > 0) {
    plots.push({ file: 'ratios.svg', title: 'How many times better than each rival', svg: plotRatios(rows) });
  }
  if (bytes.length > 0) {
    plots.push({
      file: 'memory.svg',
      title: 'Memory of a session and of a link',
      svg: plotBars('Bytes at a million', bytes),
    });
  }
  return [
    ...plots,
    ...curves.map((curve, at) => ({
      file: fileOf(curve.bench, curves.slice(0, at).filter(({ bench }) => bench === curve.bench).length),
      title: `${curve.what}: ${curve.y}`,
      svg: plotCurve(curve),
    })),
  ];
}

/** A bench's first curve has its name alone. */
function fileOf(bench: string, before: number): string {
  return before === 0 ? `${bench}.svg` : `${bench}-${before + 1}.svg`;
}
