import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { InstanceType, LinkType, Switchyard } from '../../src/client/index.js';
import { launchChromium } from '../interop/chromium.mjs';
import { uuidOf } from './fleet.js';
import { findBarriers, isTitled, openPage, shows } from './page-of.js';
import { ConsoleProcess } from './process.js';
import { buildPage, codeFor } from './running.js';

const TOKEN = 'an-administrator-of-tests';
/** From the server's return until the page shows the same as the server. */
const BACK_MS = 3_000;
/** How long the answer to a login is held back for the worker to be asked for: far longer than a slow machine takes to start a page. */
const WORKER_MS = 15_000;
/** In the page: how often the first picture was marked, as soon as it was; 0 where it is not within 20 s. */
const FIRST_PICTURES = `new Promise((resolve) => {
  const marks = () => performance.getEntriesByName('first-picture').length;
  new PerformanceObserver(() => marks() > 0 && resolve(marks())).observe({ type: 'mark', buffered: true });
  setTimeout(() => resolve(marks()), 20_000);
})`;

describe('the console in Chromium', () => {
  let built: Awaited<ReturnType<typeof buildPage>>;
  let browser: Browser;
  let data: string;
  let server: ConsoleProcess;
  let yard: Switchyard;
  let flags: Record<string, string>;

  beforeAll(async () => {
    [built, browser, data] = await Promise.all([
      buildPage(),
      launchChromium(),
      mkdtemp(join(tmpdir(), 'switchyard-console-data-')),
    ]);
    flags = {
      listen: '127.0.0.1:0',
      'console-listen': '127.0.0.1:0',
      'admin-token': TOKEN,
      'log-level': 'error',
      data,
    };
    server = await ConsoleProcess.start(built.folder, flags);
    const { grpc, console } = server.listening;
    flags = { ...flags, 'rendezvous-listen': '127.0.0.1:0', listen: grpc, 'console-listen': console };
    yard = new Switchyard({ server: grpc });
    const joined = ['harbour', 'mill', 'lake'].map((name, at) =>
      yard.join({ uuid: uuidOf(at), type: InstanceType.AGENT, name, labels: { site: 'north' } }),
    );
    const [harbour, mill] = await Promise.all(joined.map((instance) => instance.attached()));
    await joined[0].linkEstablished(mill.cvid, LinkType.TRANSPORT_TCP);
    await joined[1].linkEstablished(harbour.cvid, LinkType.TRANSPORT_TCP);
  }, 60_000);
  afterAll(async () => {
    await yard?.close();
    await browser?.close();
    await server?.stop('SIGKILL');
    await built?.remove();
    if (data !== undefined) await rm(data, { recursive: true, force: true });
  });

  it('shows the graph, is driven by keys, and is whole again within 3 s of a killed server that returns', async () => {
    const origin = `http://${server.listening.console}/`;
    const { page, problems, close } = await openPage(browser, `${origin}#code=${codeFor('viewer', TOKEN)}`);
    await shows(page, '.chip', /live · rev \d+ · 3/);
    // The code does not stay where somebody could read it over a shoulder.
    expect(page.url()).toBe(`${origin}#graph`);
    expect(await page.getByRole('img', { name: /3 instances, 1 link/ }).count()).toBe(1);
    expect(await findBarriers(page)).toEqual([]);

    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await shows(page, 'tbody tr', /harbour/);
    await page.keyboard.press('/');
    await page.keyboard.type('name~mill');
    await shows(page, '.bar', /1 of 3/);
    expect(page.url()).toBe(`${origin}#sessions?q=name%7Emill`);

    await server.stop('SIGKILL');
    await shows(page, '.chip', /not connected · shown: revision/);
    // Where the page is a tab behind others, its title says so.
    await isTitled(page, '⚠ not connected · Sessions · Switchyard');
    expect(await page.locator('tbody tr').filter({ hasText: 'mill' }).count()).toBe(1);
    server = await ConsoleProcess.start(built.folder, flags);
    await shows(page, '.chip', /live · rev/, BACK_MS);
    await isTitled(page, 'Sessions · Switchyard');
    expect(problems).toEqual([]);
    await close();
  }, 60_000);

  it('opens one WebSocket, and asks once who is logged in', async () => {
    const origin = `http://${server.listening.console}/`;
    const opened = await openPage(browser, `${origin}#code=${codeFor('viewer', TOKEN)}`);
    const { page } = opened;
    await shows(page, '.chip', /live/);
    const sockets: string[] = [];
    const asked: string[] = [];
    page.on('websocket', (socket) => sockets.push(socket.url()));
    page.on('request', (request) => asked.push(`${request.method()} ${request.url().slice(origin.length)}`));
    // A link with another code in a page that is logged in already: what a second press on it does.
    await page.goto('about:blank');
    // What the picture needs of the browser is asked for before the server has answered who is logged in.
    const worker = page.waitForRequest(/\/worker[^/]*$/, { timeout: WORKER_MS }).then(
      () => 'asked for',
      () => 'not asked for',
    );
    await page.route(`${origin}login`, async (route) => {
      await worker;
      await route.continue();
    });
    await page.goto(`${origin}#code=${codeFor('viewer', TOKEN)}`);
    await shows(page, '.chip', /live/);
    expect(await worker).toBe('asked for');
    expect(sockets).toHaveLength(1);
    // Before a code is used, as it may be another user's than the one who is logged in; the answer to it says who that is from then on.
    expect(asked.filter((one) => /login|session/.test(one))).toEqual(['GET session', 'POST login']);
    // The chip says that it is live before the picture is drawn.
    expect(await page.evaluate(FIRST_PICTURES)).toBe(1);

    sockets.length = 0;
    await page.reload();
    await shows(page, '.chip', /live/);
    expect(sockets).toHaveLength(1);
    expect(opened.problems).toEqual([]);
    await opened.close();
  }, 60_000);

  it('asks whoever has no code to log in, without showing anything', async () => {
    const { page, problems, close } = await openPage(browser, `http://${server.listening.console}/`);
    await shows(page, '.login', /switchyard console/);
    expect(await findBarriers(page)).toEqual([]);
    await page.getByLabel('Link or code').fill('nonsense');
    await page.keyboard.press('Enter');
    await shows(page, '.login [role=alert]', /wrong/);
    await page.getByLabel('Link or code').fill(`http://somewhere/#code=${codeFor('viewer', TOKEN)}`);
    await page.keyboard.press('Enter');
    await shows(page, '.chip', /live/);
    // The browser itself says that the first code was refused.
    expect(problems.filter((problem) => !problem.includes('403'))).toEqual([]);
    await close();
  }, 60_000);
});
