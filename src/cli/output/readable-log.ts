/** The names of pino's levels. */
const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
/** What every line has, and a person at a terminal knows. */
const KNOWN = new Set(['level', 'time', 'pid', 'hostname', 'msg']);

/** A line of the log for a person: the time of day, the level, what happened, and its facts. */
export function readableLine(json: string): string {
  const line: Readonly<Record<string, unknown>> = JSON.parse(json);
  const { level, time, msg } = line;
  const facts = Object.entries(line).flatMap(([name, value]) => (KNOWN.has(name) ? [] : [`${name}=${wordOf(value)}`]));
  const at = new Date(Number(time)).toISOString().slice(11, 23);
  return [at, (LEVELS[Number(level)] ?? String(level)).padEnd(5), String(msg), ...facts].join(' ');
}

/** A value in one word, or in quotes. Of an error what it says, and where it came from. */
function wordOf(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  if (isError(value)) {
    const [, place] = /at .*?([^/\\(]+:\d+:\d+)\)?/.exec(value.stack) ?? [];
    return JSON.stringify(`${value.message}${place === undefined ? '' : ` (at ${place})`}`);
  }
  return JSON.stringify(value);
}

function isError(value: unknown): value is { readonly message: string; readonly stack: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && 'message' in value;
}
