/** How values lie along an axis. */
export interface Scale {
  /** From 0, where the axis begins, to 1. */
  at(value: number): number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

const TICKS = 5;

/** Evenly, from 0 to the greatest. */
export function linear(values: readonly number[]): Scale {
  const greatest = Math.max(...values, 0) || 1;
  const rough = greatest / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough)!;
  const end = Math.ceil(greatest / step - 1e-9) * step;
  const count = Math.round(end / step);
  const ticks = Array.from({ length: count + 1 }, (_, at) => ({ value: at * step, label: plain(at * step) }));
  return { at: (value) => value / end, ticks };
}

/** By powers of ten, from the one below the least to the one above the greatest. What is not above 0 lies at its begin. */
export function logarithmic(values: readonly number[]): Scale {
  const above = values.filter((value) => value > 0);
  const from = Math.floor(Math.log10(Math.min(...above)) + 1e-9);
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...above)) - 1e-9));
  const at = (value: number) => (value <= 0 ? 0 : Math.max(0, (Math.log10(value) - from) / (to - from)));
  const ticks = Array.from({ length: to - from + 1 }, (_, step) => ({
    value: 10 ** (from + step),
    label: plain(10 ** (from + step)),
  }));
  return { at, ticks };
}

/** Each value a step further than the one before: for percentiles, of which the last matter most. */
export function steps(values: readonly number[]): Scale {
  const all = [...new Set(values)].sort((x, y) => x - y);
  const at = (value: number) => (all.length === 1 ? 0 : all.indexOf(value) / (all.length - 1));
  return { at, ticks: all.map((value) => ({ value, label: String(value) })) };
}

/** A number as people write it: no exponent, no digits that say nothing. */
export function plain(value: number): string {
  if (value === 0) return '0';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const rounded = Math.abs(value) >= 1 ? Number(value.toFixed(digits)) : Number(value.toPrecision(2));
  return Math.abs(rounded) >= 10_000
    ? rounded.toLocaleString('en-US')
    : rounded.toLocaleString('en-US', { useGrouping: false, maximumFractionDigits: 10 });
}
