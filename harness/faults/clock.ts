import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programArguments } from '../program.js';
import { clockEnvironment, faketimeLibrary, OFFSET_FILE, setOffset } from './faketime.js';
import type { Fault } from './fault.js';
import { Keeper } from './keeper.js';
import type { Trial } from './trial.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const JOIN = [...programArguments(), 'join', '--port', '9'];
const HOUR_S = 3_600;
const HOURS_MAX = 48;
const STEPS = 4;
/** Between a step and a look at it, at most: a quarter of an hour. */
const TOLERANCE_MS = 900_000;

/** The wall clock of a server and of a client jumps by hours, as `date` makes it; the monotonic clock goes on. */
export const clock: Fault = {
  name: 'clock',
  about: 'the wall clock jumps by hours, forwards and back, and nothing comes of it',
  lacks: () => (faketimeLibrary() === undefined ? 'clock steps need libfaketime (Debian: libfaketime)' : undefined),
  prepare() {
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-clock-'));
    const file = join(folder, 'offset');
    setOffset(file, 0);
    return { options: { env: clockEnvironment(file) }, remove: () => rmSync(folder, { recursive: true }) };
  },
  async strike(trial) {
    const { fleet, random } = trial;
    const file = trial.options.env?.[OFFSET_FILE];
    if (file === undefined) throw new Error('this trial is not on a ground where clocks can be set');
    const broken = fleet.brokenWatches;
    const client = new ClockedClient(trial);
    await client.joined();
    for (let step = 0; step < STEPS; step++) {
      const seconds = (random.chance(0.5) ? 1 : -1) * random.between(HOUR_S, HOURS_MAX * HOUR_S);
      setOffset(file, seconds);
      await look(trial, seconds);
      const { created } = fleet;
      await trial.until('a command after a clock step', () => fleet.created > created);
    }
    setOffset(file, 0);
    const said = await client.leave();
    if (said !== '') fleet.verdict.fail('Sound', `a client whose clock was set lost its server: ${said}`);
    if (fleet.brokenWatches > broken) fleet.verdict.fail('Sound', 'a watch broke because the wall clock was set');
  },
};

/** The server has the new time, or nothing would be shown by this. */
async function look({ server, fleet }: Trial, seconds: number): Promise<void> {
  const keeper = await Keeper.open(server.address, 0);
  const offMs = (await keeper.openedAtMs()) - (Date.now() + seconds * 1_000);
  if (Math.abs(offMs) > TOLERANCE_MS) fleet.verdict.fail('Sound', `the clock is ${offMs} ms from where it was set`);
  await keeper.leave();
}

/** `switchyard join` under the clock of the server. */
class ClockedClient {
  private readonly child: ChildProcess;
  private said = '';

  constructor({ server, options }: Trial) {
    const { PATH, HOME } = process.env;
    this.child = spawn(process.execPath, [...JOIN, '--server', server.address], {
      cwd: ROOT,
      env: { PATH, HOME, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stderr!.on('data', (bytes) => (this.said += bytes));
  }

  async joined(): Promise<void> {
    const ended = once(this.child, 'exit').then(() => Promise.reject(new Error(`a client ended: ${this.said}`)));
    await Promise.race([once(this.child.stdout!, 'data'), ended]);
  }

  /** Lets it go; resolves with what it complained of. */
  async leave(): Promise<string> {
    const exited = once(this.child, 'close');
    this.child.kill('SIGINT');
    await exited;
    return this.said.trim();
  }
}
