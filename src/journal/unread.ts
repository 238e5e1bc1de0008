import type { Command } from '../core/model/command.js';
import { formatOfCommand } from './format/command-format.js';
import type { KnownNumbers, Readers } from './readers.js';

/** What the journal needs of its readers for a command, or for some records. */
export type Needed = KnownNumbers;

/**
 * Why something cannot be stored yet: a live server could not go on from it. Undefined where every one can. What the journal holds
 * already every server can read, because it would not have started.
 */
export function refuseUnread(
  needed: Needed,
  { format, readers }: { readonly format: number; readonly readers?: Readers | undefined },
): string | undefined {
  if (readers === undefined) return undefined;
  const { formatMax, rulesMax, formatOf, rulesOf } = readers;
  if (needed.formatMax > Math.max(format, formatMax)) {
    return `format ${needed.formatMax} is needed, and server ${formatOf} reads up to ${formatMax}: upgrade it first`;
  }
  if (needed.rulesMax > rulesMax) {
    return `rules ${needed.rulesMax} are needed, and server ${rulesOf} knows up to ${rulesMax}: upgrade it first`;
  }
  return undefined;
}

/** What has to be known to apply a command. */
export function neededFor(command: Command): Needed {
  return { formatMax: formatOfCommand(command), rulesMax: command.kind === 'UseRules' ? command.rules : 0 };
}
