import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../interop/chromium.mjs';
import { post, type RunningWeb, runWeb } from './running.js';

/** Serves one page with the script of page.mjs, from an origin of its own. */
async function servePage(): Promise<{ pages: Server; origin: string; tell(server: string): void }> {
  const entryPoints = [fileURLToPath(new URL('./page.mjs', import.meta.url))];
  const { outputFiles } = await build({ entryPoints, bundle: true, write: false, format: 'esm', target: 'es2022' });
  let server = '';
  const pages = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(
      `<script>var server = ${JSON.stringify(server)}</script><script type="module">${outputFiles[0].text}</script>`,
    );
  });
  await once(pages.listen(0, '127.0.0.1'), 'listening');
  const { port } = pages.address() as AddressInfo;
  return { pages, origin: `http://127.0.0.1:${port}`, tell: (address) => (server = address) };
}

describe('a page in Chromium, from another origin', () => {
  let at: RunningWeb;
  let other: RunningWeb;
  let browser: Browser;
  let page: Awaited<ReturnType<typeof servePage>>;

  beforeAll(async () => {
    [page, browser] = await Promise.all([servePage(), launchChromium()]);
    [at, other] = await Promise.all([runWeb({ 'web-origin': page.origin }), runWeb()]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    page?.pages.close();
    await Promise.all([at?.stop(), other?.stop()]);
  });

  /** What the page says in the end. */
  async function titleFrom(server: string): Promise<string> {
    page.tell(`http://${server}`);
    const tab = await browser.newPage();
    await tab.goto(page.origin);
    await tab.waitForFunction("document.title !== ''");
    const title = await tab.title();
    await tab.close();
    return title;
  }

  it('watches the graph by Connect, opens a session by gRPC-Web, and reads a refusal', async () => {
    const harbour = { instanceUuid: randomUUID(), instanceType: 2, name: 'harbour' };
    await post(at.web, '/switchyard.v1.SessionService/Session', harbour);
    const title = await titleFrom(at.web);
    expect(title).toContain('harbour page');
    expect(title).toContain('[not_found]');
  });

  it('reaches nothing where its origin was not allowed', async () => {
    expect(await titleFrom(other.web)).toContain('failed:');
  });
});
