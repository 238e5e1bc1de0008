import type { Fields, Value } from './case.js';

/** What was kept by earlier steps, by name. */
export type Kept = ReadonlyMap<string, Value>;

/** Replaces every text `$name` by what was kept under that name. Throws when nothing was. */
export function resolve(value: Value, kept: Kept): Value {
  if (typeof value === 'string') {
    if (!value.startsWith('$')) return value;
    const found = kept.get(value.slice(1));
    if (found === undefined) throw new Error(`nothing was kept as ${value}`);
    return found;
  }
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map((one) => resolve(one, kept));
  return resolveFields(value, kept);
}

/** The same for the fields of an object. */
export function resolveFields(fields: Fields, kept: Kept): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, resolve(value, kept)]));
}

/** What is not as it should be, as `PATH is X, not Y`; undefined when everything is. */
export function difference(actual: Value | undefined, wanted: Value, at = 'it'): string | undefined {
  if (wanted !== null && typeof wanted === 'object') {
    if (isList(wanted)) return differenceOfLists(actual, wanted, at);
    if ('$count' in wanted)
      return difference(isList(actual) ? actual.length : undefined, wanted.$count, `how many ${at} has`);
    if ('$not' in wanted) {
      const isSame = difference(actual, wanted.$not, at) === undefined;
      return isSame ? `${at} is ${JSON.stringify(actual)}, and should not be` : undefined;
    }
    if ('$between' in wanted) return differenceOfNumbers(actual, wanted.$between, at);
    const fields = actual !== null && typeof actual === 'object' && !isList(actual) ? actual : {};
    const found = Object.entries(wanted).map(([name, value]) => difference(fields[name], value, `${at}.${name}`));
    return found.find((one) => one !== undefined);
  }
  return actual === wanted ? undefined : `${at} is ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`;
}

function differenceOfNumbers(actual: Value | undefined, wanted: Value, at: string): string | undefined {
  if (!isList(wanted) || wanted.length !== 2) throw new Error(`$between ${JSON.stringify(wanted)} are not two numbers`);
  const [least, most] = wanted.map(Number);
  if (typeof actual === 'number' && actual >= least && actual <= most) return undefined;
  return `${at} is ${JSON.stringify(actual)}, not from ${least} to ${most}`;
}

function differenceOfLists(actual: Value | undefined, wanted: readonly Value[], at: string): string | undefined {
  if (!isList(actual) || actual.length !== wanted.length)
    return `${at} is ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`;
  const found = wanted.map((value, index) => difference(actual[index], value, `${at}[${index}]`));
  return found.find((one) => one !== undefined);
}

function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}
