import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { programArguments } from '../program.js';
import { ANYWHERE, type Fault } from './fault.js';
import { Keeper } from './keeper.js';
import type { Trial } from './trial.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LOADER = ['--no-warnings', '--import', './harness/typescript.mjs'];
const TTL_MS = 1_000;
/** The server stands still for more than twice as long. */
const STANDS_MS = 2_500;

/** SIGSTOP: of the server, for longer than a TTL; and of a client, until its session has ended. */
export const stop: Fault = {
  name: 'stop',
  about: 'SIGSTOP of the server for longer than a TTL, and of a client until its session has ended',
  lacks: () => undefined,
  prepare: () => ANYWHERE,
  async strike(trial, patient) {
    await stopServer(trial);
    await stopClient(
      trial,
      [...LOADER, 'harness/faults/visitor.ts', trial.server.address, String(TTL_MS)],
      /^session (\d+)/,
    );
    // An attached one is missed only when it does not answer pings: after 40 s and its grace.
    if (patient)
      await stopClient(
        trial,
        [...programArguments(), 'join', '--port', '9', '--server', trial.server.address],
        /as (\d+)/,
      );
  },
};

/** Nobody can renew while the server stands still, so when it goes on it gives everybody the whole TTL again. */
async function stopServer(trial: Trial): Promise<void> {
  const { server, fleet } = trial;
  const openedMs = performance.now();
  const keeper = await Keeper.open(server.address, TTL_MS);
  server.pause();
  const livedMs = performance.now() - openedMs;
  await sleep(STANDS_MS);
  const continuedMs = performance.now();
  server.proceed();
  const refusal = await keeper.renew();
  const lateMs = performance.now() - continuedMs;
  // Whoever is later than its TTL, before or after, has nobody to blame but a busy machine.
  if (refusal?.reason === 'SESSION_EXPIRED' && Math.max(livedMs, lateMs) < keeper.ttlMs) {
    fleet.verdict.fail('Leased', `session ${keeper.sid} was ended because its server stood still: ${refusal.message}`);
  }
  await keeper.leave();
  await trial.untilServed();
}

/** The session of a client that stands still ends, once, and when it goes on it is told so. */
async function stopClient(trial: Trial, args: readonly string[], announces: RegExp): Promise<void> {
  const { verdict, expiries } = trial.fleet;
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] });
  const told: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => told.push(line));
  try {
    await trial.until('a client with a session', () => told.length > 0);
    const sid = Number(announces.exec(told[0])?.[1]);
    child.kill('SIGSTOP');
    await trial.until(`the end of stopped session ${sid}`, () => expiries.heard.has(sid), 'Ghostless');
    child.kill('SIGCONT');
    await trial.until('the word to a client that stood still', () => told.slice(1).some((line) => line !== 'renewed'));
    if (expiries.heard.get(sid) !== 1) verdict.fail('Unique', `session ${sid} ended ${expiries.heard.get(sid)} times`);
  } finally {
    child.kill('SIGKILL');
  }
}
