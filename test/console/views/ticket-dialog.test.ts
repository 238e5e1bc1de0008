import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page, WebSocketRoute } from 'playwright-core';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { type PageFrame, readPageFrame, readServerFrame } from '../../../src/console/frames.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { asAdmin, ask } from '../../grpc/running.js';
import { launchChromium } from '../../interop/chromium.mjs';
import { findBarriers, type OpenedPage, openPage, shows } from '../page-of.js';
import { buildPage, codeFor, type RunningConsole, runConsole } from '../running.js';

let at: RunningConsole;
let built: Awaited<ReturnType<typeof buildPage>>;
let browser: Browser;
let data: string;

beforeAll(async () => {
  [built, browser, data] = await Promise.all([
    buildPage(),
    launchChromium(),
    mkdtemp(join(tmpdir(), 'switchyard-ticket-dialog-')),
  ]);
  at = await runConsole({ data }, { assets: built.assets });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await at?.stop();
  await built?.remove();
  if (data !== undefined) await rm(data, { recursive: true, force: true });
});

/** Holds back, in their order, the answers to one method and all that the server says after the first of them. */
class HeldAnswers {
  readonly sent: PageFrame[] = [];
  readonly #method: string;
  readonly #held: (string | Buffer)[] = [];
  #socket: WebSocketRoute | undefined;
  #isHolding = true;

  constructor(method: string) {
    this.#method = method;
  }

  readonly prepare = (page: Page): Promise<void> => page.routeWebSocket(/\/socket\b/, (socket) => this.#carry(socket));

  /** Resolves when an answer is held. */
  async some(): Promise<void> {
    await expectSoon(() => this.#held.length > 0);
  }

  /** Lets through what was held, and holds nothing more. */
  release(): void {
    this.#isHolding = false;
    for (const message of this.#held.splice(0)) this.#socket?.send(message);
  }

  /** Breaks the connection: what was held never arrives. */
  async lose(): Promise<void> {
    this.#isHolding = false;
    this.#held.length = 0;
    await this.#socket?.close({ code: 4000, reason: 'lost' });
  }

  #carry(socket: WebSocketRoute): void {
    this.#socket = socket;
    const calls = new Set<number>();
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      const frame = readPageFrame(Buffer.from(message));
      if (frame === undefined) throw new Error('the page sent no frame');
      this.sent.push(frame);
      if (frame.kind === 'open' && frame.path.endsWith(`/${this.#method}`)) calls.add(frame.call);
      server.send(message);
    });
    server.onMessage((message) => {
      const frame = readServerFrame(Buffer.from(message));
      const isOne = frame !== undefined && frame.kind !== 'tick' && calls.has(frame.call);
      if (this.#isHolding && (isOne || this.#held.length > 0)) this.#held.push(message);
      else socket.send(message);
    });
  }
}

async function expectSoon(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 20_000; !(await holds()); ) {
    if (Date.now() > endMs) throw new Error(`not within 20 s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Opens the dialog of a new ticket. */
async function openDialog(held?: HeldAnswers): Promise<OpenedPage> {
  const url = `http://${at.console}/#code=${codeFor('administrator')}`;
  const opened = await openPage(browser, url, {}, held?.prepare);
  const { page } = opened;
  await shows(page, '.chip', /live/);
  await page.getByRole('link', { name: 'Tickets' }).click();
  await page.getByRole('button', { name: 'Issue a ticket…' }).click();
  await shows(page, 'dialog', /Issue a ticket/);
  return opened;
}

async function issue(page: Page, names: string): Promise<void> {
  await page.getByLabel('Names that they may have').fill(names);
  await page.getByRole('button', { name: 'Issue the ticket' }).click();
}

/** The ticket for these names, as the server has it. */
async function findTicket(wanted: string) {
  const { tickets } = await ask(at, Identities.listTickets, { pageSize: 1_000, pageToken: '' }, asAdmin());
  return tickets.find(({ names }) => names === wanted);
}

describe('the dialog of a new ticket', () => {
  it('issues none before it has said whether the ticket makes callers prove who they are', async () => {
    const held = new HeldAnswers('GetPolicy');
    const { page, problems, close } = await openDialog(held);
    await held.some();
    await page.getByLabel('Names that they may have').fill('early-*');
    await page.keyboard.press('Enter');
    const button = page.getByRole('button', { name: 'Issue the ticket' });
    expect(await button.isDisabled()).toBe(true);
    held.release();
    await shows(page, 'dialog button:enabled', /^Issue the ticket$/);
    await shows(page, 'dialog', /first ticket gives it one/);
    expect(held.sent.some((frame) => frame.kind === 'open' && frame.path.endsWith('/IssueTicket'))).toBe(false);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);

  it('has the browser ask before the page is loaded again, while it shows the only copy of a ticket', async () => {
    const { page, problems, close } = await openDialog();
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.dismiss();
    });
    await issue(page, 'reloaded-*');
    await shows(page, 'dialog', /only copy/);
    const text = await page.getByLabel('The ticket as text').textContent();
    await page.evaluate('setTimeout(() => location.reload())');
    await expectSoon(() => asked.length > 0);
    expect([asked, await page.getByLabel('The ticket as text').textContent()]).toEqual([['beforeunload'], text]);
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.reload();
    await shows(page, '.chip', /live/);
    expect([asked.length, problems]).toEqual([1, []]);
    await close();
  }, 120_000);

  it.each(['Escape', 'Cancel'])(
    'that %s closes while the call is out cancels it, and revokes what comes all the same',
    async (way) => {
      const held = new HeldAnswers('IssueTicket');
      const { page, problems, close } = await openDialog(held);
      const names = `left-by-${way.toLowerCase()}-*`;
      await issue(page, names);
      await held.some();
      if (way === 'Escape') await page.keyboard.press('Escape');
      else await page.getByRole('button', { name: 'Cancel' }).click();
      await page.locator('dialog').waitFor({ state: 'detached' });
      const call = held.sent.find((frame) => frame.kind === 'open' && frame.path.endsWith('/IssueTicket'))?.call;
      await expectSoon(() => held.sent.some((frame) => frame.kind === 'cancel' && frame.call === call));
      expect(await findTicket(names)).toMatchObject({ revoked: false });
      held.release();
      await shows(page, '.notice', /ticket [0-9a-f]{16} was issued when its dialog was closed, and is revoked/);
      expect(await findTicket(names)).toMatchObject({ revoked: true });
      expect(problems).toEqual([]);
      await close();
    },
    120_000,
  );

  it('says that a ticket may have been issued when the connection breaks before the answer', async () => {
    const held = new HeldAnswers('IssueTicket');
    const { page, problems, close } = await openDialog(held);
    await issue(page, 'of-unknown-fate-*');
    await held.some();
    await held.lose();
    await shows(
      page,
      'dialog [role=alert]',
      /whether the ticket was issued is not known. Look in the list, and revoke/,
    );
    expect(await findBarriers(page)).toEqual([]);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);

  it('keeps the only copy while the page goes back, and hides it from others while it is logged out, until it is closed', async () => {
    const { page, problems, close } = await openDialog();
    await issue(page, 'kept-*');
    const text = (await page.getByLabel('The ticket as text').textContent()) ?? '';
    expect(decodeTicket(text).secret).toHaveLength(32);
    await page.goBack();
    await expectSoon(() => page.url().endsWith('#graph'));
    const origin = `http://${at.console}`;
    const loggedOut = await page.context().request.post(`${origin}/logout`, { headers: { origin } });
    expect(loggedOut.status()).toBe(200);
    await page.locator('.login').waitFor();
    expect(await page.content()).not.toContain(text);
    const logInAs = async (role: 'administrator' | 'viewer') => {
      await page.getByLabel('Link or code').fill(codeFor(role));
      await page.getByRole('button', { name: 'Log in' }).click();
      await shows(page, '.chip', /live/);
    };
    await logInAs('administrator');
    expect(await page.getByLabel('The ticket as text').textContent()).toBe(text);
    expect((await page.context().request.post(`${origin}/logout`, { headers: { origin } })).status()).toBe(200);
    await page.locator('.login').waitFor();
    await logInAs('viewer');
    await page.locator('dialog').waitFor({ state: 'detached' });
    expect(await page.content()).not.toContain(text);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);

  it('selects the text where the browser has no clipboard for the page, and keeps it in no field of a form', async () => {
    const { page, problems, close } = await openDialog();
    await page.getByLabel('Good for, in hours').fill('1.5');
    await issue(page, 'by-hand-*');
    const text = (await page.getByLabel('The ticket as text').textContent()) ?? '';
    const fields = await page.evaluate(
      `[...document.querySelectorAll('input, textarea, select')].map(({ value }) => value)`,
    );
    expect(fields).not.toContain(text);
    await page.evaluate(`Object.defineProperty(navigator, 'clipboard', { value: undefined })`);
    await page.getByRole('button', { name: 'Copy' }).click();
    await shows(page, 'dialog', /does not let the page copy. The text is selected/);
    expect(await page.evaluate('String(getSelection())')).toBe(text);
    const ticket = await findTicket('by-hand-*');
    const hours = (ticket!.expiresAt!.getTime() - ticket!.issuedAt!.getTime()) / 3_600_000;
    expect(hours).toBeCloseTo(1.5, 5);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);
});
