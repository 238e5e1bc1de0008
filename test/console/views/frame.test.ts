import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { InstanceType, Switchyard } from '../../../src/client/index.js';
import { launchChromium } from '../../interop/chromium.mjs';
import { uuidOf } from '../fleet.js';
import { findBarriers, isTitled, type Look, openPage, shows } from '../page-of.js';
import { buildPage, codeFor, type RunningConsole, runConsole } from '../running.js';

let at: RunningConsole;
let built: Awaited<ReturnType<typeof buildPage>>;
let browser: Browser;
let yard: Switchyard;
let sid: number;

beforeAll(async () => {
  [built, browser] = await Promise.all([buildPage(), launchChromium()]);
  at = await runConsole({}, { assets: built.assets });
  yard = new Switchyard({ server: at.address });
  const [one, other] = [1, 2].map((number) =>
    yard.join({ uuid: uuidOf(number), type: InstanceType.AGENT, name: `boat-${number}` }),
  );
  const [{ cvid }, { cvid: sink }] = await Promise.all([one!.attached(), other!.attached()]);
  await one!.createStream([sink], { name: 'video' });
  sid = cvid;
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await yard?.close();
  await at?.stop();
  await built?.remove();
});

async function open(look: Look = {}, role: 'viewer' | 'administrator' = 'administrator') {
  const opened = await openPage(browser, `http://${at.console}/#code=${codeFor(role)}`, look);
  await shows(opened.page, '.chip', /live/);
  return opened;
}

/** What the element that has the focus is called, and whether it is in a dialog. */
function focused(page: Page): Promise<string> {
  return page.evaluate(`((it) => (it.closest('dialog') ? 'in a dialog: ' : '') + (it.ariaLabel ?? it.textContent))(
    document.activeElement)`);
}

/** Where each kind of dialog is opened, and by which button. */
const OPENERS: readonly (readonly [where: () => string, name: string | RegExp])[] = [
  [() => '#graph', 'Keys'],
  [() => `#graph?sid=${sid}`, 'Terminate…'],
  [() => '#streams', /^Stop stream/],
  [() => '#tickets', 'Issue a ticket…'],
];

describe('the dialogs of the console', () => {
  it.each([
    ['their button', (page: Page) => page.locator('dialog button', { hasText: /^(Cancel|Close)$/ }).click()],
    ['Escape', (page: Page) => page.keyboard.press('Escape')],
  ] as const)(
    'give the focus back to the button that has opened them when they are closed by %s',
    async (_how, shut) => {
      const { page, problems, close } = await open();
      for (const [where, name] of OPENERS) {
        await page.goto(`${page.url().split('#')[0]}${where()}`);
        const button = page.getByRole('button', { name, exact: true }).first();
        await button.focus();
        const before = await focused(page);
        await page.keyboard.press('Enter');
        await page.locator('dialog[open]').waitFor();
        expect(await focused(page)).toMatch(/^in a dialog: /);
        await shut(page);
        await page.locator('dialog').waitFor({ state: 'detached' });
        expect(await focused(page)).toBe(before);
      }
      expect(problems).toEqual([]);
      await close();
    },
    120_000,
  );
});

describe.each([1280, 390])('the frame of the console, %d px wide', (width) => {
  it('has a way to log out, after which the title says so', async () => {
    const { page, problems, close } = await open({ width, height: 760 });
    await page.getByRole('button', { name: 'Log out' }).click();
    await shows(page, '.login', /switchyard console/);
    await isTitled(page, '⚠ logged out · Graph · Switchyard');
    expect(await findBarriers(page)).toEqual([]);
    const wider = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect([wider, problems]).toEqual([0, []]);
    await close();
  }, 60_000);
});
