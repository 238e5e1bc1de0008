import { Argument, type Command } from 'commander';
import { printCompletion, SHELLS } from '../completion.js';
import { withConnection, withKey } from '../connection.js';
import { examples } from '../examples.js';
import { listed, positiveInteger } from '../option-values.js';
import type { Surroundings } from '../surroundings.js';

/** The commands for whoever looks after a fleet. They load their code only when they run. */
export function addOperatorCommands(program: Command, surroundings: Surroundings): void {
  withConnection(program.command('terminate'))
    .description('End the session of an instance, as an administrator. It may open another one: see identity revoke.')
    .argument('<WHO>', 'a SID, an instance UUID or a name')
    .option('--reason <TEXT>', 'why, for the owner of the instance')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard terminate harbour-1', 'switchyard terminate 2562 --yes --reason moved'))
    .action(async (who, flags) => (await import('./terminate.js')).terminateSession(who, flags, surroundings));

  withKey(withConnection(program.command('ping')))
    .description('Measure the round trip to a peer that runs switchyard join: directly, and through the server.')
    .argument('<WHO>', 'a SID, an instance UUID or a name')
    .option('--count <COUNT>', 'how many pings on each way (default: 5)', positiveInteger)
    .option('--udp', 'reach it over UDP instead of TCP')
    .option('--json', 'one JSON object a line: one for each way')
    .addHelpText('after', examples('switchyard ping harbour', 'switchyard ping harbour --count 20 --udp'))
    .action(async (who, flags) => (await import('../peers/ping.js')).pingPeer(who, flags, surroundings));

  withConnection(program.command('netcheck'))
    .description('Say what NAT this machine is behind, and whether its connections would be relayed.')
    .option(
      '--stun <HOST:PORT>',
      'one more STUN port to compare with, such as the rendezvous of another server',
      listed,
    )
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard netcheck --stun stun.example.org:3478'))
    .action(async (flags) => (await import('../peers/netcheck.js')).checkNetwork(flags, surroundings));

  program
    .command('explain')
    .description('Say what a reason in an error means and what to do; without one, list them.')
    .argument('[REASON]', 'as the error names it, such as NOT_ATTACHED, or its number')
    .option('--json', 'one JSON object; a line each for the list')
    .addHelpText('after', examples('switchyard explain NOT_ATTACHED'))
    .action(async (reason, flags) => (await import('../reasons.js')).explainReason(reason, flags, surroundings));

  const debug = program.command('debug').description('Help whoever looks for a fault.');
  withConnection(debug.command('dump'))
    .description(
      'Write what a bug report needs into one file, without secrets: versions, options, limits, metrics, log.',
    )
    .option('--output <FILE>', 'the file to make (default: switchyard-debug-TIME.json here)')
    .option('--config <FILE>', "the server's configuration file (SWITCHYARD_CONFIG)")
    .option('--log <FILE>', "the end of the server's log; - is standard input")
    .option('--metrics <HOST:PORT>', "the server's --metrics-listen, when it does not say so itself")
    .option('--metrics-token <TOKEN>', 'what its metrics want to hear beyond loopback (SWITCHYARD_METRICS_TOKEN)')
    .addHelpText(
      'after',
      examples(
        'switchyard debug dump --data /var/lib/switchyard',
        'switchyard debug dump --server yard.example.net:8768 --tls',
        'journalctl -u switchyard | switchyard debug dump --log -',
      ),
    )
    .action(async (flags) => (await import('./debug-dump.js')).dumpDebug(flags, surroundings));

  program
    .command('completion')
    .description('Print the script that teaches a shell the commands and options of this program.')
    .addArgument(new Argument('<SHELL>', 'which').choices(SHELLS))
    .addHelpText('after', examples('source <(switchyard completion bash)', 'switchyard completion fish | source'))
    .action((shell) => printCompletion(shell, program, surroundings));
}
