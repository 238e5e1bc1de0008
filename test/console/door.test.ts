import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { ErrorInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { WatchNetworkDeltaResponse } from '../../gen/switchyard/v1/network_service.js';
import { GetServerResponse } from '../../gen/switchyard/v1/server.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { systemClock } from '../../src/client/system.js';
import { CLOSE, CONSOLE_PROTOCOL } from '../../src/console/frames.js';
import { CONSOLE_LIMITS } from '../../src/console/limits.js';
import { ADMIN_TOKEN, agent, ask } from '../grpc/running.js';
import { BarePage, codeFor, logIn, post, type RunningConsole, runConsole, whomOf } from './running.js';

let at: RunningConsole;
const pages: BarePage[] = [];

beforeAll(async () => {
  at = await runConsole();
});
afterEach(() => {
  for (const page of pages.splice(0)) page.close();
});
afterAll(() => at.stop());

/** A GET with any headers, as fetch does not let Host be set. */
async function get(path: string, headers: Record<string, string> = {}) {
  const [host, port] = at.console.split(':');
  const sent = request({ host, port, path, headers }).end();
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode as number, headers: response.headers as Record<string, string>, text };
}

async function page(cookie: string): Promise<BarePage> {
  const opened = await BarePage.open(at.console, cookie);
  pages.push(opened);
  return opened;
}

/** The status with which an upgrade is refused. */
async function refusedUpgrade(headers: Record<string, string>, path = '/socket'): Promise<number> {
  const ws = new WebSocket(`ws://${at.console}${path}`, CONSOLE_PROTOCOL, { headers });
  ws.on('error', () => {});
  const [, response] = await once(ws, 'unexpected-response');
  response.destroy();
  return response.statusCode;
}

describe("the console's page", () => {
  it('comes with a policy that lets it load nothing from elsewhere, and no page frame it', async () => {
    const { status, headers, text } = await get('/');
    expect([status, text]).toEqual([200, '<p>page']);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['content-security-policy']).not.toMatch(/unsafe|\*|https?:/);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-cache',
    });
  });

  it('may be kept by the browser only where a name changes with its content', async () => {
    expect((await get('/main-ABCDEFGH.js')).headers['cache-control']).toContain('immutable');
  });

  it('is not there under another path, and takes no other method', async () => {
    expect((await get('/../admin-token')).status).toBe(404);
    expect(
      (await fetch(`http://${at.console}/`, { method: 'PUT', headers: { origin: `http://${at.console}` } })).status,
    ).toBe(405);
  });

  it('is refused to a name that was made to lead here (DNS rebinding)', async () => {
    expect((await get('/', { host: 'evil.example' })).status).toBe(403);
    expect((await get('/', { host: 'localhost:1' })).status).toBe(200);
  });
});

describe('logging in', () => {
  it('takes a code once, and gives a cookie that script cannot read', async () => {
    const code = codeFor('viewer');
    const response = await post(at.console, '/login', code);
    expect(await response.json()).toEqual(whomOf('viewer'));
    const cookie = response.headers.get('set-cookie')!;
    expect(cookie).toMatch(/^switchyard-console-[0-9a-f]{8}=[\w-]{40,}; HttpOnly; SameSite=Strict; Max-Age=43200$/);
    expect((await post(at.console, '/login', code)).status).toBe(403);
  });

  it('refuses POSTs of pages of another origin, and those that do not say theirs', async () => {
    const code = codeFor('viewer');
    expect((await post(at.console, '/login', code, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await fetch(`http://${at.console}/login`, { method: 'POST', body: code })).status).toBe(403);
    expect((await post(at.console, '/login', code)).status).toBe(200);
  });

  it('takes no code of another secret, none that is garbled, and no body beyond its bound', async () => {
    const fresh = await runConsole();
    try {
      expect((await post(fresh.console, '/login', codeFor('administrator', 'another-secret-of-somebody'))).status).toBe(
        403,
      );
      expect((await post(fresh.console, '/login', `${codeFor('viewer').slice(0, -4)}AAAA`)).status).toBe(403);
      expect((await post(fresh.console, '/login', 'x'.repeat(2_000))).status).toBe(413);
    } finally {
      await fresh.stop();
    }
  });

  it('hears nobody of an address for a minute after five wrong tries, not even with a good code', async () => {
    const fresh = await runConsole();
    try {
      for (let tries = 0; tries < CONSOLE_LIMITS.wrongPerMinuteMax; tries++) {
        expect((await post(fresh.console, '/login', 'wrong')).status).toBe(403);
      }
      expect((await post(fresh.console, '/login', codeFor('viewer'))).status).toBe(429);
    } finally {
      await fresh.stop();
    }
  });

  it('makes an administrator of a viewer who shows the token, and of nobody else', async () => {
    expect((await post(at.console, '/administrator', ADMIN_TOKEN)).status).toBe(401);
    const cookie = await logIn(at.console);
    expect((await post(at.console, '/administrator', 'not-the-token', { cookie })).status).toBe(403);
    const response = await post(at.console, '/administrator', ADMIN_TOKEN, { cookie });
    expect(await response.json()).toEqual(whomOf('administrator'));
    // The viewer's login is over, so that a stolen one does not outlive it.
    expect(JSON.parse((await get('/session', { cookie })).text)).toEqual(whomOf(null));
  });

  it.each(['viewer', 'administrator'] as const)(
    'ends the login of another user that it takes the place of, and closes its pages: the role was %s',
    async (role) => {
      const cookie = await logIn(at.console, role);
      const open = await page(cookie);
      const wrong = await post(at.console, '/login', 'wrong', { cookie });
      expect([wrong.status, JSON.parse((await get('/session', { cookie })).text).role]).toEqual([403, role]);
      const other = role === 'viewer' ? 'administrator' : 'viewer';
      const response = await post(at.console, '/login', codeFor(other), { cookie });
      expect(await response.json()).toMatchObject({ role: other });
      await open.until(() => open.closed !== undefined);
      expect(open.closed?.code).toBe(CLOSE.loggedOut);
      expect(JSON.parse((await get('/session', { cookie })).text)).toMatchObject({ role: null });
    },
  );

  it('leaves the pages of the same user open, until a logout closes those of before and of now', async () => {
    const cookie = await logIn(at.console);
    const response = await post(at.console, '/login', codeFor('viewer'), { cookie });
    const next = response.headers.get('set-cookie')!.split(';')[0]!;
    const open = [await page(cookie), await page(next)];
    for (const one of open) expect(await one.end(one.call('ServerService/GetServer'))).toMatchObject({ code: 0 });
    await post(at.console, '/logout', '', { cookie: next });
    for (const one of open) {
      await one.until(() => one.closed !== undefined);
      expect(one.closed?.code).toBe(CLOSE.loggedOut);
    }
    expect(JSON.parse((await get('/session', { cookie })).text)).toMatchObject({ role: null });
  });

  it('ends with a logout, which closes the pages of that login', async () => {
    const cookie = await logIn(at.console);
    const open = await page(cookie);
    expect((await post(at.console, '/logout', '', { cookie })).headers.get('set-cookie')).toContain('Max-Age=0');
    await open.until(() => open.closed !== undefined);
    expect(open.closed?.code).toBe(CLOSE.loggedOut);
    expect(await refusedUpgrade({ cookie, origin: `http://${at.console}` })).toBe(401);
  });

  it('closes a page whose login has expired with the next that it asks', async () => {
    let skippedMs = 0;
    const fresh = await runConsole({}, { clock: { ...systemClock, wallMs: () => systemClock.wallMs() + skippedMs } });
    try {
      const open = await BarePage.open(fresh.console, await logIn(fresh.console));
      pages.push(open);
      await open.end(open.call('ServerService/GetServer'));
      skippedMs = CONSOLE_LIMITS.loginMs;
      open.call('ServerService/GetServer');
      await open.until(() => open.closed !== undefined);
      expect(open.closed?.code).toBe(CLOSE.loggedOut);
    } finally {
      await fresh.stop();
    }
  });
});

describe("a page's WebSocket", () => {
  it('is opened only by whoever is logged in, from the console itself', async () => {
    const cookie = await logIn(at.console);
    const origin = `http://${at.console}`;
    expect(await refusedUpgrade({ origin })).toBe(401);
    expect(await refusedUpgrade({ cookie })).toBe(403);
    expect(await refusedUpgrade({ cookie, origin: 'http://evil.example' })).toBe(403);
    expect(await refusedUpgrade({ cookie, origin }, '/elsewhere')).toBe(404);
  });

  it('carries a unary call, byte for byte, as a viewer', async () => {
    const open = await page(await logIn(at.console));
    const call = open.call('ServerService/GetServer');
    expect(await open.end(call)).toMatchObject({ code: 0 });
    const [bytes] = open.messages(call);
    const told = GetServerResponse.decode(bytes);
    expect(told.addresses.map(({ codeName }) => codeName)).toContain('console');
    expect(told.capabilities).toEqual(['console']);
    expect(told.limits).toEqual([]);
  });

  it('makes calls as an administrator for whoever is one, and refuses a viewer as gRPC does', async () => {
    const viewer = await page(await logIn(at.console));
    const { code, details } = await viewer.end(viewer.call('StreamService/ListStreams'));
    const [info] = Status.decode(details).details;
    expect([code, ErrorInfo.decode(info.value).reason]).toEqual([16, 'SESSION_TOKEN_MISSING']);
    const administrator = await page(await logIn(at.console, 'administrator'));
    expect(await administrator.end(administrator.call('StreamService/ListStreams'))).toMatchObject({ code: 0 });
    const call = administrator.call('ServerService/GetServer');
    await administrator.end(call);
    expect(GetServerResponse.decode(administrator.messages(call)[0]).limits.length).toBeGreaterThan(5);
  });

  it('carries a watch: the snapshot, every change, and nothing more once it is cancelled', async () => {
    const open = await page(await logIn(at.console));
    const call = open.call('NetworkService/WatchNetworkDelta');
    const kinds = () => open.messages(call).map((bytes) => WatchNetworkDeltaResponse.decode(bytes).kind);
    await open.until(() => kinds().includes(WatchKind.SNAPSHOT_END));
    await ask(at, Sessions.session, agent(71));
    await open.until(() => kinds().includes(WatchKind.DELTA));
    open.ws.send(Uint8Array.of(2, 0, 0, 0, call));
    // Whatever follows the cancelling comes after it on the same WebSocket.
    await open.end(open.call('ServerService/GetServer'));
    const heard = open.messages(call).length;
    await ask(at, Sessions.session, agent(72));
    await open.end(open.call('ServerService/GetServer'));
    expect(open.messages(call)).toHaveLength(heard);
  });

  it('refuses methods that are not there, go both ways, or are asked what cannot be read', async () => {
    const open = await page(await logIn(at.console));
    expect(await open.end(open.call('ServerService/Nothing'))).toMatchObject({ code: 12 });
    expect(await open.end(open.call('TransportService/Exchange'))).toMatchObject({ code: 12 });
    const garbled = await open.end(open.call('NetworkService/GetNode', Uint8Array.of(8)));
    expect(garbled).toMatchObject({ code: 3 });
  });

  it('has sixteen calls at once and no more', async () => {
    const open = await page(await logIn(at.console));
    const calls = Array.from({ length: CONSOLE_LIMITS.callsPerPageMax }, () =>
      open.call('NetworkService/WatchEndpointClosed'),
    );
    const { code, message } = await open.end(open.call('NetworkService/WatchEndpointClosed'));
    expect([code, message]).toEqual([8, '16 calls at once are the limit of a page']);
    open.ws.send(Uint8Array.of(2, 0, 0, 0, calls[0]));
    await expect(open.end(open.call('ServerService/GetServer'))).resolves.toMatchObject({ code: 0 });
  });

  it.each([
    ['text', 'hello', false],
    ['no frame at all', Uint8Array.of(), true],
    ['a frame of an unknown kind', Uint8Array.of(9, 0, 0, 0, 1), true],
    ['a path that is cut short', Uint8Array.of(1, 0, 0, 0, 1, 255, 255, 47), true],
    ['a frame that only the server sends', Uint8Array.of(3, 0, 0, 0, 1), true],
    ['a call number that was used', Uint8Array.of(1, 0, 0, 0, 0, 0, 0), true],
  ])('is closed by %s', async (_what, data, binary) => {
    const open = await page(await logIn(at.console));
    open.ws.send(data, { binary });
    await open.until(() => open.closed !== undefined);
    expect(open.closed?.code).toBe(CLOSE.refused);
  });

  it('is closed by a frame beyond its bound, before it is read whole', async () => {
    const open = await page(await logIn(at.console));
    open.ws.send(new Uint8Array(CONSOLE_LIMITS.frameBytesMax + 1));
    await open.until(() => open.closed !== undefined);
    expect(open.closed?.code).toBe(1009);
  });

  it('tells a page that does not read no more than it may hold, and goes on when it does', async () => {
    const open = await page(await logIn(at.console));
    open.ws.pause();
    for (let number = 100; number < 200; number++) await ask(at, Sessions.session, agent(number));
    const calls = Array.from({ length: 12 }, () => open.call('NetworkService/WatchNetworkDelta'));
    open.ws.resume();
    const isWhole = (call: number) =>
      open.messages(call).some((bytes) => WatchNetworkDeltaResponse.decode(bytes).kind === WatchKind.SNAPSHOT_END);
    await open.until(() => calls.every(isWhole));
  });

  it('is one of 32 at once', async () => {
    const cookie = await logIn(at.console);
    for (let number = 0; number < CONSOLE_LIMITS.pagesMax; number++) await page(cookie);
    expect(await refusedUpgrade({ cookie, origin: `http://${at.console}` })).toBe(503);
  });
});

describe('a restart of the server', () => {
  it('leaves logins as they are', async () => {
    const one = await runConsole();
    const cookie = await logIn(one.console);
    await one.stop();
    const [, port] = one.console.split(':');
    const two = await runConsole({ 'console-listen': `127.0.0.1:${port}` });
    try {
      // A server in memory has another UUID each time, by which the cookie is named.
      const name = (await logIn(two.console)).split('=')[0];
      const moved = `${name}=${cookie.split('=')[1]}`;
      const response = await fetch(`http://${two.console}/session`, { headers: { cookie: moved } });
      expect(await response.json()).toEqual(whomOf('viewer'));
    } finally {
      await two.stop();
    }
  });

  it('ends pages with the word that the server goes down', async () => {
    const one = await runConsole();
    const open = await BarePage.open(one.console, await logIn(one.console));
    const call = open.call('NetworkService/WatchNetworkDelta');
    await open.until(() => open.messages(call).length > 0);
    await one.server.drain();
    await open.until(() => open.closed !== undefined);
    expect(await open.end(call)).toMatchObject({ code: 14 });
    expect(open.closed?.code).toBe(CLOSE.goingAway);
    await one.stop();
  });
});
