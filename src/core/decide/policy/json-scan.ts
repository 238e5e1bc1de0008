/** The first mistake in a JSON text. */
export interface JsonMistake {
  readonly line: number;
  readonly column: number;
  readonly problem: string;
}

/** Levels of a text: a policy has six. */
const DEPTH_MAX = 32;
// JSON's own spaces, and then one token.
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a string of JSON has none of these
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;
const SPACE = /[ \t\n\r]*/y;

/** What may come next. */
type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or }' | ', or ]' | 'the end';

/** An object or a list that is open. */
interface Level {
  readonly keys: Set<string> | undefined;
}

/**
 * Finds the first mistake of a JSON text: JSON.parse does not always say where it is, and passes over a key that is there twice.
 * Undefined for a text that has none.
 */
export function findJsonMistake(text: string): JsonMistake | undefined {
  const levels: Level[] = [];
  let expected: Expected = 'value';
  const afterValue = (): Expected => {
    const level = levels.at(-1);
    return level === undefined ? 'the end' : level.keys === undefined ? ', or ]' : ', or }';
  };
  for (let from = 0; ; ) {
    TOKEN.lastIndex = from;
    const match = TOKEN.exec(text);
    SPACE.lastIndex = from;
    const at = from + SPACE.exec(text)![0].length;
    if (match === null) {
      if (expected === 'the end' && at === text.length) return undefined;
      const found = at === text.length ? 'it ends' : `${JSON.stringify(text[at])} stands`;
      return mistake(text, at, `${found} where ${expected} is expected`);
    }
    const [, sign, string] = match;
    const next = step(sign ?? (string === undefined ? 'literal' : 'string'), expected, string, levels, afterValue);
    if ('problem' in next) return mistake(text, at, next.problem);
    expected = next.expected;
    from = TOKEN.lastIndex;
  }
}

type Step = { readonly expected: Expected } | { readonly problem: string };

function step(
  token: string,
  expected: Expected,
  string: string | undefined,
  levels: Level[],
  afterValue: () => Expected,
): Step {
  const isValue = expected === 'value' || expected === 'value or ]';
  if (isValue && (token === '{' || token === '[')) {
    if (levels.length === DEPTH_MAX) return { problem: `nested deeper than ${DEPTH_MAX} levels` };
    levels.push({ keys: token === '{' ? new Set() : undefined });
    return { expected: token === '{' ? 'key or }' : 'value or ]' };
  }
  if (isValue && (token === 'string' || token === 'literal')) return { expected: afterValue() };
  if (string !== undefined && (expected === 'key' || expected === 'key or }')) {
    const { keys } = levels.at(-1)!;
    const key = JSON.parse(string) as string;
    if (keys?.has(key)) return { problem: `the key ${string} is there twice` };
    keys?.add(key);
    return { expected: ':' };
  }
  if (token === ':' && expected === ':') return { expected: 'value' };
  if (token === ',' && expected === ', or }') return { expected: 'key' };
  if (token === ',' && expected === ', or ]') return { expected: 'value' };
  const closes = (token === '}' || token === ']') && expected.endsWith(`or ${token}`);
  if (!closes) return { problem: `${string ?? token} stands where ${expected} is expected` };
  levels.pop();
  return { expected: afterValue() };
}

function mistake(text: string, at: number, problem: string): JsonMistake {
  const before = text.slice(0, at);
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n'), problem };
}
