import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';

/** How a page is looked at. */
export interface Look {
  readonly theme?: 'dark' | 'light';
  readonly width?: number;
  readonly height?: number;
}

/** A page of the console in a browser, and all that went wrong in it. */
export interface OpenedPage {
  readonly page: Page;
  /** Errors, reports of the policy, and requests to anywhere else. Must stay empty. */
  readonly problems: string[];
  close(): Promise<void>;
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Opens an address in a context of its own. `prepare` is called before the page is loaded. */
export async function openPage(
  browser: Browser,
  url: string,
  look: Look = {},
  prepare?: (page: Page) => Promise<void>,
): Promise<OpenedPage> {
  const { theme: colorScheme = 'dark', width = 1280, height = 720 } = look;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const problems: string[] = [];
  const { origin } = new URL(url);
  page.on('pageerror', (error) => problems.push(`error: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    // That a server which was killed does not answer is what the page says itself.
    const isLost = /ERR_CONNECTION_REFUSED|WebSocket connection to|ERR_CONNECTION_RESET|ERR_EMPTY/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !isLost) problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const to = request.url();
    if (!to.startsWith(`${origin}/`) && !/^(data|blob):/.test(to)) problems.push(`request: ${to}`);
  });
  // In the page's world, of which the types here know nothing.
  await page.addInitScript(`addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
    console.error('policy: ' + violatedDirective + ' ' + blockedURI);
  })`);
  await prepare?.(page);
  await page.goto(url);
  return { page, problems, close: () => context.close() };
}

/** What axe-core finds wrong, a line each. */
export async function findBarriers(page: Page): Promise<string[]> {
  // The debugger's way in is not under the page's policy.
  await page.evaluate(AXE);
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    violations: { id: string; help: string; nodes: { target: string[]; failureSummary?: string }[] }[];
  };
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`),
  );
}

/** Resolves when the page shows a text that fits, and fails with what it showed instead. */
export async function shows(page: Page, selector: string, pattern: RegExp, timeout = 20_000): Promise<void> {
  try {
    await page.locator(selector).filter({ hasText: pattern }).first().waitFor({ timeout });
  } catch {
    const there = await page.locator(selector).allTextContents();
    throw new Error(`${selector} shows ${JSON.stringify(there.join(' | ').slice(0, 300))}, not ${pattern}`);
  }
}

/** Waits until the page has this title, which it takes after its next picture. Not by waitForFunction, which evaluates text in the page. */
export async function isTitled(page: Page, title: string, timeoutMs = 20_000): Promise<void> {
  const untilMs = performance.now() + timeoutMs;
  for (let is = await page.title(); is !== title; is = await page.title()) {
    if (performance.now() > untilMs)
      throw new Error(`the title is ${JSON.stringify(is)}, not ${JSON.stringify(title)}`);
    await page.waitForTimeout(50);
  }
}
