import { type ChildProcess, execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { lacksSsh, Sshd } from '../../../test/cli/servers/sshd.js';
import { NatNetwork, type Place } from '../../nat/network.js';
import { type Figure, figureOf } from '../figure.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);
/** The machines of the README, and where they stand in the network: the device and the laptop behind routers of their own. */
const PLACES: Readonly<Record<string, Place>> = { hub: 'server', 'boat-7': 'boat', laptop: 'laptop' };
const ROUTERS = { boat: 'apdf', laptop: 'apdf' } as const;
const COMMANDS = 6;
/** By what a command that goes on running is known to be ready. */
const READY: readonly (readonly [RegExp, RegExp])[] = [
  [/^switchyard serve /, /:8768/],
  [/^switchyard join /, /joined as \d+/],
];
/** The port of the README's sshd. */
const SSH_PORT = 22;
/** The longest that a command may take on a busy machine. */
export const COMMAND_MS = 120_000;

/** A command of the README. */
export interface ReadmeCommand {
  readonly machine: string;
  readonly line: string;
}

/** What one took. */
export interface Timed extends ReadmeCommand {
  readonly tookMs: number;
}

/** The six commands by which the README reaches a machine behind a NAT. Throws where it has others. */
export function readmeCommands(readme = readFileSync(join(root, 'README.md'), 'utf8')): ReadmeCommand[] {
  const lines = [...readme.matchAll(/^([a-z0-9-]+)\$ (.*?)(?: {2,}#.*)?$/gm)];
  const commands = lines.map(([, machine, line]) => ({ machine, line }));
  const isAsWanted = commands.length === COMMANDS && commands.every(({ machine }) => PLACES[machine] !== undefined);
  if (!isAsWanted) throw new Error(`the README has not the ${COMMANDS} commands of ${Object.keys(PLACES).join(', ')}`);
  return commands;
}

/** What this machine lacks to play them; undefined: nothing. */
export function lacksForCommands(): string | undefined {
  return lacksSsh() ?? NatNetwork.lacks();
}

/**
 * Plays the commands as they stand in the README, each machine in a network namespace with an empty home, and the device and the laptop
 * behind NATs. `programs` is the folder of the program `switchyard`. Throws when one fails, or ssh does not reach the device's own sshd.
 */
export async function playCommands(programs: string): Promise<Timed[]> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-commands-'));
  const network = await NatNetwork.make({ routers: ROUTERS });
  const secret = randomUUID();
  let sshd: Sshd | undefined;
  try {
    const onDevice = (argv: readonly string[]) =>
      network.spawn(PLACES['boat-7'], argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    sshd = await Sshd.start({ port: SSH_PORT, start: onDevice, settings: { SetEnv: `SECRET=${secret}` } });
    const timed = [];
    for (const command of readmeCommands()) {
      const home = join(folder, command.machine);
      mkdirSync(home, { recursive: true });
      takeTickets(folder, home);
      const isSsh = command.line.startsWith('ssh ');
      const line = isSsh ? withOptions(command.line, sshd.options) : command.line;
      const env = { HOME: home, PATH: [programs, process.env.PATH].join(delimiter) };
      const fromMs = performance.now();
      const child = network.spawn(PLACES[command.machine], ['sh', '-c', line], { cwd: home, env });
      const out = await outputOf(child, READY.find(([of]) => of.test(line))?.[1]);
      timed.push({ ...command, tookMs: performance.now() - fromMs });
      if (isSsh && out !== `${secret}\n`) throw new Error(`ssh has reached another machine, which said ${out}`);
    }
    return timed;
  } finally {
    network.remove();
    await sshd?.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Brings the tickets that the hub has written to another machine, as its owner would. */
function takeTickets(folder: string, home: string): void {
  const hub = join(folder, 'hub');
  const tickets = readdirSync(hub).filter((name) => name.endsWith('.txt'));
  for (const ticket of tickets) if (home !== hub) cpSync(join(hub, ticket), join(home, ticket));
}

/** The README's ssh with how it gets in, and a command that only the device's sshd can answer. */
function withOptions(line: string, options: readonly string[]): string {
  const host = line.lastIndexOf(' ');
  const words = options.map((word) => `'${word}'`).join(' ');
  return `${line.slice(0, host)} ${words}${line.slice(host)} 'echo $SECRET'`;
}

/** Its standard output once it has ended well or, where it goes on, once it is ready. */
async function outputOf(child: ChildProcess, ready: RegExp | undefined): Promise<string> {
  let [out, err] = ['', ''];
  child.stderr!.on('data', (bytes) => (err += bytes));
  const isReady = new Promise<void>((resolve) => {
    child.stdout!.on('data', (bytes) => {
      out += bytes;
      if (ready?.test(out)) resolve();
    });
  });
  const late = setTimeout(() => child.kill('SIGKILL'), COMMAND_MS);
  const ended = once(child, 'close').then(([status, signal]) => {
    if (status !== 0 || ready !== undefined) throw new Error(`a command ended with ${status ?? signal}: ${err}`);
  });
  // What goes on running ends with the network.
  ended.catch(() => {});
  await Promise.race([isReady, ended]).finally(() => clearTimeout(late));
  return out;
}

/** The package as it is published, installed in an empty folder. Answers with the folder of its programs and how long the installation took. */
async function install(folder: string): Promise<{ readonly programs: string; readonly tookMs: number }> {
  // The bench has built what is packed.
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root });
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  const fromMs = performance.now();
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`], { cwd: folder });
  return { programs: join(folder, 'node_modules', '.bin'), tookMs: performance.now() - fromMs };
}

/** From the packed package to an ssh into a device behind a NAT, by the README's six commands in empty homes. */
export async function benchCommands(rounds: number, progress: (line: string) => void): Promise<Figure[]> {
  const lacks = lacksForCommands();
  if (lacks !== undefined) throw new Error(lacks);
  const all: { readonly installMs: number; readonly timed: readonly Timed[] }[] = [];
  for (let round = 0; round < rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-newcomer-'));
    try {
      const { programs, tookMs } = await install(folder);
      all.push({ installMs: tookMs, timed: await playCommands(programs) });
      progress(`round ${round + 1} of ${rounds}`);
    } finally {
      NatNetwork.removeAll();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const figure = (what: string, values: readonly number[]) =>
    figureOf(
      { bench: 'commands', what, unit: 's' },
      values.map((ms) => ms / 1_000),
    );
  const sum = (timed: readonly Timed[]) => timed.reduce((total, { tookMs }) => total + tookMs, 0);
  return [
    figure(
      "npm install of the package, what npm's cache has from there",
      all.map(({ installMs }) => installMs),
    ),
    ...all[0].timed.map(({ machine, line }, at) =>
      figure(
        `${machine}$ ${line}`,
        all.map(({ timed }) => timed[at].tookMs),
      ),
    ),
    figure(
      'the six commands',
      all.map(({ timed }) => sum(timed)),
    ),
  ];
}
