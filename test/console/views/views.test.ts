import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { ServerServiceService } from '../../../gen/switchyard/v1/server.js';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { InstanceType } from '../../../src/client/index.js';
import { asAdmin, asHeaders, ask } from '../../grpc/running.js';
import { launchChromium } from '../../interop/chromium.mjs';
import { uuidOf } from '../fleet.js';
import { findBarriers, type Look, type OpenedPage, openPage, shows } from '../page-of.js';
import { buildPage, codeFor, type RunningConsole, runConsole } from '../running.js';
import { Town } from './town.js';

/** Every view: its keys, and what it shows of the town. */
const VIEWS = [
  { id: 'graph', keys: 'g', selector: '.legend', text: /agent \d+/ },
  { id: 'sessions', keys: 's', selector: 'tbody', text: /gateway-1/ },
  { id: 'streams', keys: 't', selector: 'tbody', text: /video/ },
  { id: 'connections', keys: 'c', selector: 'tbody', text: /laptop.*camera/ },
  { id: 'closed', keys: 'x', selector: '.view', text: /No session has ended|expired|terminated/ },
  { id: 'servers', keys: 'v', selector: 'tbody', text: /leader.*\d of 4\s*1 of 1/s },
  { id: 'audit', keys: 'a', selector: 'tbody', text: /server.*Start/ },
  { id: 'identities', keys: 'i', selector: 'tbody', text: /here\s*gateway-1\s*instance/ },
  { id: 'tickets', keys: 'k', selector: '.view', text: /No ticket has been issued/ },
  { id: 'health', keys: 'h', selector: '.limits', text: /sessions-max/ },
] as const;
const LOOKS: readonly Required<Look>[] = (['dark', 'light'] as const).flatMap((theme) => [
  { theme, width: 1280, height: 720 },
  { theme, width: 390, height: 760 },
]);
/** Pictures that documents show: written anew by UPDATE_DOCUMENT=1. */
const PICTURES = process.env.UPDATE_DOCUMENT === '1' ? 'docs/console' : undefined;
const DOCUMENTED: ReadonlySet<string> = new Set(['graph-dark', 'graph-phone-light', 'trace-dark', 'health-light']);

let at: RunningConsole;
let built: Awaited<ReturnType<typeof buildPage>>;
let browser: Browser;
let town: Town;
let pictures: string;
let data: string;

beforeAll(async () => {
  built = await buildPage();
  // In memory there would be no audit log.
  data = await mkdtemp(join(tmpdir(), 'switchyard-views-'));
  at = await runConsole({ data }, { assets: built.assets });
  [town, browser] = await Promise.all([Town.rise(at.address), launchChromium()]);
  pictures = PICTURES ?? (await mkdtemp(join(tmpdir(), 'switchyard-pictures-')));
  await mkdir(pictures, { recursive: true });
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await town?.fall();
  await at?.stop();
  await built?.remove();
  if (data !== undefined) await rm(data, { recursive: true, force: true });
  if (PICTURES === undefined && pictures !== undefined) await rm(pictures, { recursive: true, force: true });
});

function open(look: Look, role: 'viewer' | 'administrator' = 'administrator', query = ''): Promise<OpenedPage> {
  return openPage(browser, `http://${at.console}/${query}#code=${codeFor(role)}`, look);
}

/** A picture, kept as an artefact. */
async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined || DOCUMENTED.has(name)) {
    await writeFile(join(pictures, `${name}.png`), await page.screenshot());
  }
}

/** What the graph's picture says to those who do not see it. */
function labelOf(page: Page): Promise<string | null> {
  return page.locator('canvas').getAttribute('aria-label');
}

/** Waits until the layout is at rest: two pictures in a row are the same. */
async function rest(page: Page): Promise<void> {
  let before: Buffer = Buffer.alloc(0);
  for (let tries = 0; tries < 60; tries++) {
    const now = await page.screenshot();
    if (now.equals(before)) return;
    before = now;
    await page.waitForTimeout(400);
  }
}

describe.each(LOOKS)('the console in $theme, $width px wide', (look) => {
  let opened: OpenedPage;
  beforeAll(async () => {
    opened = await open(look);
    await shows(opened.page, '.chip', /live/);
  }, 60_000);
  afterAll(() => opened?.close());

  it.each(VIEWS)(
    'shows $id by keys alone, without barriers and without a report of its policy',
    async (view) => {
      const { page, problems } = opened;
      await page.keyboard.press('g');
      await page.keyboard.press(view.keys);
      await shows(page, view.selector, view.text);
      expect(page.url()).toContain(`#${view.id}`);
      if (view.id === 'graph') await rest(page);
      expect(await findBarriers(page)).toEqual([]);
      const wider = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      expect(wider).toBe(0);
      await picture(page, `${view.id}-${look.width < 500 ? 'phone-' : ''}${look.theme}`);
      expect(problems).toEqual([]);
    },
    60_000,
  );
});

describe('the console, used', () => {
  it('finds, selects and focuses by keys, and has an address for all of it', async () => {
    const { page, problems, close } = await open({});
    await shows(page, '.chip', /live/);
    await page.keyboard.press('/');
    await page.keyboard.type('name~gateway links>10');
    await page.keyboard.press('Enter');
    await page.keyboard.press('n');
    await shows(page, '.selection h2', /gateway-\d/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/cam=/);
    const address = page.url();
    expect(address).toMatch(/#graph\?q=name%7Egateway\+links%3E10&sid=\d+&cam=/);
    const other = await open({});
    await shows(other.page, '.chip', /live/);
    await other.page.goto(address);
    await shows(other.page, '.selection h2', /gateway-\d/);
    expect(await other.page.getByLabel('Search').inputValue()).toBe('name~gateway links>10');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    expect(page.url()).not.toMatch(/sid=|q=/);
    expect([...problems, ...other.problems]).toEqual([]);
    await other.close();
    await close();
  }, 60_000);

  it('groups the graph by a label, lists the groups, goes to one and asks for one, by keys alone', async () => {
    const { page, problems, close } = await open({});
    await shows(page, '.chip', /live/);
    expect(await page.locator('.groups').count()).toBe(0);
    await page.getByLabel('grouped').focus();
    await page.getByLabel('grouped').selectOption('district');
    await shows(page, '.groups h2', /^\d+ groups$/);
    await page.waitForURL(/by=district/);
    expect(await findBarriers(page)).toEqual([]);
    await shows(page, '.groups li', /^no district2\d\d · \d+ links? out/);
    await page.getByRole('button', { name: 'harbour', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/cam=/);
    await rest(page);
    await picture(page, 'groups-dark');
    await page.getByRole('button', { name: 'only harbour', exact: true }).focus();
    await page.keyboard.press('Enter');
    expect(await page.getByLabel('Search').inputValue()).toBe('district=harbour');
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await shows(page, '.bar', /2 of 2\d\d/);
    expect(problems).toEqual([]);
    await close();
  }, 60_000);

  it('says what is wrong with a query, and what would be right', async () => {
    const { page, close } = await open({});
    await page.getByLabel('Search').fill('links>many');
    await shows(page, '#search-problem', /write links>5/);
    await close();
  }, 60_000);

  it('shows names that are markup or turn the line around as text', async () => {
    const { page, close } = await open({});
    await page.goto(`${page.url().split('#')[0]}#sessions?q=bold`);
    await shows(page, 'tbody', /a\ufffdb <b>bold<\/b>/);
    expect(await page.locator('tbody b').count()).toBe(0);
    await close();
  }, 60_000);

  it('sorts a table by its heads, and moves in it by keys', async () => {
    const { page, close } = await open({});
    await shows(page, '.chip', /live/);
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.getByRole('button', { name: 'Links' }).click();
    await page.getByRole('button', { name: /Links/ }).click();
    await shows(page, 'tbody tr:first-child', /gateway/);
    expect(await page.locator('th[aria-sort=descending]').textContent()).toContain('Links');
    await page.getByRole('region', { name: 'Sessions' }).focus();
    await page.keyboard.press('End');
    await shows(page, 'tbody tr.active', /./);
    await page.keyboard.press('Enter');
    await shows(page, '.selection h2', /./);
    await close();
  }, 60_000);

  it('shows how a connection came to be, pair by pair', async () => {
    const { page, problems, close } = await open({ width: 1000, height: 640 });
    await shows(page, '.chip', /live/);
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page
      .locator('tbody tr')
      .filter({ hasText: 'laptop' })
      .click({ position: { x: 8, y: 8 } });
    await shows(page, '.trace', /laptop → camera/);
    await shows(page, '.trace', /may be reached at/);
    expect(await findBarriers(page)).toEqual([]);
    await picture(page, 'trace-dark');
    expect(problems).toEqual([]);
    await close();
  }, 60_000);

  it('keeps from viewers what is for administrators, until they show the token', async () => {
    const { page, problems, close } = await open({}, 'viewer');
    await shows(page, '.chip', /live/);
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await shows(page, '.nobody', /You may not see streams/);
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('button', { name: 'Show the token…' }).click();
    await page.getByLabel("The administrator's token").fill('an-administrator-of-tests');
    await page.keyboard.press('Enter');
    await shows(page, '.administrator', /administrator/);
    await shows(page, 'tbody', /video/);
    expect(problems).toEqual([]);
    await close();
  }, 60_000);

  it('terminates a session once it was asked twice, and says who has gone and why', async () => {
    const { page, problems, close } = await open({});
    await shows(page, '.chip', /live/);
    await page.goto(`${page.url().split('#')[0]}#graph?sid=${town.camera}`);
    await page.getByRole('button', { name: 'Terminate…' }).click();
    await shows(page, 'dialog', /ends, and with it/);
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('button', { name: `Terminate session ${town.camera}` }).click();
    await shows(page, '.notice', /has ended/);
    await shows(page, '.changes', /camera left.*terminated/);
    await page.keyboard.press('g');
    await page.keyboard.press('x');
    await shows(page, 'tbody', /camera.*terminated/);
    // By what it had, though it has gone.
    const search = page.getByLabel('Search');
    await search.fill('district=harbour type:agent');
    await shows(page, 'tbody', /camera.*terminated/);
    await search.fill('-district=harbour');
    await shows(page, '.view', /No session has ended that matches the query/);
    expect(problems).toEqual([]);
    await close();
  }, 60_000);

  it('follows the audit log: who did what, filtered by the query and by outcome, and goes on after another view', async () => {
    const { page, problems, close } = await open({});
    await shows(page, '.chip', /live/);
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await shows(page, 'tbody', /server.*Start/);
    const guest = await town.yard.join({ uuid: uuidOf(20), type: InstanceType.CLIENT, name: 'guest' }).attached();
    await ask(at, SessionServiceService.terminateSession, { cvid: guest.cvid, reason: 'enough' }, asAdmin());
    await shows(page, 'tbody tr:first-child', /administrator.*TerminateSession.*ok/);
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await shows(page, 'h1', /Sessions/);
    const stranger = asHeaders({ 'switchyard-admin': 'guessed' });
    await expect(ask(at, ServerServiceService.getServer, {}, stranger)).rejects.toThrow(/token/);
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await shows(page, 'tbody tr:first-child', /nobody.*GetServer.*ADMIN_TOKEN_INVALID/, 30_000);
    await page.getByRole('button', { name: 'refused' }).click();
    await shows(page, 'tbody', /^(?!.*Start)/);
    expect(page.url()).toContain('reason=refused');
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.type('what~s -outcome~invalid');
    await page.keyboard.press('Enter');
    await shows(page, '.bar', /\d+ of \d+/);
    expect(await page.locator('tbody').textContent()).not.toMatch(/GetServer|ADMIN_TOKEN_INVALID/);
    await page.getByLabel('Search').fill('whom=me');
    await shows(page, '.bar', /whom= is not known here; who, from, what, on, outcome are/);
    expect(problems).toEqual([]);
    await close();
  }, 60_000);

  it('shows the audit log to administrators only, and asks the server for nothing as a viewer', async () => {
    const { page, problems, close } = await open({}, 'viewer');
    await shows(page, '.chip', /live/);
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await shows(page, '.nobody', /You may not see the audit log/);
    expect(await findBarriers(page)).toEqual([]);
    expect(problems).toEqual([]);
    await close();
  }, 60_000);

  it('shows the graph as it was, by keys alone, and returns to live', async () => {
    const { page, problems, close } = await open({});
    await shows(page, '.chip', /live/);
    const passing = town.yard.join({ uuid: uuidOf(9), type: InstanceType.CLIENT, name: 'passing' });
    await passing.attached();
    await shows(page, '.changes', /passing came/);
    const [, withIt] = /: ([\d,]+) instances/.exec((await labelOf(page)) ?? '') ?? [];
    await page.waitForTimeout(1_500);
    await passing.leave();
    await shows(page, '.changes', /passing left/);
    await page.waitForTimeout(1_500);
    await page.getByRole('slider', { name: 'Show the graph as it was' }).focus();
    // A second back for each press, until the one who has left is there again.
    const asItWas = `Network graph as it was: ${withIt} instances`;
    for (let back = 0; back < 30 && !(await labelOf(page))?.startsWith(asItWas); back++) {
      await page.keyboard.press('ArrowLeft');
    }
    expect(await labelOf(page)).toContain(asItWas);
    await shows(page, '.timeline [role=status]', /as it was at \d\d:\d\d:\d\d, .* ago/);
    expect(await findBarriers(page)).toEqual([]);
    await picture(page, 'timeline-dark');
    await page.keyboard.press('Escape');
    await shows(page, '.timeline [role=status]', /^live$/);
    expect(problems).toEqual([]);
    await close();
  }, 60_000);

  it('has no frame in kiosk mode, and the chip', async () => {
    const { page, close } = await open({}, 'viewer', '?kiosk');
    await shows(page, '.corner .chip', /live/);
    expect(await page.locator('header, aside').count()).toBe(0);
    await close();
  }, 60_000);
});
