import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type RunningCommand, startCommand } from '../cli/command.js';
import { type Running, run } from '../grpc/running.js';
import { launchChromium } from '../interop/chromium.mjs';
import { IS_LONG } from '../long.js';

// tinyproxy #613, frp #3957: pages that a browser loads over several connections of a tunnel at once lacked parts.
// As pages-through-a-forward-are-whole.test.ts, with Chromium itself: it opens connections ahead of time, and leaves some unused.

const PAGES = IS_LONG ? 200 : 5;
/** For one page, on a machine that does other things at the same time. */
const PAGE_MS = 120_000;
const PICTURES = 12;
/** The web server closes each connection after so many answers, so that connections are made all the time. */
const ANSWERS_PER_CONNECTION = 5;
const WIDTH = 64;
/** What the page shows of its pictures: run by the browser. */
const PICTURES_SHOWN = `[...document.images].map(({ src, complete, naturalHeight }) => {
  return { src, complete, naturalHeight, bytes: performance.getEntriesByName(src)[0]?.decodedBodySize };
})`;

let at: Running;
let web: Server;
let joined: RunningCommand;
let forward: RunningCommand;
let browser: Browser;
let opened = 0;

beforeAll(async () => {
  [at, browser] = await Promise.all([run(), launchChromium()]);
  web = createServer((request, response) => answer(request.url!, response));
  web.maxRequestsPerSocket = ANSWERS_PER_CONNECTION;
  // A connection that is closed for being idle in the moment of a request is the browser's to try again.
  web.keepAliveTimeout = 0;
  web.on('connection', () => {
    opened += 1;
  });
  await once(web.listen(0, 'localhost'), 'listening');
  const port = String((web.address() as AddressInfo).port);
  joined = startCommand(['join', '--server', at.address, '--name', 'web', '--port', port]);
  await joined.printed(/joined as/);
  forward = startCommand(['forward', '--server', at.address, '0', 'web', port]);
});
afterAll(async () => {
  await browser?.close();
  for (const command of [forward, joined]) {
    command?.interrupt();
    await command?.ended;
  }
  web?.close();
  await at?.stop();
});

/** A page whose pictures no other page has, or one of these pictures. Nothing is kept by the browser. */
function answer(path: string, response: ServerResponse): void {
  response.setHeader('cache-control', 'no-store');
  if (path.includes('/picture/')) {
    response.setHeader('content-type', 'image/bmp').end(picture(path));
    return;
  }
  const pictures = Array.from({ length: PICTURES }, (_, number) => `<img src="${path}/picture/${number}">`);
  // Without an icon of its own the browser would ask for one.
  const head = '<meta charset="utf-8"><link rel="icon" href="data:,">';
  response.setHeader('content-type', 'text/html').end(`<!doctype html>${head}${pictures.join('')}`);
}

/** A bitmap of 4 to 38 KiB, whose height and bytes depend on the path. */
function picture(path: string): Buffer {
  const hash = createHash('sha256').update(path).digest();
  const height = heightOf(path);
  const head = Buffer.alloc(54);
  head.write('BM');
  head.writeUInt32LE(54 + 3 * WIDTH * height, 2);
  head.writeUInt32LE(54, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(WIDTH, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(24, 28);
  return Buffer.concat([head, Buffer.alloc(3 * WIDTH * height, hash)]);
}

function heightOf(path: string): number {
  return 20 + (createHash('sha256').update(path).digest()[0]! % 180);
}

it(`loads ${PAGES} pages in a row through switchyard forward in Chromium, each with all of its pictures`, async () => {
  const [, port] = /127\.0\.0\.1:(\d+)/.exec(await forward.printed(/forwarding .*\n/))!;
  const page = await browser.newPage();
  const failed: string[] = [];
  page.on('requestfailed', (request) => failed.push(`${request.url()}: ${request.failure()?.errorText}`));
  const lacking: string[] = [];
  for (let number = 0; number < PAGES; number++) {
    const url = `http://127.0.0.1:${port}/${number}`;
    const answered = await page.goto(url, { waitUntil: 'load', timeout: PAGE_MS });
    const shown = await page.evaluate(PICTURES_SHOWN);
    const whole = Array.from({ length: PICTURES }, (_, at) => {
      const path = `/${number}/picture/${at}`;
      const naturalHeight = heightOf(path);
      return { src: `${url}/picture/${at}`, complete: true, naturalHeight, bytes: picture(path).length };
    });
    if (answered?.status() !== 200 || JSON.stringify(shown) !== JSON.stringify(whole)) lacking.push(url);
  }
  expect({ failed, lacking }).toEqual({ failed: [], lacking: [] });
  expect(opened).toBeGreaterThan((PAGES * (PICTURES + 1)) / ANSWERS_PER_CONNECTION - 1);
});
