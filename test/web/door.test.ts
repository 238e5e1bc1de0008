import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Place } from '../../src/admission/place.js';
import { parseAddress } from '../../src/base/address.js';
import { WEB_LIMITS } from '../../src/web/limits.js';
import { ADMIN_TOKEN, run } from '../grpc/running.js';
import { post, type RunningWeb, runWeb, send } from './running.js';

const SESSION = '/switchyard.v1.SessionService/Session';
const LIST = '/switchyard.v1.SessionService/ListSessions';
const WATCH = '/switchyard.v1.NetworkService/WatchNetworkDelta';
const SERVER = '/switchyard.v1.ServerService/GetServer';
const PAGE = 'https://fleet.example';

let at: RunningWeb;
beforeAll(async () => {
  at = await runWeb({ 'web-origin': PAGE });
});
afterAll(() => at.stop());

const jsonOf = ({ text }: { text: string }) => JSON.parse(text);
const errorOf = (answer: { text: string }) => {
  const { code, message, details } = jsonOf(answer);
  return { code, message, reason: details[0].debug.reason, fields: details[1]?.debug.fieldViolations };
};

describe('a request to upgrade', () => {
  it.each(['h2c', 'websocket'])(
    'to %s is answered as if it did not ask for that, and its connection is closed',
    async (what) => {
      const [host, port] = at.web.split(':');
      const socket = connect(Number(port), host);
      let heard = '';
      socket.on('data', (bytes) => (heard += bytes));
      const closed = once(socket, 'close');
      const ask = (more: string) =>
        `GET ${SERVER}?encoding=json&message=%7B%7D HTTP/1.1\r\nhost: ${at.web}\r\n${more}\r\n`;
      socket.write(`${ask(`connection: upgrade\r\nupgrade: ${what}\r\n`)}${ask('')}`);
      await closed;
      expect(heard.match(/^HTTP.*/gm)).toEqual(['HTTP/1.1 200 OK']);
      expect(heard).toMatch(/connection: close/i);
    },
    5_000,
  );
});

describe('a call by curl', () => {
  it('opens a session from JSON, with names of enums and durations as text', async () => {
    const instanceUuid = randomUUID();
    const opened = await post(at.web, SESSION, { instanceUuid, instanceType: 'INSTANCE_TYPE_AGENT', ttl: '60s' });
    expect(opened).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    expect(jsonOf(opened)).toMatchObject({ ttl: '60s', sessionToken: expect.stringMatching(/^sw/) });
  });

  it('reads by GET what changes nothing, and by POST only what does', async () => {
    const read = await send(at.web, `${SERVER}?encoding=json&message=%7B%7D`, { method: 'GET' });
    expect(jsonOf(read)).toMatchObject({ capabilities: ['web'] });
    const changing = await send(at.web, `${SESSION}?encoding=json&message=%7B%7D`, { method: 'GET' });
    expect(changing).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  it('acts as whoever its headers prove', async () => {
    const instanceUuid = randomUUID();
    const { instanceSid: cvid } = jsonOf(await post(at.web, SESSION, { instanceUuid, instanceType: 2 }));
    const path = '/switchyard.v1.SessionService/TerminateSession';
    expect(errorOf(await post(at.web, path, { cvid }))).toMatchObject({
      code: 'unauthenticated',
      reason: 'SESSION_TOKEN_MISSING',
    });
    expect((await post(at.web, path, { cvid }, { 'switchyard-admin': ADMIN_TOKEN })).status).toBe(200);
  });

  it.each([
    ['a field that is not there', '{"instanceUUID":1,"foo":2}', /key "foo" is unknown|key "instanceUUID" is unknown/],
    ['a number that is none', '{"instanceType":"AGENTS"}', /InstanceType from JSON: "AGENTS"/],
    ['no JSON', '{"instanceUuid":', /cannot decode message|JSON/],
  ])('is told what is wrong with %s, and changes nothing', async (_, body, wrong) => {
    const before = jsonOf(await post(at.web, LIST, {})).sessions?.length ?? 0;
    const answer = await send(at.web, SESSION, { headers: { 'content-type': 'application/json' }, body });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({
      code: 'invalid_argument',
      reason: 'FIELD_INVALID',
      message: expect.stringMatching(wrong),
    });
    expect(jsonOf(await post(at.web, LIST, {})).sessions?.length ?? 0).toBe(before);
  });

  it('is told which content types a method takes', async () => {
    const watch = await post(at.web, WATCH, {});
    expect(watch).toMatchObject({
      status: 415,
      headers: { 'accept-post': expect.stringContaining('application/connect+json') },
    });
    expect(watch.text).toContain('the content type is "application/json"');
  });

  it('is told what to call where there is nothing', async () => {
    expect(await send(at.web, '/', { method: 'GET' })).toMatchObject({
      status: 404,
      text: expect.stringContaining('/switchyard.v1.SERVICE/METHOD'),
    });
    expect((await send(at.web, SESSION, { method: 'PUT' })).status).toBe(405);
  });

  it('is refused when it is compressed, and when it says no time as its time', async () => {
    expect(errorOf(await post(at.web, SESSION, {}, { 'content-encoding': 'gzip' }))).toMatchObject({
      code: 'unimplemented',
    });
    expect(errorOf(await post(at.web, SESSION, {}, { 'connect-timeout-ms': '-1' }))).toMatchObject({
      fields: [{ field: 'connect-timeout-ms' }],
    });
    expect(errorOf(await post(at.web, SESSION, {}, { 'grpc-timeout': '1 hour' }))).toMatchObject({
      fields: [{ field: 'grpc-timeout' }],
    });
  });

  it('is refused when it goes both ways', async () => {
    const envelope = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('{}')]);
    const headers = { 'content-type': 'application/connect+json' };
    const answer = await send(at.web, '/switchyard.v1.TransportService/Exchange', { headers, body: envelope });
    expect(answer.text).toContain('"code":"unimplemented"');
  });

  it('goes on when its time is longer than a timer can hold', async () => {
    const answer = await post(at.web, SERVER, {}, { 'connect-timeout-ms': '9999999999' });
    expect(answer.status).toBe(200);
    const headers = { 'content-type': 'application/connect+json', 'connect-timeout-ms': '3000000000' };
    const body = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('{}')]);
    const watch = send(at.web, WATCH, { headers, body });
    expect(await Promise.race([watch.then(() => 'ended'), wait(300, 'goes on')])).toBe('goes on');
  });

  it('ends when its time is over, with the reason', async () => {
    const headers = { 'content-type': 'application/connect+json', 'connect-timeout-ms': '200' };
    const body = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('{}')]);
    const { text } = await send(at.web, WATCH, { headers, body });
    expect(text).toContain('WATCH_KIND_SNAPSHOT');
    expect(text).toContain('"code":"deadline_exceeded"');
  });
});

describe('a page of a browser', () => {
  it('is let in when its origin was allowed, and is told so before it asks', async () => {
    const origin = PAGE;
    const asked = await send(at.web, SESSION, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect(asked).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': PAGE } });
    expect(asked.headers['access-control-allow-headers']).toContain('switchyard-session');
    const read = await post(at.web, LIST, {}, { origin });
    expect(read).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': PAGE, vary: 'origin' } });
  });

  it('is refused from any other origin, before it is asked what it wants', async () => {
    for (const method of ['POST', 'OPTIONS', 'GET']) {
      const refused = await send(at.web, SESSION, { method, headers: { origin: 'https://evil.example' } });
      expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('--web-origin') });
      expect(refused.headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  it('is refused under a name that was made to lead here (DNS rebinding)', async () => {
    expect((await send(at.web, SERVER, { method: 'GET', headers: { host: 'evil.example' } })).status).toBe(403);
  });
});

describe('what a peer may take', () => {
  const open = new Set<() => void>();
  afterEach(() => {
    for (const close of open) close();
    open.clear();
  });

  function raw(text: string) {
    const [host, port] = at.web.split(':');
    const socket = connect(Number(port), host);
    socket.on('error', () => {});
    socket.write(text);
    open.add(() => socket.destroy());
    return socket;
  }

  it('is a request of 1 MiB: a larger one is refused, and its connection closed', async () => {
    const body = ' '.repeat(WEB_LIMITS.requestBytesMax + 1);
    const answer = await send(at.web, SESSION, { headers: { 'content-type': 'application/json' }, body });
    expect(answer).toMatchObject({ status: 429, headers: { connection: 'close' } });
    expect(errorOf(answer)).toMatchObject({ reason: 'TOO_LARGE' });
  });

  it.each([
    ['a target that is no URL', 'GET // HTTP/1.1'],
    ['a whole URL that is none', 'GET http://[ HTTP/1.1'],
    ['a session token that is not ASCII', `POST ${SERVER} HTTP/1.1\r\nswitchyard-session: \xff`],
    ['an administrator token with a tab', `POST ${SERVER} HTTP/1.1\r\nswitchyard-admin: a\tb`],
  ])('is not the server: it answers %s with 4xx, and serves others', async (_, head) => {
    const rest = 'host: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
    const socket = raw('');
    socket.write(Buffer.from(`${head}\r\n${rest}`, 'latin1'));
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 4\d\d /);
    expect((await post(at.web, SERVER, {})).status).toBe(200);
  });

  it.each([
    ['that has a valid token', `switchyard-admin: ${ADMIN_TOKEN}\r\n`, 1],
    ['that has none', '', 0],
  ])('keeps its place by a watch %s, while that goes on', async (_, token, vouchedFor) => {
    const vouch = jest.spyOn(Place.prototype, 'vouch');
    const head = `POST ${WATCH} HTTP/1.1\r\nhost: ${at.web}\r\n${token}content-type: application/connect+json`;
    const socket = raw(`${head}\r\ncontent-length: 7\r\n\r\n\0\0\0\0\x02{}`);
    await once(socket, 'data');
    expect(vouch).toHaveBeenCalledTimes(vouchedFor);
    vouch.mockRestore();
  });

  it('is asked for by a whole URL, too, as proxies do it', async () => {
    const target = `http://other.example${SERVER}?message=%7B%7D`;
    expect((await send(at.web, target, { method: 'GET' })).status).toBe(200);
  });

  it('is 16 calls at once on one connection: beyond it that is closed', async () => {
    const path = `${SERVER}?message=%7B%7D`;
    const watch = `POST ${WATCH} HTTP/1.1\r\nhost: ${at.web}\r\ncontent-type: application/connect+json\r\ncontent-length: 7\r\n\r\n\0\0\0\0\x02{}`;
    const socket = raw(
      watch + `GET ${path} HTTP/1.1\r\nhost: ${at.web}\r\n\r\n`.repeat(WEB_LIMITS.callsPerConnectionMax),
    );
    await once(socket.resume(), 'close');
  });

  it('is no answer for watches that are gone, the one before whose answer another had to wait included', async () => {
    const used = async () => {
      const page = await (await fetch(`http://${own.server.addresses.metrics}/metrics`)).text();
      const all = [...page.matchAll(/^switchyard_watches\{[^}]*\} (\d+)$/gm)].map(([, watches]) => Number(watches));
      return all.reduce((sum, watches) => sum + watches, 0);
    };
    const own = await runWeb({ 'metrics-listen': '127.0.0.1:0' });
    const [host, port] = own.web.split(':');
    const socket = connect(Number(port), host);
    const watch = `POST ${WATCH} HTTP/1.1\r\nhost: ${own.web}\r\ncontent-type: application/connect+json\r\ncontent-length: 7\r\n\r\n\0\0\0\0\x02{}`;
    socket.write(watch + watch + watch);
    for (let tries = 0; tries < 200 && (await used()) < 3; tries++) await new Promise((go) => setTimeout(go, 20));
    expect(await used()).toBe(3);
    socket.destroy();
    for (let tries = 0; tries < 200 && (await used()) > 0; tries++) await new Promise((go) => setTimeout(go, 20));
    expect(await used()).toBe(0);
    await own.stop();
  });

  it('is no answer for a watch that is gone', async () => {
    const watches = async () => {
      const { limits } = jsonOf(await post(at.web, SERVER, {}, { 'switchyard-admin': ADMIN_TOKEN }));
      return limits.find(({ name }: { name: string }) => /watch/.test(name))?.used;
    };
    const before = await watches();
    const socket = raw(
      `POST ${WATCH} HTTP/1.1\r\nhost: ${at.web}\r\ncontent-type: application/connect+json\r\ncontent-length: 7\r\n\r\n\0\0\0\0\x02{}`,
    );
    await once(socket, 'data');
    socket.destroy();
    for (let tries = 0; tries < 100 && (await watches()) !== before; tries++)
      await new Promise((go) => setTimeout(go, 20));
    expect(await watches()).toBe(before);
  });
});

describe('a server that goes down', () => {
  it('tells its watches so, and then ends', async () => {
    const own = await runWeb();
    const headers = { 'content-type': 'application/connect+json' };
    const body = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('{}')]);
    const watch = send(own.web, WATCH, { headers, body });
    await new Promise((go) => setTimeout(go, 200));
    await Promise.all([own.server.drain(), own.client.close()]);
    expect((await watch).text).toContain('DRAINING');
  });

  it('speaks TLS beyond loopback, by a certificate of its own, whatever gRPC does', async () => {
    const far = await run({ 'web-listen': '0.0.0.0:0' });
    try {
      const { port } = parseAddress(far.server.addresses.web);
      const plain = fetch(`http://127.0.0.1:${port}/switchyard.v1.ServerService/GetServer`, { method: 'POST' });
      await expect(plain).rejects.toThrow();
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      expect(socket.getPeerCertificate().subject.CN).toBe('switchyard');
      socket.destroy();
    } finally {
      await far.stop();
    }
  });

  it('needs an open door for origins', async () => {
    await expect(run({ 'web-origin': PAGE })).rejects.toThrow(/--web-origin needs --web-listen/);
  });
});
