import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type RunningCommand, startCommand } from '../cli/command.js';
import { type Running, run } from '../grpc/running.js';
import { IS_LONG } from '../long.js';

// frp #3957: some of the connections that a browser opens at once through a tunnel were reset.
// A browser opens six connections at once. Connections that were made at once to one peer failed at random, and pages lacked
// their pictures.

const PAGES = IS_LONG ? 200 : 50;
const PICTURES = 6;
/** What browsers open to one host. */
const CONNECTIONS = 6;
/** The web server closes each connection after so many answers, so that connections are made all the time. */
const ANSWERS_PER_CONNECTION = 10;

let at: Running;
let web: Server;
let joined: RunningCommand;
let forward: RunningCommand;
let opened = 0;

beforeAll(async () => {
  at = await run();
  web = createServer((request, response) => response.end(picture(request.url!)));
  web.maxRequestsPerSocket = ANSWERS_PER_CONNECTION;
  // A connection that is closed for being idle in the moment of a request is the browser's to try again.
  web.keepAliveTimeout = 0;
  web.on('connection', () => {
    opened += 1;
  });
  await once(web.listen(0, 'localhost'), 'listening');
  const port = String((web.address() as AddressInfo).port);
  joined = startCommand(['join', '--server', at.address, '--name', 'web', '--port', port]);
  await joined.printed(/joined as/);
  forward = startCommand(['forward', '--server', at.address, '0', 'web', port]);
});
afterAll(async () => {
  for (const command of [forward, joined]) {
    command.interrupt();
    await command.ended;
  }
  web.close();
  await at.stop();
});

/** Some kilobytes that differ from one path to the other. */
function picture(path: string): Buffer {
  const hash = createHash('sha256').update(path).digest();
  return Buffer.alloc(2_000 + hash.readUInt16BE() / 2, hash);
}

it(`loads ${PAGES} pages in a row through switchyard forward, ${CONNECTIONS} connections at once, each page whole`, async () => {
  const [, port] = /127\.0\.0\.1:(\d+)/.exec(await forward.printed(/forwarding .*\n/))!;
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const load = async (path: string) => {
    const [response] = await once(get({ host: '127.0.0.1', port, path, agent }), 'response');
    const body = await buffer(response);
    return response.statusCode === 200 && body.equals(picture(path));
  };
  let whole = 0;
  for (let page = 0; page < PAGES; page++) {
    const html = await load(`/${page}`);
    const pictures = await Promise.all(Array.from({ length: PICTURES }, (_, at) => load(`/${page}/${at}`)));
    if (html && pictures.every(Boolean)) whole += 1;
  }
  agent.destroy();
  expect(whole).toBe(PAGES);
  expect(opened).toBeGreaterThan((PAGES * (PICTURES + 1)) / ANSWERS_PER_CONNECTION - 1);
});
