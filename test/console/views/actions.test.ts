import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import decodeQr from 'qr/decode.js';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { InstanceType, Switchyard } from '../../../src/client/index.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { asAdmin, ask } from '../../grpc/running.js';
import { launchChromium } from '../../interop/chromium.mjs';
import { keyOf, proofOf } from '../../trust/proving.js';
import { uuidOf } from '../fleet.js';
import { findBarriers, type Look, type OpenedPage, openPage, shows } from '../page-of.js';
import { buildPage, codeFor, type RunningConsole, runConsole } from '../running.js';

const LOOKS: readonly Required<Look>[] = (['dark', 'light'] as const).flatMap((theme) => [
  { theme, width: 1280, height: 720 },
  { theme, width: 390, height: 760 },
]);
/** More than there are in any view of these tests. */
const TABS_MAX = 60;

let at: RunningConsole;
let built: Awaited<ReturnType<typeof buildPage>>;
let browser: Browser;
let data: string;

beforeAll(async () => {
  [built, browser, data] = await Promise.all([
    buildPage(),
    launchChromium(),
    mkdtemp(join(tmpdir(), 'switchyard-actions-')),
  ]);
  at = await runConsole({ data }, { assets: built.assets });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await at?.stop();
  await built?.remove();
  if (data !== undefined) await rm(data, { recursive: true, force: true });
});

async function open(look: Look = {}, role: 'viewer' | 'administrator' = 'administrator'): Promise<OpenedPage> {
  const opened = await openPage(browser, `http://${at.console}/#code=${codeFor(role)}`, look);
  await shows(opened.page, '.chip', /live/);
  return opened;
}

/** Opens a view by keys. */
async function view(page: Page, key: string, title: string): Promise<void> {
  await page.keyboard.press('g');
  await page.keyboard.press(key);
  await shows(page, 'h1', new RegExp(title));
}

/** Goes to a button by the Tab key, and presses it. */
async function press(page: Page, name: RegExp): Promise<void> {
  await page.getByRole('button', { name, disabled: false }).first().waitFor();
  for (let tabs = 0; tabs < TABS_MAX; tabs++) {
    await page.keyboard.press('Tab');
    const there = await page.evaluate(
      `((it) => it.tagName === 'BUTTON' ? it.ariaLabel ?? it.textContent : '')(document.activeElement)`,
    );
    if (name.test(String(there))) return page.keyboard.press('Enter');
  }
  throw new Error(`no way to ${name} by the Tab key`);
}

/** What a camera reads from the picture of the QR code. */
async function scan(page: Page): Promise<string> {
  const png = (await page.locator('.qr').screenshot()).toString('base64');
  // The page's policy lets no script of the test load a picture.
  const reader = await browser.newPage();
  const {
    width,
    height,
    data: bytes,
  } = (await reader.evaluate(`(async () => {
    const picture = new Image();
    picture.src = 'data:image/png;base64,${png}';
    await picture.decode();
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const pen = canvas.getContext('2d');
    pen.drawImage(picture, 0, 0);
    const { width, height, data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    // As one text: a list of numbers takes hundreds of MiB on its way.
    const parts = Array.from({ length: Math.ceil(data.length / 8192) }, (_, at) =>
      String.fromCharCode(...data.subarray(at * 8192, (at + 1) * 8192)));
    return { width, height, data: btoa(parts.join('')) };
  })()`)) as { width: number; height: number; data: string };
  await reader.close();
  return decodeQr({ width, height, data: Uint8ClampedArray.from(Buffer.from(bytes, 'base64')) }, { timeLimit: 10_000 });
}

/** All that the page could have kept a text in: its address, its history, its document, and the storage of the browser. */
function keptIn(page: Page): Promise<string> {
  return page.evaluate(`(async () => {
    const names = await indexedDB.databases();
    const kept = await Promise.all(names.map(({ name }) => new Promise((resolve) => {
      const opening = indexedDB.open(name);
      opening.onsuccess = () => {
        const stores = [...opening.result.objectStoreNames];
        if (stores.length === 0) return resolve([]);
        const reading = opening.result.transaction(stores);
        resolve(Promise.all(stores.map((store) => new Promise((read) => {
          const all = reading.objectStore(store).getAll();
          all.onsuccess = () => read(all.result);
        }))));
      };
    })));
    return JSON.stringify([location.href, history.state, document.documentElement.outerHTML,
      [...document.querySelectorAll('input, textarea')].map(({ value }) => value),
      { ...localStorage }, { ...sessionStorage }, kept]);
  })()`) as Promise<string>;
}

describe('the console stops a stream', () => {
  it('by keys alone, after it has said what would stop with it, and leaves it where that is not wanted', async () => {
    const yard = new Switchyard({ server: at.address });
    const [source, sink] = [1, 2].map((number) =>
      yard.join({ uuid: uuidOf(number), type: InstanceType.AGENT, name: `of-stream-${number}` }),
    );
    const [, { cvid }] = await Promise.all([source!.attached(), sink!.attached()]);
    const { stream } = await source!.createStream([cvid], { name: 'video' });
    const { page, problems, close } = await open({ width: 390, height: 760 });
    await view(page, 't', 'Streams');
    await press(page, /^Stop stream/);
    await shows(page, 'dialog', /video.*This would stop: \d+, \d+/s);
    expect(await findBarriers(page)).toEqual([]);
    await press(page, /^Cancel$/);
    const list = { pageSize: 0, pageToken: '', cvid: 0 };
    const isThere = async () =>
      (await ask(at, Streams.listStreams, list, asAdmin())).streams.some(({ id }) => id === stream!.id);
    expect(await isThere()).toBe(true);
    await press(page, /^Stop stream/);
    await press(page, /^Stop stream/);
    await shows(page, '.notice', /stream \d+ has stopped/);
    expect(await isThere()).toBe(false);
    await view(page, 'a', 'Audit');
    await shows(page, 'tbody', /administrator\s*StopStream/);
    expect(problems).toEqual([]);
    await close();
    await yard.close();
  }, 120_000);
});

describe('the console says before the first ticket of a network', () => {
  it('that its callers will have to prove who they are, and no more once they have to', async () => {
    const first = await open();
    await view(first.page, 'k', 'Tickets');
    await press(first.page, /^Issue a ticket/);
    await shows(first.page, 'dialog', /first ticket gives it one: from then on all callers must prove who they are/);
    expect(await findBarriers(first.page)).toEqual([]);
    await press(first.page, /^Issue the ticket$/);
    await shows(first.page, 'dialog', /only copy/);
    await press(first.page, /^Close$/);
    await press(first.page, /^Issue a ticket/);
    // Until the policy is read no ticket can be issued.
    await shows(first.page, 'dialog button:enabled', /^Issue the ticket$/);
    expect(await first.page.locator('dialog').textContent()).not.toMatch(/first ticket/);
    expect(first.problems).toEqual([]);
    await first.close();
  }, 120_000);
});

describe.each(LOOKS)('tickets in $theme, $width px wide', (look) => {
  it('are issued by keys alone, shown once as a QR code and as text, and revoked after one more question', async () => {
    const { page, problems, close } = await open(look);
    await view(page, 'k', 'Tickets');
    await press(page, /^Issue a ticket/);
    await shows(page, 'dialog', /Issue a ticket/);
    expect(await findBarriers(page)).toEqual([]);
    await shows(page, 'dialog button:enabled', /^Issue the ticket$/);
    await page.getByLabel('Names that they may have').focus();
    await page.keyboard.type('Boat!');
    await page.keyboard.press('Enter');
    await shows(page, 'dialog [role=alert]', /names/);
    const names = `boat-${look.theme}-${look.width}-*`;
    await page.getByLabel('Names that they may have').fill(names);
    await press(page, /^Issue the ticket$/);
    await shows(page, 'dialog', /only copy/);
    expect(await findBarriers(page)).toEqual([]);
    const text = (await page.getByLabel('The ticket as text').textContent()) ?? '';
    expect(decodeTicket(text).addresses).toEqual([at.address]);
    expect(await scan(page)).toBe(text);
    expect(await keptIn(page)).toContain(text);
    const wider = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect(wider).toBe(0);
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    expect(await keptIn(page)).not.toContain(text);

    await page.keyboard.press('/');
    await page.keyboard.type(`names=${names} state=good`);
    await page.keyboard.press('Enter');
    await shows(page, 'tbody tr:only-child', new RegExp(names.replace('*', '.')));
    const [, id] = /^([0-9a-f]{16})/.exec((await page.locator('tbody').textContent()) ?? '') ?? [];
    await press(page, /^Revoke ticket/);
    await shows(page, 'dialog', /lets nobody in any more. 0 identities have enrolled/);
    expect(await findBarriers(page)).toEqual([]);
    await press(page, /^Cancel$/);
    await shows(page, 'tbody', /good/);
    await press(page, /^Revoke ticket/);
    await press(page, /^Revoke ticket/);
    await shows(page, '.notice', new RegExp(`ticket ${id} is revoked`));
    await shows(page, '.empty', /No ticket matches/);
    await page.getByLabel('Search').fill(`names=${names}`);
    await shows(page, 'tbody', /revoked/);
    expect(await page.getByRole('button', { name: /^Revoke ticket/ }).count()).toBe(0);
    await page.keyboard.press('Enter');
    await view(page, 'a', 'Audit');
    await page.getByLabel('Search').fill(`on~${id}`);
    await shows(page, 'tbody', /administrator\s*RevokeTicket.*ok/);
    await page.getByLabel('Search').fill('what=IssueTicket');
    await shows(page, 'tbody', /administrator\s*IssueTicket.*ok/);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);
});

describe('identities in the console', () => {
  it('come by the ticket that a camera has read, and open no session once they were revoked by keys alone', async () => {
    const { page, problems, close } = await open();
    await view(page, 'k', 'Tickets');
    await press(page, /^Issue a ticket/);
    await press(page, /^Issue the ticket$/);
    await page.locator('.qr').waitFor();
    const secret = Buffer.from(decodeTicket(await scan(page)).secret);
    await page.keyboard.press('Escape');
    const challenge = await ask(at, Identities.challenge, { network: '' });
    const proof = proofOf(keyOf(7), uuidOf(7), challenge, { purpose: ProofPurpose.ENROLL });
    await ask(at, Identities.enroll, { secret, proof, name: 'boat-7' });

    await view(page, 'i', 'Identities');
    await shows(page, 'tbody', /boat-7.*away.*instance.*agent/);
    expect(await findBarriers(page)).toEqual([]);
    await press(page, /^Revoke identity boat-7/);
    await shows(page, 'dialog', /it opens none any more/);
    expect(await findBarriers(page)).toEqual([]);
    await press(page, /^Cancel$/);
    await press(page, /^Revoke identity boat-7/);
    await press(page, /^Revoke the identity$/);
    await shows(page, '.notice', /identity .* is revoked/);
    await shows(page, 'tbody', /boat-7.*revoked/);
    const { identity } = await ask(at, Identities.getIdentity, { identityUuid: uuidOf(7) }, asAdmin());
    expect(identity?.revoked).toBe(true);
    await view(page, 'a', 'Audit');
    await shows(page, 'tbody', /administrator\s*RevokeIdentity/);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);

  it.each(['i', 'k'])(
    'are not for a viewer, nor are tickets: g %s shows no action',
    async (key) => {
      const { page, problems, close } = await open({}, 'viewer');
      await view(page, key, 'You may not see (identities|tickets)');
      expect(await page.getByRole('button', { name: /Revoke|Issue/ }).count()).toBe(0);
      expect(await findBarriers(page)).toEqual([]);
      expect(problems).toEqual([]);
      await close();
    },
    60_000,
  );
});
