import { type Command, Option } from 'commander';
import { withConnection, withKey } from '../connection.js';
import { examples } from '../examples.js';
import { labels, listed, positiveInteger, wholeNumber } from '../option-values.js';
import { withList } from '../output/listing.js';
import type { Surroundings } from '../surroundings.js';

/** The commands about keys: one's own, and (for administrators) everybody's. They load their code only when they run. */
export function addKeys(program: Command, surroundings: Surroundings): void {
  const key = program.command('key').description('Look at the key that an instance of this machine proves itself by.');
  const own = (name: string) =>
    withKey(withConnection(key.command(name)))
      .option('--name <NAME>', 'the name that was given to join')
      .option('--uuid <UUID>', 'the instance that was given to join')
      .option('--json', 'one JSON object');
  own('show')
    .description('Print the public key, its id and the instance that it stands for.')
    .addHelpText('after', examples('switchyard key show --name harbour'))
    .action(async (flags) => (await import('./keys.js')).showKey(flags, surroundings));
  own('rotate')
    .description('Take a new key; the old one stays good for a while.')
    .addHelpText('after', examples('switchyard key rotate --name harbour'))
    .action(async (flags) => (await import('./keys.js')).rotateOwnKey(flags, surroundings));

  const identity = program.command('identity').description('Look after the keys of instances, as an administrator.');
  const about = (name: string, description: string) =>
    withConnection(identity.command(name)).description(description).option('--json', 'one JSON object a line');
  withList(withConnection(identity.command('list')))
    .description('List who has shown a key, or is revoked.')
    .addHelpText('after', examples('switchyard identity list'))
    .action(async (flags) => (await import('./keys.js')).listIdentities(flags, surroundings));
  const one = (name: string, description: string) => about(name, description).argument('<UUID>', 'the instance');
  one('approve', 'Say what an identity may do, and what it is called: what is named changes.')
    .option('--role <ROLE>', 'agent, client, observer, operator or admin; again for more. All that it has', listed)
    .option('--name <NAME>', 'what it is called in the network')
    .option('--label <KEY=VALUE>', 'what grants of the policy look at; again for more. All that it has', labels)
    .addOption(new Option('--kind <KIND>', 'what it is').choices(['instance', 'service', 'person']))
    .addHelpText('after', examples('switchyard identity approve UUID --role agent --name boat-7'))
    .action(async (uuid, flags) => (await import('./keys.js')).approveIdentity(uuid, flags, surroundings));
  one('show', 'Show one identity with its keys.').action(async (uuid, flags) =>
    (await import('./keys.js')).showIdentity(uuid, flags, surroundings),
  );
  one('revoke', 'End the session of an instance, and let it open none any more.').action(async (uuid, flags) =>
    (await import('./keys.js')).revokeIdentity(uuid, flags, surroundings),
  );
  one('forget', 'Forget the keys of an instance: the next one that it shows binds it.').action(async (uuid, flags) =>
    (await import('./keys.js')).forgetIdentity(uuid, flags, surroundings),
  );
  one('bind', 'Replace the keys of an instance by one, and bar the old ones.')
    .argument('<KEY>', 'the public key as `key show` prints it, or a PEM file')
    .addHelpText('after', examples('switchyard identity bind UUID MCowBQYDK2VwAyEA…'))
    .action(async (uuid, text, flags) => (await import('./keys.js')).bindIdentity(uuid, text, flags, surroundings));
}

/** The commands about the policy, for administrators, and the one that says who somebody is. */
export function addAccess(program: Command, surroundings: Surroundings): void {
  withKey(withConnection(program.command('whoami')))
    .description('Say as whom the server knows the key of this machine, or a token.')
    .option('--name <NAME>', 'the name that was given to join; default: the key of connect and forward')
    .option('--uuid <UUID>', 'the instance that was given to join')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard whoami', 'switchyard whoami --name boat-7'))
    .action(async (flags) => (await import('./whoami.js')).whoAmI(flags, surroundings));

  const policy = program.command('policy').description('Look after the policy of the network, as an administrator.');
  const about = (name: string, description: string) =>
    withConnection(policy.command(name)).description(description).option('--json', 'one JSON object');
  about('show', 'Print the policy as it was put.').action(async (flags) =>
    (await import('./policy.js')).showPolicy(flags, surroundings),
  );
  about('apply', 'Put the policy of a file; one with a mistake, or whose own test fails, is refused whole.')
    .argument('<FILE>', 'JSON; - reads standard input')
    .option('--if-revision <N>', 'only in place of the policy of this revision; 0: of none', wholeNumber)
    .addHelpText('after', examples('switchyard policy apply policy.json --if-revision 12'))
    .action(async (path, flags) =>
      (await import('./policy.js')).putPolicy(path, { ...flags, validateOnly: false }, surroundings),
    );
  about('test', 'Check the policy of a file and run its own tests; nothing is stored.')
    .argument('<FILE>', 'JSON; - reads standard input')
    .action(async (path, flags) =>
      (await import('./policy.js')).putPolicy(path, { ...flags, validateOnly: true }, surroundings),
    );
  about('explain', 'Say whether an identity may do something, and by which role or grant.')
    .argument('<FROM>', 'an identity: its UUID or its name')
    .argument('<PERMISSION>', 'such as connection.ask or graph.read')
    .argument('[TO]', 'the identity that it would be done with')
    .addHelpText('after', examples('switchyard policy explain anna connection.ask boat-7'))
    .action(async (from, permission, to, flags) =>
      (await import('./policy.js')).explainAccess({ from, permission, to }, flags, surroundings),
    );

  const network = program
    .command('network')
    .description('Create, list and drop the networks of a server, as an administrator.');
  const onNetworks = (name: string, description: string) =>
    withConnection(network.command(name)).description(description);
  onNetworks('create', 'Create a network: a graph with its own sessions, journal, identities and policy.')
    .argument('<NAME>', '1 to 32 of a-z, 0-9 and -')
    .option('--sessions-max <N>', 'how many sessions it may have (default: as many as the server)', positiveInteger)
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard network create harbour --sessions-max 5000'))
    .action(async (name, flags) => (await import('./networks.js')).createNetwork(name, flags, surroundings));
  withList(onNetworks('list', 'List the networks of the server.'))
    .addHelpText('after', examples('switchyard network list'))
    .action(async (flags) => (await import('./networks.js')).listNetworks(flags, surroundings));
  onNetworks(
    'drop',
    'Drop a network with all that is in it. What it held is written to dropped/ in the data folder first.',
  )
    .argument('<NAME>', 'the network')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard network drop harbour'))
    .action(async (name, flags) => (await import('./networks.js')).dropNetwork(name, flags, surroundings));

  const audit = program.command('audit').description('Look at the audit log of a server.');
  withConnection(audit.command('tail'))
    .description(
      'Print the newest lines: who did what to whom, from where, and what came of it. Reads the data folder, or with --server or --follow asks the server.',
    )
    .option('--lines <N>', 'how many (default: 50)', positiveInteger)
    .option('--follow', 'then print each line as it is written, until it is interrupted')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', examples('switchyard audit tail --lines 10', 'switchyard audit tail --follow'))
    .action(async (flags) => (await import('./audit.js')).tailAudit(flags, surroundings));
  withConnection(audit.command('verify'))
    .description(
      'Check that every line follows from the one before, and that the lines are there which the journal of the network knows. Reads the data folder; where a server runs on it, that is asked.',
    )
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard audit verify'))
    .action(async (flags) => (await import('./audit.js')).verifyAudit(flags, surroundings));
}
