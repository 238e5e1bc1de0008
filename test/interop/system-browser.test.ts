import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { transform } from '@swc/core';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { ask, type Running, run } from '../grpc/running.js';
import { launchChromium } from './chromium.mjs';

const SOURCES = new URL('../../src/', import.meta.url);
/** What the page does: open a session, watch, and tell the test what it hears. */
const PAGE = `
  import { SystemClient } from '/src/system/client/browser.js';
  const heard = [];
  const client = await SystemClient.connect(new URLSearchParams(location.search).get('server'), {
    networkDelta: (delta) => heard.push(delta),
  });
  const session = await client.ask('Session', {
    instanceUuid: crypto.randomUUID(), instanceType: 3, name: 'browser', watch: { deltas: true },
  });
  window.switchyard = { client, session, heard };
`;

/** Serves the page, and the client's modules as a browser can read them: nothing is bundled, since nothing has to be. */
function serveModules(): Promise<Server> {
  const server = createServer(async ({ url = '' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    // No script but our own, and none made of strings: the codec has to do without.
    response.setHeader('content-security-policy', "script-src 'self'");
    try {
      if (pathname.startsWith('/src/')) {
        const source = await readFile(new URL(pathname.slice(5).replace(/\.js$/, '.ts'), SOURCES), 'utf8');
        const { code } = await transform(source, { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } });
        response.setHeader('content-type', 'text/javascript').end(code);
      } else if (pathname === '/page.js') response.setHeader('content-type', 'text/javascript').end(PAGE);
      else response.setHeader('content-type', 'text/html').end('<script type="module" src="/page.js"></script>');
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

describe('A browser', () => {
  let at: Running;
  let modules: Server;
  let browser: Awaited<ReturnType<typeof launchChromium>>;
  beforeAll(async () => {
    modules = await serveModules();
    const { port } = modules.address() as AddressInfo;
    at = await run({ 'system-ws-listen': '127.0.0.1:0', 'ws-origin': `http://127.0.0.1:${port}` });
    browser = await launchChromium();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    modules?.close();
    await at?.stop();
  });

  it('opens a session over ws, is seen by gRPC, and sees a delta', async () => {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error: Error) => problems.push(error.message));
    const { port } = modules.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/?server=ws://${at.server.addresses.ws}`);
    // Not by waitForFunction, which evaluates a string inside of the page, where that is forbidden.
    const hasHeard = () => page.evaluate('window.switchyard?.heard.some(({ kind }) => kind === 2)');
    for (const endMs = Date.now() + 20_000; !(await hasHeard()) && Date.now() < endMs; ) await wait(50);
    const cvid = (await page.evaluate('window.switchyard.session.instanceSid')) as number;
    const { session } = await ask(at, Sessions.getSession, { cvid });
    expect(session).toMatchObject({ name: 'browser', attached: true });
    const { instanceSid } = await ask(at, Sessions.session, {
      instanceUuid: '00000000-0000-4000-8000-000000000001',
      instanceType: 2,
      instanceFlavor: 0,
      ttl: undefined,
      name: 'over gRPC',
      labels: {},
    });
    const isThere = `window.switchyard.heard.find(({ nodeAdded }) => nodeAdded?.[0].cvid === ${instanceSid})`;
    const delta = await (await page.waitForFunction(isThere)).jsonValue();
    expect(delta).toMatchObject({ kind: 3, nodeAdded: [{ cvid: instanceSid, name: 'over gRPC' }] });
    expect(problems).toEqual([]);
  }, 60_000);
});
