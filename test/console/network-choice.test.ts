import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { InstanceType, Switchyard } from '../../src/client/index.js';
import { ADMIN_TOKEN, asAdmin, ask } from '../grpc/running.js';
import { launchChromium } from '../interop/chromium.mjs';
import { uuidOf } from './fleet.js';
import { findBarriers, isTitled, openPage, shows } from './page-of.js';
import { buildPage, codeFor, type RunningConsole, runConsole } from './running.js';

/** Instances of each network: as many as tell the networks apart. */
const FLEETS: Readonly<Record<string, readonly string[]>> = {
  default: ['hub'],
  north: ['harbour', 'mill'],
  south: ['lake', 'weir', 'lock'],
};

let at: RunningConsole;
let built: Awaited<ReturnType<typeof buildPage>>;
let browser: Browser;
let data: string;
const yards: Switchyard[] = [];

beforeAll(async () => {
  [built, browser, data] = await Promise.all([
    buildPage(),
    launchChromium(),
    mkdtemp(join(tmpdir(), 'switchyard-network-choice-')),
  ]);
  at = await runConsole({ data }, { assets: built.assets });
  for (const [network, names] of Object.entries(FLEETS)) {
    if (network !== 'default') await ask(at, Identities.createNetwork, { name: network, sessionsMax: 0 }, asAdmin());
    const yard = new Switchyard({ server: at.address, network });
    yards.push(yard);
    // The same UUIDs in each: what is remembered by UUID must not cross.
    const joined = names.map((name, index) => yard.join({ uuid: uuidOf(index), type: InstanceType.AGENT, name }));
    await Promise.all(joined.map((instance) => instance.attached()));
  }
}, 120_000);
afterAll(async () => {
  for (const yard of yards) await yard.close();
  await browser?.close();
  await at?.stop();
  await built?.remove();
  if (data !== undefined) await rm(data, { recursive: true, force: true });
});

function open(role: 'viewer' | 'administrator', network: string, hash = '') {
  return openPage(browser, `http://${at.console}/${hash}#code=${codeFor(role, ADMIN_TOKEN, network)}`);
}

/** A watch that is refused is tried again after that (console/src/net/follow.ts). */
const TRIED_AGAIN_MS = 2_000;
/** Keeps each title that the page gets from now on. */
const RECORD_TITLES = `{
  window.recordedTitles = [];
  new MutationObserver(() => window.recordedTitles.push(document.title)).observe(document.querySelector('title'), { childList: true });
}`;

describe('the console of a server with several networks', () => {
  it('lets an administrator choose one by keys, shows it alone, and has it in every link', async () => {
    const { page, problems, close } = await open('administrator', 'default');
    await shows(page, '.chip', /live · rev \d+ · 1$/);
    expect(page.url()).toMatch(/#graph$/);
    await page.locator('#network').waitFor();
    await page.keyboard.press('w');
    // The first letter chooses in a list, and the page loads what belongs to it.
    await page.keyboard.type('n');
    await page.keyboard.press('Enter');
    await shows(page, '.chip', /live · rev \d+ · 2$/);
    await page.waitForURL(/#graph\?net=north$/);
    expect(await page.getByRole('combobox', { name: 'network' }).inputValue()).toBe('north');
    expect(await page.title()).toBe('Graph · north · Switchyard');
    expect(await findBarriers(page)).toEqual([]);
    const hrefs = await page.locator('nav a').evaluateAll((all) => all.map((one) => one.getAttribute('href')));
    expect(hrefs.every((href) => href?.includes('net=north'))).toBe(true);
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await shows(page, 'tbody', /harbour.*mill|mill.*harbour/);
    expect(await page.locator('tbody').textContent()).not.toMatch(/hub|lake/);
    await page.keyboard.press('g');
    await page.keyboard.press('v');
    await shows(page, '.bar', /1 server, network north/);
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await shows(page, 'dl', /Networknorth/);
    // What is about the whole server is there, whichever network is shown.
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await shows(page, 'tbody', /CreateNetwork/);
    expect(await findBarriers(page)).toEqual([]);
    expect(problems).toEqual([]);
    await close();
  }, 90_000);

  it('goes to the network of a link, and back to the one before by the browser', async () => {
    const { page, problems, close } = await open('administrator', 'north');
    // The code names the network that is shown first.
    await shows(page, '.chip', /live · rev \d+ · 2$/);
    await page.waitForURL(/net=north/);
    await page.evaluate("location.hash = '#sessions?net=south'");
    await shows(page, '.chip', /live · rev \d+ · 3$/);
    await shows(page, 'tbody', /weir/);
    await page.goBack();
    await shows(page, '.chip', /live · rev \d+ · 2$/);
    await page.waitForURL(/#graph\?net=north/);
    await page.evaluate("location.hash = '#graph?net=nowhere'");
    await shows(page, '.chip', /refused: no network "nowhere".* \(NETWORK_NOT_FOUND\)/);
    await isTitled(page, '⚠ refused · Graph · nowhere · Switchyard');
    // It is tried again and again, and the title says the same all the while.
    await page.evaluate(RECORD_TITLES);
    await page.waitForTimeout(2 * TRIED_AGAIN_MS);
    expect(await page.evaluate('window.recordedTitles')).toEqual([]);
    expect(await page.locator('#network option').first().textContent()).toContain('nowhere, which is not there');
    expect(await findBarriers(page)).toEqual([]);
    expect(problems).toEqual([]);
    await close();
  }, 90_000);

  it('shows a viewer the network of the login alone, also by the link of somebody else', async () => {
    const { page, problems, close } = await open('viewer', 'north');
    await shows(page, '.chip', /live · rev \d+ · 2$/);
    await page.waitForURL(/net=north/);
    await shows(page, 'header .network', /network north/);
    expect(await page.locator('#network').count()).toBe(0);
    await page.evaluate("location.hash = '#sessions?net=south&sid=1234'");
    await shows(page, '.notice', /this login is for the network north, and not for south/);
    await page.waitForURL(/#sessions\?net=north$/);
    await shows(page, '.chip', /live · rev \d+ · 2$/);
    await shows(page, 'tbody', /harbour/);
    expect(await page.locator('tbody').textContent()).not.toMatch(/weir/);
    expect(await findBarriers(page)).toEqual([]);
    expect(problems).toEqual([]);
    await close();
  }, 90_000);

  it('names the network on a screen on a wall', async () => {
    const { page, close } = await open('viewer', 'south', '?kiosk');
    await shows(page, '.corner', /network south.*live/);
    expect(await findBarriers(page)).toEqual([]);
    await close();
  }, 60_000);
});
