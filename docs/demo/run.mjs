// The demo: a server, a made-up town that comes up on it, churns and goes again, and a watch that shows it all.
//
//     node docs/demo/run.mjs [--stay]
//     node docs/demo/run.mjs --servers 3 [--for TIME] [FILE]
//
// With --stay the town stays up until Ctrl-C, so that a browser and other commands can look at it. With --servers so many servers share
// an etcd; while the town churns, for 40 s by default, each is killed and started again. Another town is a NetJSON file. Needs the built
// program (npm run build), as it is in the package.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Children, ended, firstLine, PROGRAM, say, stop } from './children.mjs';
import { playCluster } from './cluster.mjs';

const MESH = fileURLToPath(new URL('mesh.netjson', import.meta.url));
const SERVERS_MAX = 5;
/** Three restarts take half of it on a machine that does nothing else. */
const CHURN_FOR = '40s';

const { stays, count, mesh, churnFor } = options();
const folder = await mkdtemp(join(tmpdir(), 'switchyard-demo-'));
const children = new Children();

let status = 1;
try {
  status = count === 1 ? await play() : await playCluster({ children, folder, mesh, count, churnFor });
} catch (error) {
  if (!children.isInterrupted) throw error;
} finally {
  await children.stopAll();
  await rm(folder, { recursive: true, force: true });
}
if (!stays && count === 1) say('to look at such a town in a browser: npm run demo -- --stay');
say(status === 0 ? 'the demo is over, and everything was as it should be' : `the replay ended with status ${status}`);
process.exitCode = children.isInterrupted ? 130 : status;

/** What the command line asks for; ends the process with status 2 where that cannot be. */
function options() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        stay: { type: 'boolean', default: false },
        servers: { type: 'string', default: '1' },
        for: { type: 'string' },
      },
      allowPositionals: true,
    });
    const servers = Number(values.servers);
    if (!Number.isInteger(servers) || servers < 1 || servers > SERVERS_MAX) {
      throw new Error(`--servers: ${values.servers} must be a number from 1 to ${SERVERS_MAX}`);
    }
    if (values.stay && servers > 1) throw new Error('--stay and --servers: give one of them');
    if (values.for !== undefined && servers === 1) throw new Error('--for goes with --servers 2 or more');
    const [town = MESH] = positionals;
    return { stays: values.stay, count: servers, mesh: town, churnFor: values.for ?? CHURN_FOR };
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
}

/** Plays the town to its end; resolves with the exit status of the replay. */
async function play() {
  const where = ['--listen', '127.0.0.1:0', '--console-listen', '127.0.0.1:0', '--data', folder];
  const server = children.start(['serve', ...where, '--json', '--log-level', 'warn'], 'pipe');
  const { listening } = JSON.parse(await firstLine(server));
  say(`a server listens on ${listening.grpc} and keeps its journal in ${folder}`);
  const env = { SWITCHYARD_SERVER: listening.grpc, SWITCHYARD_DATA: folder };
  const watch = children.start(['watch'], 'inherit', env);
  const rates = stays ? ['--stay'] : ['--churn', '10', '--for', '10s'];
  const replay = children.start(['replay', mesh, ...rates], 'pipe', env);
  for (const output of [replay.stdout, replay.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      say(line);
      if (line.startsWith('the network stays up'))
        sayWhereToLook(env).catch((error) => children.isInterrupted || say(error.message));
    });
  }
  const status = await ended(replay);
  // The watch first, so that it does not tell of the server's end.
  await stop(watch);
  return status;
}

/** The console lets a browser in once for each link, which is good for a minute. */
async function sayWhereToLook(env) {
  const link = await firstLine(children.start(['console', '--print'], 'pipe', env));
  say(`look at it: ${link}`);
  const again = Object.entries(env)
    .map((pair) => pair.join('='))
    .join(' ');
  say(`later, another link: ${again} node ${relative(process.cwd(), PROGRAM)} console --print`);
}
