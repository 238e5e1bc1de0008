import { type Command, Option as Flag } from 'commander';
import { entriesOf } from '../../base/tables.js';
import { ETCD_OPTIONS } from '../../config/etcd-options.js';
import { DOOR_LIMIT_OPTIONS, LIMIT_OPTIONS } from '../../config/limit-options.js';
import { environmentName, type Option } from '../../config/option.js';
import { OPTIONS } from '../../config/options.js';

/** Adds every option of `serve`, from the one table that knows them. Values are checked when all sources are read. */
export function withServeOptions(command: Command): Command {
  for (const [key, option] of entriesOf<string, Option<unknown>>(OPTIONS)) {
    const flag = flagOf(option);
    if (option.isList)
      flag.argParser((value, before?: string) => (before === undefined ? value : `${before},${value}`));
    const isBound = key in LIMIT_OPTIONS || key in DOOR_LIMIT_OPTIONS;
    command.addOption(isBound ? flag.helpGroup('Bounds:') : flag);
  }
  return command;
}

/** Adds the options of `serve` that say which data folder it is and which etcd, and no others. */
export function withJournalOptions(command: Command): Command {
  const { data, journal, network } = OPTIONS;
  const options: readonly Option<unknown>[] = [data, journal, network, ...Object.values(ETCD_OPTIONS)];
  for (const option of options) command.addOption(flagOf(option));
  return command;
}

function flagOf({ flag, placeholder, fallback, help }: Option<unknown>): Flag {
  const name = placeholder === '' ? `--${flag}` : `--${flag} <${placeholder}>`;
  const shown = fallback === undefined || placeholder === '' ? '' : `default ${fallback}; `;
  return new Flag(name, `${help} (${shown}${environmentName(flag)})`);
}

/** The flags that were given, by name. Commander stores them in camel case. */
export function givenFlags(command: Command): Record<string, string | boolean> {
  const values = command.opts<Record<string, string | boolean>>();
  const given = command.options.flatMap((flag) => {
    const value = values[flag.attributeName()];
    return value === undefined || flag.long === undefined ? [] : [[flag.long.slice(2), value] as const];
  });
  return Object.fromEntries(given);
}
