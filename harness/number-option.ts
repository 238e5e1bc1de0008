/*
 * The numbers that programs of the harness are given, by options and variables. NaN as a seed or as a count of rounds would be a run
 * of nothing, or of another world than was asked for, that looks like one in which all was well.
 */

/** A whole number, of which `name` says what it is. Throws an Error that says what is allowed. */
export function wholeNumber(name: string, text: string, min = 0): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= min) return number;
  throw new Error(`${name} ${text} is no whole number from ${min} on`);
}

/** A number above 0 that may have a fraction. Throws as {@link wholeNumber} does. */
export function numberAboveZero(name: string, text: string): number {
  const number = Number(text);
  if (/^\d*\.?\d+$/.test(text) && number > 0 && Number.isFinite(number)) return number;
  throw new Error(`${name} ${text} is no number above 0`);
}

/** The number in a variable of the environment, by {@link wholeNumber} unless told otherwise; undefined where it is not set or empty. */
export function numberVariable(
  name: string,
  read: (name: string, text: string) => number = wholeNumber,
): number | undefined {
  const text = process.env[name] ?? '';
  return text === '' ? undefined : read(name, text);
}

/** A whole number from 1 on. Throws as {@link wholeNumber} does. */
export function countFromOne(name: string, text: string): number {
  return wholeNumber(name, text, 1);
}
