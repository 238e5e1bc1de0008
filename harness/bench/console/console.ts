import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { GrpcChannel } from '../../../src/client/channel/grpc-channel.js';
import { systemClock, systemRandom } from '../../../src/client/system.js';
import { makeCode } from '../../../src/console/credentials.js';
import { launchChromium } from '../../../test/interop/chromium.mjs';
import { type Figure, figureOf } from '../figure.js';
import { fill } from '../parts/filled.js';
import { dataFolder, startSwitchyard } from '../parts/servers.js';
import type { Result } from '../results.js';
import { type Round, rowOf } from '../row.js';
import { type PageFigures, PageMeter } from './page-figures.js';
import { installSigma, measureSigma, type Sigma } from './sigma.js';

const TOKEN = 'the-administrator-of-a-bench';
/** Sizes of the graph, with the goals for the console: of docs/console.md. */
const SIZES = [
  { nodes: 2_000, links: 3_400, firstS: 1, fps: 30 },
  { nodes: 20_000, links: 35_000, firstS: 3, fps: 15 },
  // Beyond what the goals are about: what becomes of them.
  { nodes: 100_000, links: 175_000, firstS: undefined, fps: undefined },
] as const;
/** How often, and how many times, it is looked whether the first picture is there. */
const FIRST_POLL_MS = 200;
const FIRST_TRIES = 600;
const SCRIPT_MS = 4;
const HEAP_MIB = 60;
const SCRIPTS_KB = 80;
const PAGE_KB = 100;
/** A session takes another's place: one node goes, and one comes. 100 changes a second. */
const CHURN_MS = 20;
const INSTANCES = 50;
const DIST = fileURLToPath(new URL('../../../dist/console/', import.meta.url));

/** The console's page beside sigma in the same browser: first picture, frames, script for each of them, and heap. */
export async function benchConsole(rounds: number, progress: (line: string) => void): Promise<Result[]> {
  const sigma = await installSigma();
  const browser = await launchChromium();
  try {
    const results: Result[] = sizesOfPage();
    for (const size of SIZES) {
      const all: { ours: PageFigures; rival: PageFigures }[] = [];
      for (let round = 0; round < rounds; round++) {
        const ours = await measureOurs(browser, size);
        progress(`${size.nodes} nodes, round ${round + 1} of ${rounds}: ${wordsOf(ours)}`);
        const rival = await measureSigma(sigma, size);
        progress(`the same by ${sigma.name}: ${wordsOf(rival)}`);
        all.push({ ours, rival });
      }
      results.push(...resultsOf(size, all, sigma));
    }
    return results;
  } finally {
    await browser.close();
  }
}

type Size = (typeof SIZES)[number];

async function measureOurs(browser: Browser, { nodes, links }: Size): Promise<PageFigures> {
  const data = dataFolder();
  try {
    await fill(data.path, `sessions=${nodes}`, `links=${links}`, 'snapshot');
    const server = await startSwitchyard(data.path, '--console-listen', '127.0.0.1:0', '--admin-token', TOKEN);
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    try {
      const code = makeCode(TOKEN, { role: 'viewer', network: 'default' }, systemClock, systemRandom);
      await page.goto(`http://127.0.0.1:${server.ports.console}/#code=${code}`);
      const firstMs = await firstPictureMs(page);
      const meter = await PageMeter.of(page);
      await meter.quiet();
      const heapMiB = await meter.heapMiB();
      const cameraFps = await meter.fps(WHEEL);
      const stop = churn(`127.0.0.1:${server.port}`);
      const scriptMs = await meter.scriptMsPerFrame().finally(stop);
      return { firstMs, cameraFps, scriptMs, heapMiB };
    } finally {
      await page.close();
      await server.stop();
    }
  } finally {
    data.remove();
  }
}

/** From the begin of the navigation until the graph was drawn, which the page marks: what it says of itself may be there before. */
async function firstPictureMs(page: Page): Promise<number> {
  for (let tries = 0; tries < FIRST_TRIES; tries++) {
    const ms = await page.evaluate(`performance.getEntriesByName('first-picture')[0]?.startTime`);
    if (typeof ms === 'number') return ms;
    await page.waitForTimeout(FIRST_POLL_MS);
  }
  throw new Error(`no picture after ${(FIRST_TRIES * FIRST_POLL_MS) / 1_000} s`);
}

/** What was measured, for whoever waits. */
function wordsOf({ firstMs, cameraFps, scriptMs, heapMiB }: PageFigures): string {
  const figures = [`first picture ${firstMs.toFixed(0)} ms`, `${cameraFps.toFixed(1)} frames/s`];
  const heap = Number.isNaN(heapMiB) ? 'too busy to say its heap' : `heap ${heapMiB.toFixed(0)} MiB`;
  return [...figures, `${scriptMs.toFixed(1)} ms of script a frame`, heap].join(', ');
}

/** Zooms in and out in turns, as a hand does it. */
const WHEEL = `(frame) => document.querySelector('canvas').dispatchEvent(new WheelEvent('wheel', {
  deltaY: Math.floor(frame / 20) % 2 === 0 ? 20 : -20, clientX: 500, clientY: 300, bubbles: true, cancelable: true,
}))`;

/** Opens sessions of a few instances again and again. Answers with what ends that. */
function churn(server: string): () => void {
  const channel = new GrpcChannel(server);
  let at = 0;
  const timer = setInterval(() => {
    const instanceUuid = `00000000-0000-4000-9000-${String(at++ % INSTANCES).padStart(12, '0')}`;
    const request = { instanceUuid, instanceType: 2, instanceFlavor: 1, name: 'passing', labels: {}, ttl: undefined };
    const call = { metadata: {}, signal: new AbortController().signal };
    channel.unary(SessionServiceService.session, { ...request, proof: undefined } as never, call).catch(() => {});
  }, CHURN_MS);
  return () => {
    clearInterval(timer);
    channel.close();
  };
}

function resultsOf(size: Size, all: readonly { ours: PageFigures; rival: PageFigures }[], sigma: Sigma): Result[] {
  const bench = 'console';
  const at = `${size.nodes.toLocaleString('en-GB')} nodes`;
  const pick = (key: keyof PageFigures): Round[] =>
    all.map(({ ours, rival }) => ({ ours: ours[key], rival: Math.max(rival[key], 0.01) }));
  const { firstS, fps } = size;
  const row = (what: string, key: keyof PageFigures, unit: string, isSmallerBetter: boolean) =>
    rowOf({ bench, what: `${at}: ${what}`, rivalName: sigma.name, unit }, pick(key), isSmallerBetter);
  const figure = (what: string, unit: string, values: readonly number[], goal: string) =>
    figureOf({ bench, what: `${at}: ${what}, goal`, unit, goal }, values);
  const ours = all.map((one) => one.ours);
  return [
    row('first picture', 'firstMs', 'ms', true),
    ...(firstS === undefined
      ? []
      : [
          figure(
            'first picture',
            's',
            ours.map(({ firstMs }) => firstMs / 1_000),
            `<= ${firstS}`,
          ),
        ]),
    row('frames while the camera moves', 'cameraFps', '/s', false),
    ...(fps === undefined
      ? []
      : [
          figure(
            'frames while the camera moves',
            '/s',
            ours.map(({ cameraFps }) => cameraFps),
            `>= ${fps}`,
          ),
        ]),
    row('script a frame at 100 changes/s', 'scriptMs', 'ms', true),
    ...(firstS === undefined
      ? []
      : [
          figure(
            'script a frame at 100 changes/s',
            'ms',
            ours.map(({ scriptMs }) => scriptMs),
            `<= ${SCRIPT_MS}`,
          ),
        ]),
    // A page that is too busy to say what heap it has is not compared.
    ...(all.some(({ rival }) => Number.isNaN(rival.heapMiB)) ? [] : [row('heap', 'heapMiB', 'MiB', true)]),
    ...(firstS === undefined
      ? []
      : [
          figure(
            'heap',
            'MiB',
            ours.map(({ heapMiB }) => heapMiB),
            `<= ${HEAP_MIB}`,
          ),
        ]),
  ];
}

/** What is sent of the page, compressed. */
function sizesOfPage(): Figure[] {
  const kilobytes = (is: (name: string) => boolean) =>
    readdirSync(DIST)
      .filter((name) => name.endsWith('.br') && is(name))
      .reduce((sum, name) => sum + statSync(join(DIST, name)).size / 1_000, 0);
  const figure = (what: string, value: number, max: number) =>
    figureOf({ bench: 'console', what, unit: 'kB', goal: `<= ${max}` }, [value]);
  return [
    figure(
      'scripts of the page, compressed',
      kilobytes((name) => name.endsWith('.js.br')),
      SCRIPTS_KB,
    ),
    figure(
      'the whole page, compressed',
      kilobytes(() => true),
      PAGE_KB,
    ),
  ];
}
