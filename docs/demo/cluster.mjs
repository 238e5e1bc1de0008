// The demo with several servers: an etcd, three servers that share a network in it, and the town at all of them. While the town
// churns one server after the other is killed and started again.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ended, firstLine, say, stop } from './children.mjs';

/** How long a server that was killed is away. */
const AWAY_MS = 2_000;
/** How long all servers are there before the next one is killed. */
const REST_MS = 2_000;
const ETCD_MS_MAX = 30_000;
const ETCD_LINES_MAX = 5;
const NETWORK = 'demo';
/** What a server ends with that has lost its term or cannot reach its log. */
const LOG_LOST = 74;

/** Where the program etcd is; in Debian it is in no folder of an ordinary user's PATH everywhere. Undefined: nowhere. */
function findEtcd() {
  return ['etcd', '/usr/bin/etcd', '/usr/sbin/etcd'].find((path) => spawnSync(path, ['--version']).status === 0);
}

/**
 * Plays the town at several servers to its end; resolves with the exit status of the last replay. Where a slow machine has not started
 * every server again by the time the watchers are compared, they are compared once more after that, with the town brought up anew.
 */
export async function playCluster({ children, folder, mesh, count, churnFor }) {
  const program = findEtcd();
  if (program === undefined) {
    say('several servers keep their journal in etcd, and there is none here: apt-get install etcd-server,');
    say('brew install etcd, or a release from https://github.com/etcd-io/etcd/releases in the PATH');
    return 1;
  }
  const journal = await startEtcd(children, program, folder);
  const more = { SWITCHYARD_ADMIN_TOKEN: randomBytes(24).toString('base64url') };
  const servers = Array.from({ length: count }, (_, at) => new DemoServer({ children, folder, journal, more }, at));
  for (const server of servers) await server.start();
  say(`${count} servers listen on ${servers.map(({ address }) => address).join(', ')}; one leads, the others follow`);
  const env = { SWITCHYARD_SERVER: servers.map(({ address }) => address).join(), SWITCHYARD_DATA: folder };
  const watch = children.start(['watch'], 'inherit', env);
  let killed;
  let kills = 0;
  const killAll = async () => {
    for (const server of servers) {
      await sleep(REST_MS);
      await server.kill();
      await sleep(AWAY_MS);
      await server.start();
      kills++;
      say(`${server.name} is back`);
    }
  };
  const begin = (line) => {
    if (killed !== undefined || !line.startsWith('after everybody joined')) return;
    killed = killAll().catch((error) => children.isInterrupted || say(error.message));
  };
  let status = await replay(children, ['replay', mesh, '--churn', '10', '--for', churnFor], { env, told: begin });
  const inTime = kills;
  await killed;
  if (status === 0 && inTime < count && kills === count && !children.isInterrupted) {
    say(`in ${churnFor} ${inTime} of ${count} servers were killed and back: the town once more, now that all were`);
    status = await replay(children, ['replay', mesh], { env, told: () => {} });
  }
  // The watch first, so that it does not tell of the servers' end.
  await stop(watch);
  return kills === count ? status : 1;
}

/** Runs a replay to its end, and says what it says. Resolves with its exit status. */
function replay(children, args, { env, told }) {
  const child = children.start(args, 'pipe', env);
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      say(line);
      told(line);
    });
  }
  return ended(child);
}

/** Starts an etcd of one member. Resolves with where it is, as --journal has it, when it answers. */
async function startEtcd(children, program, folder) {
  const [port, peerPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const own = join(folder, 'etcd');
  const options = {
    'data-dir': own,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': `http://127.0.0.1:${peerPort}`,
    'log-level': 'error',
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const etcd = children.run(program, args, ['ignore', 'ignore', 'pipe'], etcdEnvironment());
  const said = lastLines(etcd.stderr);
  const startMs = performance.now();
  while (!(await isWell(url))) {
    if (etcd.exitCode !== null) throw new Error(`etcd ended with status ${etcd.exitCode}:\n${said.join('\n')}`);
    if (performance.now() - startMs > ETCD_MS_MAX) throw new Error(`etcd does not answer at ${url}`);
    await sleep(100);
  }
  say(`an etcd listens on 127.0.0.1:${port} and keeps the journal in ${own}`);
  return `etcd://127.0.0.1:${port}`;
}

/** The last lines of what is read, which etcd fills with much that is of no interest where all is well. */
function lastLines(stream) {
  const lines = [];
  createInterface({ input: stream }).on('line', (line) => {
    lines.push(line);
    if (lines.length > ETCD_LINES_MAX) lines.shift();
  });
  return lines;
}

/** etcd 3.4 starts on this processor only when it is told that this is meant. */
function etcdEnvironment() {
  return process.arch === 'arm64' ? { ETCD_UNSUPPORTED_ARCH: 'arm64' } : {};
}

async function isWell(url) {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) });
    return answer.ok;
  } catch {
    return false;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** One of the servers: it has a folder of its own, and after a restart its address of before. */
class DemoServer {
  name;
  address = '127.0.0.1:0';
  #deps;
  #folder;
  #child;

  constructor(deps, at) {
    this.name = `server-${at + 1}`;
    this.#deps = deps;
    this.#folder = join(deps.folder, this.name);
    mkdirSync(this.#folder, { mode: 0o700 });
  }

  /** Resolves when it listens. One that has lost its log later, as when this machine stands still, is started again, as systemd would. */
  async start() {
    const { children, journal, more } = this.#deps;
    const own = ['--name', this.name, '--listen', this.address, '--data', this.#folder];
    const shared = ['--journal', journal, '--network', NETWORK, '--json', '--log-level', 'error'];
    const child = children.start(['serve', ...own, ...shared], 'pipe', more);
    this.#child = child;
    this.address = JSON.parse(await firstLine(child)).listening.grpc;
    child.once('exit', (code) => {
      if (code !== LOG_LOST || children.isInterrupted) return;
      say(`${this.name} has lost its log, and is started again`);
      this.start().catch((error) => children.isInterrupted || say(`${this.name}: ${error.message}`));
    });
  }

  /** SIGKILL. */
  async kill() {
    say(`${this.name} is killed: its instances go to the others`);
    await stop(this.#child, 'SIGKILL');
  }
}
