import type { Command } from 'commander';
import { makeProgram } from '../../src/cli/program.js';
import type { Surroundings } from '../../src/cli/surroundings.js';

/** A command that does something, with the words that name it. */
export interface Leaf {
  readonly words: readonly string[];
  readonly command: Command;
}

/** A program whose commands are looked at, and not run. */
export const LOOKED_AT = makeProgram({} as Surroundings);

/** All commands that do something. */
export const LEAVES = leavesOf(LOOKED_AT);

function leavesOf(command: Command, words: readonly string[] = []): Leaf[] {
  if (command.commands.length === 0) return [{ words, command }];
  return command.commands.flatMap((one) => leavesOf(one, [...words, one.name()]));
}
