import type { Command, Option } from 'commander';

/**
 * Moves options behind the command that they belong to, because people write them before it, too:
 * `--server HOST:PORT nodes`, `--json journal --data DIR check`.
 */
export function commandFirst(program: Command, args: readonly string[]): string[] {
  const found = findCommand(program, args);
  if (found === undefined) return [...args];
  const { command, before, after } = found;
  return [command.name(), ...commandFirst(command, [...before, ...after])];
}

/** The first word that names a command, and what is before and after it. Undefined when there is none. */
function findCommand(
  program: Command,
  args: readonly string[],
): { readonly command: Command; readonly before: readonly string[]; readonly after: readonly string[] } | undefined {
  if (program.commands.length === 0) return undefined;
  const takesValue = (word: string) =>
    optionsOf(program).some(({ long, short, required }) => required && (long === word || short === word));
  for (let at = 0; at < args.length && args[at] !== '--'; at++) {
    const word = args[at];
    // `--help` or `--version` before any command is for the program itself.
    if (word === '--version' || word === '-V') return undefined;
    if (word.startsWith('-')) {
      if (takesValue(word)) at += 1;
      continue;
    }
    const command = program.commands.find((one) => one.name() === word);
    return command && { command, before: args.slice(0, at), after: args.slice(at + 1) };
  }
  return undefined;
}

/** Every option of a command and its subcommands. An option of one name takes a value in all of them, or in none. */
function optionsOf(command: Command): readonly Option[] {
  return [...command.options, ...command.commands.flatMap(optionsOf)];
}
