// The demo: a server, a made-up town that comes up on it, churns and goes again, and a watch that shows it all.
//
//     node docs/demo/run.mjs [--stay]
//
// With --stay the town stays up until Ctrl-C, so that a browser and other commands can look at it. Needs the built program (npm run
// build), as it is in the package.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../dist/bundle/switchyard.js', import.meta.url));
const MESH = fileURLToPath(new URL('mesh.netjson', import.meta.url));

const stays = process.argv.includes('--stay');
const folder = await mkdtemp(join(tmpdir(), 'switchyard-demo-'));
let isInterrupted = false;
const children = new Set();
// Ctrl-C reaches the children as well; this one waits for them and tidies up.
process.on('SIGINT', () => {
  isInterrupted = true;
});
// Other signals reach only this process.
for (const signal of ['SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    isInterrupted = true;
    for (const child of children) child.kill('SIGTERM');
  });
}

let status = 1;
try {
  status = await play();
} catch (error) {
  if (!isInterrupted) throw error;
} finally {
  await Promise.all([...children].map(stop));
  await rm(folder, { recursive: true, force: true });
}
if (!stays) say('to look at such a town in a browser: npm run demo -- --stay');
say(status === 0 ? 'the demo is over, and everything was as it should be' : `the replay ended with status ${status}`);
process.exitCode = isInterrupted ? 130 : status;

/** Plays the town to its end; resolves with the exit status of the replay. */
async function play() {
  const where = ['--listen', '127.0.0.1:0', '--console-listen', '127.0.0.1:0', '--data', folder];
  const server = start(['serve', ...where, '--json', '--log-level', 'warn'], 'pipe');
  const { listening } = JSON.parse(await firstLine(server));
  say(`a server listens on ${listening.grpc} and keeps its journal in ${folder}`);
  const env = { SWITCHYARD_SERVER: listening.grpc, SWITCHYARD_DATA: folder };
  const watch = start(['watch'], 'inherit', env);
  const rates = stays ? ['--stay'] : ['--churn', '10', '--for', '10s'];
  const replay = start(['replay', MESH, ...rates], 'pipe', env);
  for (const output of [replay.stdout, replay.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      say(line);
      if (line.startsWith('the network stays up'))
        sayWhereToLook(env).catch((error) => isInterrupted || say(error.message));
    });
  }
  const status = await ended(replay);
  // The watch first, so that it does not tell of the server's end.
  await stop(watch);
  return status;
}

/** Starts the program. Its standard error is always shown, except where it is read here. */
function start(args, output, more = {}) {
  const stderr = args[0] === 'replay' ? 'pipe' : 'inherit';
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', output, stderr],
    env: { ...process.env, ...more },
  });
  children.add(child);
  child.once('close', () => children.delete(child));
  if (isInterrupted) child.kill('SIGTERM');
  return child;
}

/** The console lets a browser in once for each link, which is good for a minute. */
async function sayWhereToLook(env) {
  const link = await firstLine(start(['console', '--print'], 'pipe', env));
  say(`look at it: ${link}`);
  const again = Object.entries(env)
    .map((pair) => pair.join('='))
    .join(' ');
  say(`later, another link: ${again} node ${relative(process.cwd(), PROGRAM)} console --print`);
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`it ended with status ${code} before it said anything`)));
  });
}

function ended(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode ?? 1);
    else child.once('close', (code) => resolve(code ?? 1));
  });
}

function stop(child) {
  child.kill('SIGTERM');
  return ended(child);
}

/** Sets what is said apart from what the watch shows. */
function say(line) {
  console.log(`▶ ${line}`);
}
