import type { Command } from 'commander';
import { LIMITS_OF_FORMAT_1 } from '../../config/limit-options.js';
import { examples } from '../examples.js';
import { limitsOfFormat1, positiveInteger } from '../option-values.js';
import type { Surroundings } from '../surroundings.js';
import { withJournalOptions } from './serve-options.js';

/** The commands for the keeper of a data folder. They load the journal's code only when they run. */
export function addJournal(program: Command, surroundings: Surroundings): void {
  const journal = program
    .command('journal')
    .description("Look into, copy and mend a server's data folder; all but backup while no server runs on it.");
  const onFolder = (command: Command) =>
    command
      .option('--data <DIR>', "the data folder (SWITCHYARD_DATA; default: the one in the user's data directory)")
      .option('--json', 'JSON instead of text');

  const replaying = (command: Command) =>
    onFolder(command).option(`--${LIMITS_OF_FORMAT_1.flag} <LIST>`, LIMITS_OF_FORMAT_1.help, limitsOfFormat1);

  onFolder(journal.command('dump'))
    .description('Print every command, oldest first.')
    .option('--after <REVISION>', 'only those after this revision', positiveInteger)
    .addHelpText('after', examples('switchyard journal dump --data DIR --after 9000'))
    .action(async (flags) => (await import('./journal.js')).dumpJournal(flags, surroundings));

  replaying(journal.command('check'))
    .description('Read and replay everything, and say whether it is as it was written.')
    .addHelpText('after', examples('switchyard journal check --data DIR'))
    .action(async (flags) => (await import('./journal.js')).checkJournal(flags, surroundings));

  replaying(journal.command('repair'))
    .description('Forget what lies before a whole snapshot, when that mends the damage. Copy the folder first.')
    .addHelpText('after', examples('switchyard journal repair --data DIR'))
    .action(async (flags) => (await import('./journal.js')).repairJournal(flags, surroundings));

  replaying(journal.command('backup'))
    .description(
      "Copy the journal, the tokens and the server's authority into a new folder, also while a server runs on it.",
    )
    .argument('<TO>', 'the folder to make')
    .addHelpText('after', examples('switchyard journal backup --data DIR /backups/monday'))
    .action(async (to, flags) => (await import('./journal.js')).backUpJournal(to, flags, surroundings));

  addCopy(journal, surroundings);

  replaying(journal.command('new-epoch'))
    .description('Begin a history of its own in a restored folder: watchers that knew another one get RESET.')
    .argument('[DIR]', 'the data folder, instead of --data')
    .addHelpText('after', examples('switchyard journal new-epoch DIR'))
    .action(async (folder, flags) =>
      (await import('./journal.js')).renewJournalEpoch(inFolder(flags, folder), surroundings),
    );
}

/** From a data folder into etcd and back. */
function addCopy(journal: Command, surroundings: Surroundings): void {
  const copy = journal
    .command('copy')
    .description(
      'Copy the journal of a stopped server from its data folder into etcd, or back: whole, or not at all. --network names the network in etcd; in the folder it is the default one.',
    )
    .option('--back', 'out of etcd into a data folder that has no journal')
    .option('--json', 'JSON instead of text')
    .addHelpText(
      'after',
      examples(
        'switchyard journal copy --data DIR --journal etcd://127.0.0.1:2379',
        'switchyard journal copy --back --data DIR --journal etcd://127.0.0.1:2379',
      ),
    )
    .action(async () => (await import('./journal-copy.js')).copyJournal(copy, surroundings));
  withJournalOptions(copy);
}

/** A folder as an argument, which wins over --data. */
function inFolder(flags: { readonly data?: string }, folder: string | undefined): { readonly data?: string } {
  return folder === undefined ? flags : { ...flags, data: folder };
}
