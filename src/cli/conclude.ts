import { getSystemErrorMap } from 'node:util';
import { PrivateFileError } from '../base/private-files.js';
import { version } from '../base/version.js';
import { SwitchyardError } from '../client/index.js';
import { explain } from './operate/explain.js';
import { Failure } from './surroundings.js';

/** What went wrong, line by line, for people. Never a stack: of a defect only the innermost place in this program. */
export function linesOf(error: unknown): readonly string[] {
  if (error instanceof Failure) return [error.message, ...error.more];
  if (error instanceof PrivateFileError) return error.message.split('\n');
  if (error instanceof SwitchyardError) return explain(error);
  const system = systemWords(error);
  if (system !== undefined) return [system];
  return [`a defect in switchyard ${version()}: ${nameOf(error)}${placeOf(error)}; please report it`];
}

/** What the operating system refused, in its own words: `listen EADDRINUSE: address already in use 127.0.0.1:80`. */
function systemWords(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errno, message } = error as NodeJS.ErrnoException;
  const isSystem = errno !== undefined && getSystemErrorMap().has(errno);
  return isSystem || /^E[A-Z0-9]+$/.test(code ?? '') ? message : undefined;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** The innermost place in this program's own files. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const [, place] = /at (?:async )?(?:.*\()?(?:file:\/\/)?[^()\n]*?([^/\\()\n]+:\d+:\d+)\)?$/m.exec(stack) ?? [];
  return place === undefined ? '' : ` (at ${place})`;
}
