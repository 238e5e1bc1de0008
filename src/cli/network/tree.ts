import type { EventEmitter } from 'node:events';
import type { Command, Option } from 'commander';

/** An option, as a shell or a manual needs to know it. */
export interface OptionNode {
  /** `--json`, and `-v` where there is one. */
  readonly names: readonly string[];
  /** What stands behind it: `HOST:PORT`; undefined for a switch. */
  readonly value: string | undefined;
  readonly choices: readonly string[];
  readonly about: string;
}

/** A command with what belongs to it. */
export interface CommandNode {
  /** Words from the program on: `switchyard journal dump`. */
  readonly words: readonly string[];
  readonly about: string;
  readonly args: readonly { readonly name: string; readonly about: string; readonly isRequired: boolean }[];
  readonly options: readonly OptionNode[];
  readonly commands: readonly CommandNode[];
  /** The help's last part: lines that work as they are pasted. */
  readonly examples: readonly string[];
}

/** The tree of a program's commands, read from what its help is made of. */
export function treeOf(command: Command, before: readonly string[] = []): CommandNode {
  const words = [...before, command.name()];
  const help = command.createHelp();
  return {
    words,
    about: command.description(),
    args: command.registeredArguments.map((one) => ({
      name: one.name(),
      about: one.description,
      isRequired: one.required,
    })),
    options: help.visibleOptions(command).map(optionNode),
    commands: help
      .visibleCommands(command)
      .filter((one) => one.name() !== 'help')
      .map((one) => treeOf(one, words)),
    examples: examplesOf(command),
  };
}

/** Every command of a tree, the program itself first. */
export function* everyCommand(node: CommandNode): Iterable<CommandNode> {
  yield node;
  for (const command of node.commands) yield* everyCommand(command);
}

function optionNode({ short, long, flags, argChoices, description }: Option): OptionNode {
  const [, value] = /[<[]([^>\]]+)[>\]]/.exec(flags) ?? [];
  const names = [short, long].filter((name) => name !== undefined);
  return { names, value, choices: argChoices ?? [], about: description };
}

/** Commander keeps what is added after the help only as an event, so it is listened to. */
function examplesOf(command: Command): string[] {
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  const events: unknown = command;
  (events as EventEmitter).emit('afterHelp', { command, error: false, write });
  return [...text.matchAll(/^ {2}\$ (.+)$/gm)].map(([, line]) => line);
}
