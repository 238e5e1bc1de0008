import { Command, CommanderError, Option } from 'commander';
import { version } from '../base/version.js';
import { SwitchyardError } from '../client/index.js';
import { ConfigError } from '../config/config.js';
import { commandFirst } from './arguments.js';
import { linesOf } from './conclude.js';
import { withConnection, withKey } from './connection.js';
import { examples } from './examples.js';
import { exportGraph, FORMATS } from './network/export.js';
import { listNodes } from './network/nodes.js';
import { showPath } from './network/path.js';
import { replayFile } from './network/replay.js';
import { listSessions } from './network/sessions.js';
import { listStreams } from './network/streams.js';
import { watchGraph } from './network/watch.js';
import { addJournal } from './operate/journal-commands.js';
import { addOperatorCommands } from './operate/operator-commands.js';
import { withServeOptions } from './operate/serve-options.js';
import { listServers } from './operate/servers.js';
import { showStatus } from './operate/status.js';
import { durationMs, listed, port, ports, positiveInteger, positiveNumber } from './option-values.js';
import { withList } from './output/listing.js';
import { Interrupt, type Surroundings, UsageError } from './surroundings.js';
import { withTraces } from './traces.js';
import { givenAdminToken } from './trust/admin-token.js';
import { addAccess, addKeys } from './trust/identity-commands.js';
import { addCertificates, addTickets, withTicket } from './trust/trust-commands.js';
import { unknownVariables } from './variables.js';

/** Exit statuses, as docs/operations.md lists them. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  superseded: 3,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/** Exit statuses after signals: SIGTERM is how a service is stopped, so it is no failure. */
const STATUS_OF = { SIGTERM: EXIT.done, SIGINT: EXIT.interrupted, SIGHUP: EXIT.hungUp } as const;

/**
 * Runs one command line to its end and answers with the exit status. Every failure is written to standard error here, in one
 * place.
 */
export async function runCli(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = makeProgram(surroundings);
  for (const warning of unknownVariables(surroundings.env)) await surroundings.terminal.err.write(warning);
  try {
    await program.parseAsync(commandFirst(program, args), { from: 'user' });
    return EXIT.done;
  } catch (error) {
    return concludeWith(error, surroundings);
  }
}

async function concludeWith(error: unknown, { terminal, signal }: Surroundings): Promise<number> {
  if (error instanceof CommanderError) {
    // Commander has printed the help that was asked for.
    if (error.exitCode === 0) return EXIT.done;
    await terminal.err.write(usageWords(error));
    return EXIT.usage;
  }
  if (error instanceof ConfigError) {
    await terminal.err.writeLines(error.problems);
    return EXIT.usage;
  }
  if (error instanceof UsageError) {
    await terminal.err.write(error.message);
    return EXIT.usage;
  }
  const interrupt = error instanceof Interrupt ? error : signal.reason;
  if (interrupt instanceof Interrupt) return STATUS_OF[interrupt.signalName];
  await terminal.err.writeLines(linesOf(error));
  // A status of its own, so that a supervisor does not restart it: the two would supersede each other in turns.
  return error instanceof SwitchyardError && error.reason === 'SESSION_SUPERSEDED' ? EXIT.superseded : EXIT.failed;
}

/** What Commander found wrong, in one line. */
function usageWords({ code, message }: CommanderError): string {
  // Without a command Commander's message is its whole help.
  const what =
    code === 'commander.help' ? 'name a command' : message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  return `${what} (see switchyard --help)`;
}

/** The commands that can do without gRPC: all that they need is the graph. */
const VIA = ['nodes', 'watch', 'export'];

function refuseVia(command: Command): void {
  if (command.optsWithGlobals().via === undefined || VIA.includes(command.name())) return;
  throw new UsageError(`--via: ${command.name()} needs gRPC; by system events there are ${VIA.join(', ')}`);
}

/** What every command checks that talks to a server, before it does anything. `serve` checks its own token with its other options. */
function checkToken(command: Command, { env }: Surroundings): void {
  const talks = command.options.some(({ long }) => long === '--admin-token') && command.name() !== 'serve';
  if (talks) givenAdminToken(command.opts(), env);
}

/** The program with all its commands, each of which runs in these surroundings. */
export function makeProgram(surroundings: Surroundings): Command {
  const { terminal } = surroundings;
  const program = new Command('switchyard')
    .description('Coordination for fleets: sessions, a live network graph, brokered connections and streams.')
    .version(version(), '-V, --version')
    .option(
      '--via <URL>',
      `speak system events instead of gRPC, with ${VIA.join(', ')}: tcp://HOST:PORT, tls://…, ws://…, wss://…`,
    )
    .hook('preAction', (_, command) => {
      refuseVia(command);
      checkToken(command, surroundings);
    })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.out.document(text),
      // Commander's own output is dropped: usage errors are written in one line later.
      writeErr: () => {},
      getOutHelpWidth: () => terminal.out.columns ?? 100,
      getErrHelpWidth: () => terminal.err.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  withServeOptions(program.command('serve'))
    .description('Run a server until it is told to stop.')
    .addHelpText('after', examples('switchyard serve', 'switchyard serve --listen 127.0.0.1:0 --data :memory: --json'))
    .action(async (_, command) => {
      // Loaded here, because the other commands start in half the time without the server's code.
      const { serve } = await import('./operate/serve.js');
      await serve(command, surroundings);
    });
  addReaders(program, surroundings);
  addConsole(program, surroundings);
  addOperatorCommands(program, surroundings);
  addDirect(program, surroundings);
  addKeys(program, surroundings);
  addAccess(program, surroundings);
  addCertificates(program, surroundings);
  addTickets(program, surroundings);
  addReplay(program, surroundings);
  addJournal(program, surroundings);
  return program;
}

/** The commands that only look. */
function addReaders(program: Command, surroundings: Surroundings): void {
  withConnection(program.command('status'))
    .description('Say what the server is, where it listens and, to an administrator, how much of its limits is used.')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard status', 'switchyard status --json | jq .limits'))
    .action((flags) => showStatus(flags, surroundings));

  withList(withConnection(program.command('servers')))
    .description('List the servers of the network, as the one that is asked knows them.')
    .addHelpText('after', examples('switchyard servers', 'switchyard servers --json | jq -r .name'))
    .action((_, command) => listServers(command.optsWithGlobals(), surroundings));

  withConnection(program.command('watch'))
    .description('Show the network graph change, live, until Ctrl-C.')
    .option('--snapshot', 'show what is there already, too')
    .option('--json', 'one JSON object a line: one for each revision')
    .addHelpText('after', examples('switchyard watch', 'switchyard watch --json | jq .nodeAdded'))
    .action((_, command) => watchGraph(command.optsWithGlobals(), surroundings));

  withList(withConnection(program.command('nodes')))
    .description('List the nodes of the graph.')
    .addHelpText('after', examples('switchyard nodes', 'switchyard nodes --json | jq -r .name'))
    .action((_, command) => listNodes(command.optsWithGlobals(), surroundings));

  withList(withConnection(program.command('sessions')))
    .description('List the sessions that live.')
    .option('--uuid <UUID>', 'only the session of this instance')
    .addHelpText('after', examples('switchyard sessions'))
    .action((flags) => listSessions(flags, surroundings));

  withList(withConnection(program.command('streams')))
    .description('List the registered streams, as an administrator.')
    .option('--sid <SID>', 'only streams with this session at an end', positiveInteger)
    .addHelpText('after', examples('switchyard streams --data /var/lib/switchyard'))
    .action((flags) => listStreams(flags, surroundings));

  withConnection(program.command('path'))
    .description('Find a path with the fewest links between two nodes.')
    .argument('<FROM>', 'a SID, an instance UUID or a name')
    .argument('<TO>', 'the same')
    .option('--control', 'control links count, too: everybody is two of them apart')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard path harbour-1 lake-3'))
    .action((from, to, flags) => showPath(from, to, flags, surroundings));

  withConnection(program.command('export'))
    .description('Print the graph as it stands, for other programs.')
    .addOption(new Option('--format <FORMAT>', 'in which form').choices(Object.keys(FORMATS)).default('netjson'))
    .addHelpText(
      'after',
      examples('switchyard export > now.netjson', 'switchyard export --format dot | sfdp -Tsvg > now.svg'),
    )
    .action((_, command) => exportGraph(command.optsWithGlobals(), surroundings));
}

/** The console in a browser. Its code is loaded when it is asked for, as it starts another program. */
function addConsole(program: Command, surroundings: Surroundings): void {
  withKey(withConnection(program.command('console')))
    .description(
      'Print where the console is, with a code that lets a browser in once within a minute, and when that login ends, and open it: as the identity that you are logged in or enrolled as, else as a viewer.',
    )
    .option('--admin', "be an administrator there, by the server's own token: act, and see all networks")
    .option('--print', 'only print it')
    .option('--json', 'only print it, as one JSON object')
    .addHelpText('after', examples('switchyard console', 'switchyard console --print --data /var/lib/switchyard'))
    .action(async (flags) => (await import('./operate/console.js')).openConsole(flags, surroundings));
}

const FALLBACK =
  'when it goes through the server: at once until there is a direct way, when that is not found, or never';
const PEER_KEY =
  "the peer's key, as `key show` prints it there: go on only if it stands behind the connection; again for more; else those of known_peers";
const REACHABLE = 'where others can reach this machine, open or forwarded by its router: they dial it there';
const MAPPED = 'ask the router, by NAT-PMP, to let connections over TCP in while they are being made (Linux)';

/** The commands that connect machines to each other. They load their code only when they run: it opens sockets. */
function addDirect(program: Command, surroundings: Surroundings): void {
  withTicket(withKey(withConnection(program.command('join'))))
    .description('Be on the network, and let peers reach some ports of this machine, until Ctrl-C.')
    .option(
      '--port <PORT>',
      'a port that peers may reach, again for more; once enrolled, the ones of before without it',
      ports,
    )
    .option(
      '--from <WHO>',
      'who may: a SID or UUID, or by what a peer has proved to be role:ROLE, label:KEY[=VALUE] or uuid:UUID, or by what it signs key:KEY; again for more; everybody without it',
      listed,
    )
    .option('--name <NAME>', 'what to be called, for people; the same name is the same instance again')
    .option('--uuid <UUID>', 'which instance to be; without it and without a name, one of a few')
    .option('--listen <PORT>', REACHABLE, port)
    .option('--map-ports', MAPPED)
    .addHelpText(
      'after',
      examples('switchyard join --name harbour --port 22', 'switchyard join --ticket-file - --name boat-7 --port 22'),
    )
    .action(async (flags) => {
      const { joinNetwork } = await import('./peers/join.js');
      await withTraces(surroundings, (traced) => joinNetwork(flags, traced));
    });

  const peer = (command: Command) =>
    withKey(withConnection(command))
      .argument('<WHO>', 'a SID, an instance UUID or a name')
      .argument('<PORT>', 'one of its ports that it is open at', port)
      .option('--udp', 'reach it over UDP instead of TCP')
      .addOption(new Option('--fallback <WHEN>', FALLBACK).choices(['immediate', 'late', 'none']).default('immediate'))
      .option('--name <NAME>', 'what to be called meanwhile, for people')
      .option('--uuid <UUID>', 'which instance to be; a new one without it')
      .option('--listen <PORT>', REACHABLE, port)
      .option('--map-ports', MAPPED)
      .option('--peer-key <KEY>', PEER_KEY, listed)
      .option('-v, --verbose', 'say on which way it was reached');
  peer(program.command('connect'))
    .description('Connect standard input and output to a port of a peer, directly where there is a way.')
    .addHelpText(
      'after',
      examples('switchyard connect harbour 22', "ssh -o ProxyCommand='switchyard connect %h %p' harbour"),
    )
    .action(async (who, to, flags) => {
      const { connectPort } = await import('./peers/connect.js');
      await withTraces(surroundings, (traced) => connectPort(who, to, flags, traced));
    });

  peer(program.command('forward').argument('<LOCAL>', 'where to listen: PORT or HOST:PORT'))
    .description('Pass every connection to a local port on to a port of a peer, until Ctrl-C.')
    .option('--exit-on-failure', 'end with status 1 when the peer cannot be reached, instead of looking for it again')
    .addHelpText('after', examples('switchyard forward 8080 harbour 80'))
    .action(async (local, who, to, flags) => {
      const { forwardPort } = await import('./peers/connect.js');
      await withTraces(surroundings, (traced) => forwardPort(local, who, to, flags, traced));
    });

  withList(withConnection(program.command('connections')))
    .description(
      'List the direct connections, as an administrator; with an ID, say what was tried and what came of it.',
    )
    .argument('[ID]', 'one connection, such as c12')
    .addHelpText('after', examples('switchyard connections', 'switchyard connections c12'))
    .action(async (id, flags) => (await import('./network/connections.js')).showConnections(id, flags, surroundings));
}

function addReplay(program: Command, surroundings: Surroundings): void {
  withKey(withConnection(program.command('replay')))
    .description('Bring a topology up as real sessions and links, and check what a watcher sees.')
    .argument('<FILE>', 'a NetJSON NetworkGraph')
    .option('--churn <RATE>', 'then let so many nodes a second leave and return', positiveNumber)
    .option('--for <TIME>', 'for how long, such as 60s', durationMs)
    .option('--stay', 'then keep the network up until Ctrl-C')
    .option('--json', 'the summary as one JSON object')
    .addHelpText('after', examples('switchyard replay docs/demo/mesh.netjson --churn 20 --for 30s'))
    .action((path, flags) => {
      if (flags.churn !== undefined && flags.for === undefined)
        throw new UsageError('--churn needs --for, such as --for 60s');
      return replayFile(path, flags, surroundings);
    });
}
