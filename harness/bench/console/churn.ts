import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { CDPSession, Page } from 'playwright-core';
import { systemClock, systemRandom } from '../../../src/client/system.js';
import { makeCode } from '../../../src/console/credentials.js';
import { launchChromium } from '../../../test/interop/chromium.mjs';
import { hasEnded } from '../../has-ended.js';
import { numberAboveZero } from '../../number-option.js';
import { machine } from '../machine.js';
import { bound } from '../parts/children.js';
import { dataFolder, startSwitchyard, switchyardProgram } from '../parts/servers.js';

/*
 * The console's page while a topology is replayed and its nodes leave and return: how long its frames take, its heap, and how many nodes
 * its layout moves without cause.
 */

const HELP = `node --import ./harness/typescript.mjs harness/bench/console/churn.ts [FILE] [--churn RATE] [--minutes N]

  FILE       a topology of NetJSON (docs/demo/mesh.netjson)
  --churn    nodes that leave each second, and return (50)
  --minutes  for how long (10)
  --late     opens the page while nodes leave and return, and not before
`;
const TOKEN = 'the-administrator-of-a-bench';
/** A line of figures for each so long; the last is of what is left. */
const WINDOW_MS = 60_000;
const POLL_MS = 500;
/** How long the first layout may take. The replay stands still meanwhile, and so long its connections bear. */
const SETTLED_MS = 45_000;
const JOINED_MS = 240_000;
/** How long the replay may take at its end until all who left have returned. */
const ENDED_MS = 60_000;

const PROBE = readFileSync(fileURLToPath(new URL('churn-probe.js', import.meta.url)), 'utf8');

/** What the probe has counted since it was asked last. */
interface Counted {
  readonly frames: readonly number[];
  readonly compared: number;
  readonly uncaused: number;
  readonly moved: number;
  readonly requests: number;
}

/** Figures of one window. */
interface Figures extends Omit<Counted, 'frames'> {
  readonly frames: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  readonly scriptMsPerFrame: number;
  readonly heapMiB: number;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      churn: { type: 'string' },
      minutes: { type: 'string' },
      late: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const [file = 'docs/demo/mesh.netjson'] = positionals;
  const churn = numberAboveZero('--churn', values.churn ?? '50');
  const minutes = numberAboveZero('--minutes', values.minutes ?? '10');
  if (values.help || positionals.length > 1) {
    console.log(HELP);
    process.exit(values.help ? 0 : 2);
  }
  console.log(`${machine()}: ${file}, ${churn} nodes a second leave and return for ${minutes} min`);
  const data = dataFolder();
  const server = await startSwitchyard(data.path, '--console-listen', '127.0.0.1:0', '--admin-token', TOKEN);
  const browser = await launchChromium();
  try {
    const { replay, ended } = await joined(file, `127.0.0.1:${server.port}`, [
      '--churn',
      `${churn}`,
      '--for',
      `${minutes}m`,
    ]);
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.addInitScript(PROBE);
    const code = makeCode(TOKEN, { role: 'viewer', network: 'default' }, systemClock, systemRandom);
    // Until the first layout is at rest.
    if (values.late !== true) replay.kill('SIGSTOP');
    await page.goto(`http://127.0.0.1:${server.ports.console}/#code=${code}`);
    await settled(page);
    replay.kill('SIGCONT');
    await measure(page, minutes);
    console.log(await ended());
  } finally {
    await browser.close();
    await server.stop();
    data.remove();
  }
}

/** Starts the replay; resolves when all nodes are there. */
async function joined(file: string, server: string, options: readonly string[]) {
  const words = switchyardProgram(['replay', file, '--server', server, ...options]);
  const replay = bound(spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] }));
  let said = '';
  replay.stderr?.on('data', (bytes) => (said += bytes));
  for (let ms = 0; !said.includes('after everybody joined'); ms += POLL_MS) {
    if (hasEnded(replay) || ms > JOINED_MS) throw new Error(`the replay did not get so far: ${said}`);
    await sleep(POLL_MS);
  }
  console.log(said.trim());
  const told = said.length;
  /** What it says of the fleet at its end: how many left, and whether all returned. */
  const ended = async () => {
    for (let ms = 0; !hasEnded(replay) && ms < ENDED_MS; ms += POLL_MS) await sleep(POLL_MS);
    if (!hasEnded(replay)) replay.kill('SIGKILL');
    return said.slice(told).trim() || 'the replay has not ended';
  };
  return { replay, ended };
}

async function settled(page: Page): Promise<void> {
  for (let ms = 0; ms < SETTLED_MS; ms += POLL_MS) {
    if (await page.evaluate('probe.isSettled()')) return;
    await sleep(POLL_MS);
  }
  throw new Error(`the first layout was not at rest after ${SETTLED_MS / 1_000} s`);
}

async function measure(page: Page, minutes: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  // Of the thread, and not of the wall.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.evaluate('probe.take()');
  let script = await metric(session, 'ScriptDuration');
  const all: Figures[] = [];
  const forMs = minutes * WINDOW_MS;
  for (let atMs = 0; atMs < forMs; atMs += WINDOW_MS) {
    const windowMs = Math.min(WINDOW_MS, forMs - atMs);
    await sleep(windowMs);
    const { frames: times, ...counted } = (await page.evaluate('probe.take()')) as Counted;
    const now = await metric(session, 'ScriptDuration');
    await session.send('HeapProfiler.collectGarbage');
    const heapMiB = (await metric(session, 'JSHeapUsedSize')) / 2 ** 20;
    const sorted = [...times].sort((one, other) => one - other);
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
    const frames = { frames: times.length, medianMs: at(0.5), p99Ms: at(0.99), longestMs: at(1) };
    all.push({ ...counted, ...frames, scriptMsPerFrame: ((now - script) * 1_000) / times.length, heapMiB });
    script = now;
    const chip = await page.locator('.chip').textContent();
    console.log(`after ${((atMs + windowMs) / 60_000).toFixed(1)} min: ${wordsOf(all.at(-1))}; ${chip}`);
  }
}

async function metric(session: CDPSession, wanted: string): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN;
}

function wordsOf(figures: Figures | undefined): string {
  if (figures === undefined) return '';
  const { frames, medianMs, p99Ms, longestMs, scriptMsPerFrame, heapMiB, compared, uncaused, moved, requests } =
    figures;
  return [
    `${frames} frames, ${medianMs.toFixed(0)} ms at the median, ${p99Ms.toFixed(0)} at 99 %, ${longestMs.toFixed(0)} the longest`,
    `${scriptMsPerFrame.toFixed(2)} ms of script a frame`,
    `heap ${heapMiB.toFixed(1)} MiB`,
    `${requests} changes of the layout`,
    `${moved} of ${uncaused} places without cause moved, of ${compared} compared`,
  ].join('; ');
}

await main();
