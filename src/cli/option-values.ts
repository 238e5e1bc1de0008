import { InvalidArgumentError } from 'commander';
import { ValueError } from '../base/value-error.js';
import { parseLimits } from '../config/limit-options.js';
import { parseDurationMs } from '../config/option.js';
import type { Limits } from '../core/model/limits.js';

/** A whole number from 1 on. */
export function positiveInteger(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 0x7fff_ffff) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return value;
}

/** A whole number from 0 on. */
export function wholeNumber(text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  if (value < 0) throw new InvalidArgumentError('It must be a whole number from 0 on.');
  return value;
}

/** A port of TCP or UDP. */
export function port(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 65_535) throw new InvalidArgumentError('It must be a port: 1 to 65535.');
  return value;
}

/** A port, behind those that were given before. */
export function ports(text: string, before: readonly number[] = []): number[] {
  return [...before, port(text)];
}

/** One more of a list. */
export function listed(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** A label, beside those that were given before. */
export function labels(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be KEY=VALUE.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** A number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100_000)) throw new InvalidArgumentError('It must be a number above 0, at most 100000.');
  return value;
}

/** The limits that a journal of format 1 was written with. */
export function limitsOfFormat1(text: string): Limits {
  return checkedValue(() => parseLimits(text));
}

/** A span of time, in milliseconds. */
export function durationMs(text: string): number {
  return checkedValue(() => parseDurationMs(text));
}

/** A value, or Commander's own error with what is allowed. */
function checkedValue<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ValueError) throw new InvalidArgumentError(`It ${error.message}.`);
    throw error;
  }
}
