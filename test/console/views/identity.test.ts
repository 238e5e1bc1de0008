import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { asAdmin, ask } from '../../grpc/running.js';
import { launchChromium } from '../../interop/chromium.mjs';
import { type Member, makeMember } from '../../trust/members.js';
import { findBarriers, type Look, openPage, shows } from '../page-of.js';
import { giveRoles, makePerson, type Person, personalCode } from '../person.js';
import { buildPage, type RunningConsole, runConsole } from '../running.js';

const LOOKS: readonly Required<Look>[] = [
  { theme: 'dark', width: 1280, height: 720 },
  { theme: 'light', width: 390, height: 760 },
];

/** Whether the picture that docs/console.md shows is made anew, as those of views.test.ts are. */
const IS_DOCUMENTED = process.env.UPDATE_DOCUMENT === '1';
/** How long the page shows that something went well. */
const NOTICE_MS = 8_000;

let at: RunningConsole;
let built: Awaited<ReturnType<typeof buildPage>>;
let browser: Browser;

beforeAll(async () => {
  [built, browser] = await Promise.all([buildPage(), launchChromium()]);
  at = await runConsole({ auth: 'required' }, { assets: built.assets });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await at?.stop();
  await built?.remove();
});

async function open(person: Person, look: Look = {}) {
  const opened = await openPage(browser, `http://${at.console}/#code=${await personalCode(at, person)}`, look);
  await shows(opened.page, '.chip', /live/);
  return opened;
}

/** Opens a view by keys. */
async function view(page: Page, key: string, title: string): Promise<void> {
  await page.keyboard.press('g');
  await page.keyboard.press(key);
  await shows(page, 'h1', new RegExp(title));
}

/** A stream from a new client to a new agent. */
async function makeStream(number: number): Promise<{ readonly source: Member; readonly id: number }> {
  const source = await makeMember(at, { number, roles: ['client'], name: `laptop-${number}` });
  const sink = await makeMember(at, { number: number + 1, roles: ['agent'], name: `camera-${number}` });
  const wanted = { sinkCvids: [sink.sid], params: undefined, requestId: '' };
  const { stream } = await ask(at, Streams.createStream, wanted, source.as);
  return { source, id: stream!.id };
}

/** What buttons of a page are called. */
async function buttons(page: Page): Promise<string> {
  return (await page.getByRole('button').allTextContents()).join(' | ');
}

describe.each(LOOKS)('a page of an operator in $theme, $width px wide', (look) => {
  it('stops a stream, ends a session, issues and revokes a ticket for agents and clients, and offers nothing else', async () => {
    const { source, id } = await makeStream(look.width);
    const operator = await makePerson(at, ['operator']);
    const { page, problems, close } = await open(operator, look);
    await shows(page, '.identity', new RegExp(`person-${operator.number} · operator`));
    // The code is in no address, and so in no history.
    expect(page.url()).not.toContain('code');
    await view(page, 't', 'Streams');
    await page.getByRole('button', { name: `Stop stream ${id}` }).click();
    await shows(page, 'dialog', /This would stop: \d+, \d+/);
    expect(await findBarriers(page)).toEqual([]);
    if (IS_DOCUMENTED && look.theme === 'dark') await page.screenshot({ path: 'docs/console/operator-dark.png' });
    await page
      .locator('dialog')
      .getByRole('button', { name: `Stop stream ${id}` })
      .click();
    await shows(page, '.notice', new RegExp(`stream ${id} has stopped`));

    await view(page, 'k', 'Tickets');
    await page.getByRole('button', { name: 'Issue a ticket…' }).click();
    await shows(page, 'dialog button:enabled', /^Issue the ticket$/);
    expect(await page.locator('dialog fieldset label').allTextContents()).toEqual([' agent', ' client']);
    expect(await page.locator('dialog').textContent()).not.toMatch(/policy/);
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('button', { name: 'Issue the ticket' }).click();
    await shows(page, 'dialog', /only copy/);
    const text = (await page.getByLabel('The ticket as text').textContent()) ?? '';
    expect(decodeTicket(text).addresses).toEqual([at.address]);
    await page.keyboard.press('Escape');
    await page
      .getByRole('button', { name: /^Revoke ticket/ })
      .first()
      .click();
    await shows(page, 'dialog', /lets nobody in any more/);
    expect(await page.getByText('Revoke those, too').count()).toBe(0);
    await page
      .locator('dialog')
      .getByRole('button', { name: /^Revoke ticket/ })
      .click();
    await shows(page, '.notice', /ticket \w+ is revoked/);

    await page.goto(`${page.url().split('#')[0]}#graph?sid=${source.sid}`);
    await page.getByRole('button', { name: 'Terminate…' }).click();
    await page.getByRole('button', { name: `Terminate session ${source.sid}` }).click();
    await shows(page, '.notice', /has ended/);

    await view(page, 'a', 'You may not see the audit log');
    await shows(page, '.nobody', /Your roles do not allow audit.read/);
    expect(await findBarriers(page)).toEqual([]);
    await view(page, 'i', 'You may not see identities');
    const wider = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect([wider, problems]).toEqual([0, []]);
    await close();
  }, 120_000);
});

describe.each(LOOKS)('a page of an observer in $theme, $width px wide', (look) => {
  it('shows the graph and the streams, and offers no act', async () => {
    const { id } = await makeStream(look.width + 10);
    const observer = await makePerson(at, ['observer']);
    const { page, problems, close } = await open(observer, look);
    await shows(page, '.identity', /observer/);
    await view(page, 't', 'Streams');
    await shows(page, 'tbody', new RegExp(String(id)));
    expect(await buttons(page)).not.toMatch(/Stop|Issue|Revoke|Terminate/);
    expect(await findBarriers(page)).toEqual([]);
    await view(page, 'k', 'You may not see tickets');
    await view(page, 'h', 'Health');
    await shows(page, '.limits', /sessions/);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);
});

describe('a link that is opened where somebody is logged in', () => {
  it('is used after a question where it is for somebody else, and without one where it is for the same user', async () => {
    const [one, other] = [await makePerson(at, ['operator']), await makePerson(at, ['observer'])];
    const { page, problems, close } = await open(one);
    const asked: string[] = [];
    let isUsed = false;
    page.on('dialog', async (dialog) => {
      asked.push(dialog.message());
      await (isUsed ? dialog.accept() : dialog.dismiss());
    });
    const follow = async (person: Person, shown: Person) => {
      await page.goto('about:blank');
      await page.goto(`http://${at.console}/#code=${await personalCode(at, person)}`);
      await shows(page, '.chip', /live/);
      await shows(page, '.identity', new RegExp(`person-${shown.number} `));
    };
    await follow(one, one);
    expect(asked).toEqual([]);
    await follow(other, one);
    expect(asked).toEqual([
      expect.stringContaining(`You are logged in as person-${one.number} in the network default.`),
    ]);
    isUsed = true;
    await follow(other, other);
    expect([asked.length, problems]).toEqual([2, []]);
    await close();
  }, 120_000);
});

describe('a link that is opened while the server does not answer', () => {
  it('is not used before it is known who is logged in', async () => {
    const [one, other] = [await makePerson(at, ['operator']), await makePerson(at, ['observer'])];
    const { page, close } = await open(one);
    const asked: string[] = [];
    page.on('dialog', async (dialog) => {
      asked.push(dialog.message());
      await dialog.dismiss();
    });
    let isAway = true;
    await page.route('**/session', async (route) => {
      await (isAway ? route.fulfill({ status: 503 }) : route.continue());
      isAway = false;
    });
    await page.goto('about:blank');
    await page.goto(`http://${at.console}/#code=${await personalCode(at, other)}`);
    await shows(page, '.identity', new RegExp(`person-${one.number} `));
    expect(asked).toEqual([expect.stringContaining(`You are logged in as person-${one.number} `)]);
    await close();
  }, 120_000);
});

describe('a page that is logged out', () => {
  it.each([
    ['s', 'Sessions', 'tbody'],
    ['g', '', '.side .selection'],
  ])(
    'shows nothing of what the view (%s) has shown, and all of it to the next login',
    async (key, title, what) => {
      const member = await makeMember(at, {
        number: 4_000 + key.charCodeAt(0),
        roles: ['agent'],
        name: `secret-${key}`,
      });
      const observer = await makePerson(at, ['observer']);
      const { page, problems, close } = await open(observer);
      if (title === '') await page.goto(`${page.url().split('#')[0]}#graph?sid=${member.sid}`);
      else await view(page, key, title);
      await shows(page, what, new RegExp(`secret-${key}`));
      const origin = `http://${at.console}`;
      await page.context().request.post(`${origin}/logout`, { headers: { origin } });
      await page.locator('.login').waitFor();
      expect(await page.content()).not.toContain(`secret-${key}`);
      expect(await page.locator('main > *').count()).toBe(0);
      await page.getByLabel('Link or code').fill(await personalCode(at, observer));
      await page.getByRole('button', { name: 'Log in' }).click();
      await shows(page, '.chip', /live/);
      await shows(page, what, new RegExp(`secret-${key}`));
      expect(problems).toEqual([]);
      await close();
    },
    120_000,
  );
});

describe('a page that is open', () => {
  it('says what went wrong until that is dismissed, by a button or by Escape, and what went well for a while', async () => {
    const { page, problems, close } = await open(await makePerson(at, ['operator']));
    const { source } = await makeStream(3_000);
    const alone = await makeMember(at, { number: 3_010, roles: ['agent'], name: 'alone' });
    await page.goto(`${page.url().split('#')[0]}#graph?sid=${source.sid}`);
    for (const dismiss of [
      () => page.getByRole('button', { name: 'Dismiss' }).click(),
      () => page.keyboard.press('Escape'),
    ]) {
      await page.getByRole('button', { name: 'Path to…' }).click();
      await page.getByLabel('To the name or SID').fill(String(alone.sid));
      await page.getByRole('button', { name: 'Find' }).click();
      await shows(page, '.notice', /PATH_NOT_FOUND/);
      expect(await findBarriers(page)).toEqual([]);
      // By then a notice of what went well, whose timer began before this one, would be gone.
      await page.evaluate(`new Promise((resolve) => setTimeout(resolve, ${NOTICE_MS}))`);
      await shows(page, '.notice', /PATH_NOT_FOUND/);
      await dismiss();
      await page.locator('.notice:not(.shown)').waitFor({ state: 'attached' });
      // What was selected is still.
      expect(page.url()).toContain(`sid=${source.sid}`);
    }
    await view(page, 't', 'Streams');
    const { id } = await makeStream(3_020);
    await page.getByRole('button', { name: `Stop stream ${id}` }).click();
    await page
      .locator('dialog')
      .getByRole('button', { name: `Stop stream ${id}` })
      .click();
    await shows(page, '.notice', /has stopped/);
    expect(await page.getByRole('button', { name: 'Dismiss' }).count()).toBe(0);
    await page.locator('.notice:not(.shown)').waitFor({ state: 'attached', timeout: 2 * NOTICE_MS });
    expect(problems).toEqual([]);
    await close();
  }, 120_000);

  it('takes back what it offered when the role of its user is lowered, and asks for a login when that is revoked', async () => {
    const { id } = await makeStream(2_000);
    const operator = await makePerson(at, ['operator']);
    const { page, problems, close } = await open(operator);
    await view(page, 't', 'Streams');
    await page.getByRole('button', { name: `Stop stream ${id}` }).waitFor();
    await giveRoles(at, operator, ['observer']);
    await shows(page, '.identity', /observer/);
    await shows(page, 'tbody', new RegExp(String(id)));
    expect(await buttons(page)).not.toMatch(/Stop/);
    await ask(at, Identities.revokeIdentity, { identityUuid: operator.uuid }, asAdmin());
    await shows(page, '.login', /switchyard console/);
    await shows(page, '.chip', /logged out/);
    // What the login has shown is not behind the form.
    expect(await page.locator('tbody').count()).toBe(0);
    expect(problems).toEqual([]);
    await close();
  }, 120_000);
});
