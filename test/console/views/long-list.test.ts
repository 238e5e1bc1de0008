import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, WebSocketRoute } from 'playwright-core';
import { ListIdentitiesResponse } from '../../../gen/switchyard/v1/identity.js';
import { messageHead, readPageFrame, writeEnd } from '../../../src/console/frames.js';
import { launchChromium } from '../../interop/chromium.mjs';
import { uuidOf } from '../fleet.js';
import { findBarriers, openPage, shows } from '../page-of.js';
import { buildPage, codeFor, type RunningConsole, runConsole } from '../running.js';

const PAGE = 1_000;

let at: RunningConsole;
let built: Awaited<ReturnType<typeof buildPage>>;
let browser: Browser;

beforeAll(async () => {
  [built, browser] = await Promise.all([buildPage(), launchChromium()]);
  at = await runConsole({}, { assets: built.assets });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await at?.stop();
  await built?.remove();
});

/** Answers ListIdentities in place of the server: a list without an end. Each page counts. */
function answerIdentities(socket: WebSocketRoute, answered: () => number): void {
  const server = socket.connectToServer();
  socket.onMessage((message) => {
    const frame = readPageFrame(Buffer.from(message));
    if (frame?.kind !== 'open' || !frame.path.endsWith('/ListIdentities')) {
      server.send(message);
      return;
    }
    const { call } = frame;
    const page = answered();
    const identities = Array.from({ length: PAGE }, (_, index) => {
      const number = page * PAGE + index;
      return { identityUuid: uuidOf(number), name: `boat-${number}` };
    });
    const response = ListIdentitiesResponse.fromPartial({ identities, nextPageToken: 'more' });
    socket.send(Buffer.concat([messageHead(call), ListIdentitiesResponse.encode(response).finish()]));
    socket.send(Buffer.from(writeEnd(call, { code: 0, message: '', details: new Uint8Array() })));
  });
}

describe('more identities than the page reads', () => {
  it('are said to be more, with a search and without, and are read again after 30 s and not after 5', async () => {
    const askedMs: number[] = [];
    const url = `http://${at.console}/#code=${codeFor('administrator')}`;
    const { page, problems, close } = await openPage(browser, url, {}, (fresh) =>
      fresh.routeWebSocket(/\/socket\b/, (socket) =>
        answerIdentities(socket, () => askedMs.push(performance.now()) - 1),
      ),
    );
    await shows(page, '.chip', /live/);
    await page.getByRole('link', { name: 'Identities' }).click();
    await shows(page, '.bar', /Identities\s*the first 20,000/);
    expect(await findBarriers(page)).toEqual([]);
    await page.getByLabel('Search').fill('name=boat-19999');
    await shows(page, '.bar', /1 of the first 20,000/);
    await page.getByLabel('Search').fill('name=boat-20000');
    await shows(page, '.empty', /No identity of the first 20,000 matches the query/);
    while (askedMs.length <= 20) await page.waitForTimeout(100);
    expect(askedMs[20]! - askedMs[19]!).toBeGreaterThan(25_000);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);

  it('are read again as soon as one of them is revoked, and not only after 30 s', async () => {
    const askedMs: number[] = [];
    const url = `http://${at.console}/#code=${codeFor('administrator')}`;
    const { page, problems, close } = await openPage(browser, url, {}, (fresh) =>
      fresh.routeWebSocket(/\/socket\b/, (socket) =>
        answerIdentities(socket, () => askedMs.push(performance.now()) - 1),
      ),
    );
    await shows(page, '.chip', /live/);
    await page.getByRole('link', { name: 'Identities' }).click();
    await shows(page, '.bar', /Identities\s*the first 20,000/);
    await page.getByRole('button', { name: 'Revoke identity boat-1', exact: true }).click();
    await page.getByRole('button', { name: 'Revoke the identity' }).click();
    await shows(page, '.notice', /is revoked/);
    const toldMs = performance.now();
    while (askedMs.length <= 20) await page.waitForTimeout(100);
    expect(askedMs[20]! - toldMs).toBeLessThan(10_000);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);
});
