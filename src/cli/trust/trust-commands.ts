import { type Command, Option } from 'commander';
import { withConnection, withKey } from '../connection.js';
import { examples } from '../examples.js';
import { durationMs, listed, positiveInteger } from '../option-values.js';
import { withList } from '../output/listing.js';
import type { Surroundings } from '../surroundings.js';

/** The commands about the certificate that a server makes for itself. They load their code only when they run. */
export function addCertificates(program: Command, surroundings: Surroundings): void {
  const cert = program
    .command('cert')
    .description(
      'Look at the certificates that a server made for itself, in its data folder, and change its authority.',
    );
  const onFolder = (name: string, description: string) =>
    cert
      .command(name)
      .description(description)
      .option('--data <DIR>', "the data folder (SWITCHYARD_DATA; default: the one in the user's data directory)");
  onFolder('show', 'Print the pin by which clients know the server, its names, and until when it is good.')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard cert show', 'switchyard cert show --json | jq -r .pin'))
    .action(async (flags) => (await import('./certificates.js')).showCertificates(flags, surroundings));
  onFolder('export', "Print the authority's certificate, PEM, for clients in other languages.")
    .addHelpText('after', examples('switchyard cert export > authority.pem'))
    .action(async (flags) => (await import('./certificates.js')).exportCertificate(flags, surroundings));
  onFolder(
    'next',
    'Make the next authority, whose pin clients learn from the server as they connect, before it is used.',
  )
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard cert next'))
    .action(async (flags) => (await import('./certificates.js')).makeNext(flags, surroundings));
  onFolder('use-next', 'Use the next authority from now on, and delete the key of the one before.')
    .option('--yes', 'without asking')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard cert use-next --yes'))
    .action(async (flags) => (await import('./certificates.js')).useNext(flags, surroundings));
}

const TICKET_FILE = 'the file of the ticket; - is standard input (or its text in SWITCHYARD_TICKET)';

/** The option that names a ticket. Its text is never an argument, which every user of the machine could read. */
export function withTicket(command: Command): Command {
  return command.option('--ticket-file <FILE>', TICKET_FILE);
}

/** The commands about tickets, by which instances and people enrol. */
export function addTickets(program: Command, surroundings: Surroundings): void {
  const ticket = program.command('ticket').description('Issue, list and revoke tickets, as an administrator.');
  withConnection(ticket.command('issue'))
    .description(
      'Print a ticket: a secret that lets instances or people enrol, with all that they need to find the server.',
    )
    .option('--role <ROLE>', 'what they may do: agent, client, observer, operator or admin; again for more', listed)
    .option('--uses <N>', 'how many it lets in (default: 1)', positiveInteger)
    .option('--expires <TIME>', 'how long it is good, such as 1h (default: 1d)', durationMs)
    .option('--names <PATTERN>', "the names that they may have, such as 'boat-*'")
    .option('--for <UUID>', 'the only identity that it lets in; its keys are replaced')
    .addOption(
      new Option('--kind <KIND>', 'what they become').choices(['instance', 'service', 'person']).default('instance'),
    )
    .option('--address <HOST:PORT>', 'where they reach the server, again for more (default: where it listens)', listed)
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      examples(
        "switchyard ticket issue --role agent --uses 300 --expires 1d --names 'boat-*'",
        'switchyard ticket issue --role client',
      ),
    )
    .action(async (flags) => (await import('./tickets.js')).issueTicket(flags, surroundings));
  withList(withConnection(ticket.command('list')))
    .description('List the tickets that the server remembers, without their secrets.')
    .addHelpText('after', examples('switchyard ticket list'))
    .action(async (flags) => (await import('./tickets.js')).listTickets(flags, surroundings));
  withConnection(ticket.command('revoke'))
    .description('Let a ticket let nobody in any more, and list who has enrolled by it.')
    .argument('<ID>', 'the id, as ticket list has it')
    .option('--and-identities', 'revoke those that have enrolled by it, too')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard ticket revoke 9f86d081884c7d65 --and-identities'))
    .action(async (id, flags) => (await import('./tickets.js')).revokeTicket(id, flags, surroundings));

  withTicket(withKey(withConnection(program.command('enroll'))))
    .description('Redeem a ticket: this machine keeps a key, how the server is known, and as whom it is enrolled.')
    .option('--name <NAME>', 'what to be called; the same name is the same instance again')
    .option('--uuid <UUID>', 'which instance to be')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard enroll --name boat-7 --ticket-file ticket.txt'))
    .action(async (flags) => (await import('./enrolment.js')).enrolCommand(flags, surroundings));

  const person = (name: string, description: string) =>
    withKey(withConnection(program.command(name)))
      .description(description)
      .option('--name <NAME>', 'the name that was given to enroll or join; default: as this user is enrolled')
      .option('--uuid <UUID>', 'the identity that was given to enroll or join');
  withTicket(
    person(
      'login',
      "Log in by the key of this machine or by an issuer's token, and keep an access token that commands use. With a ticket: enrol first.",
    ),
  )
    .option('--oidc-token-file <FILE>', "the file of an issuer's token; - is standard input (or SWITCHYARD_OIDC_TOKEN)")
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      examples(
        'switchyard login --ticket-file ticket.txt',
        'switchyard login',
        'switchyard login --oidc-token-file token.txt',
      ),
    )
    .action(async (flags) => (await import('./login.js')).login(flags, surroundings));
  person('logout', 'Forget the access token that login has kept. The key stays.').action(async (flags) =>
    (await import('./login.js')).logout(flags, surroundings),
  );
}
