import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { buildConsole } from '../../console/build.mjs';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { type Asset, readAssets } from '../../src/console/assets.js';
import type { ConsoleRole } from '../../src/console/calls-port.js';
import { makeCode } from '../../src/console/credentials.js';
import { CONSOLE_PROTOCOL, readServerFrame, type ServerFrame, writePageFrame } from '../../src/console/frames.js';
import type { ServerDeps } from '../../src/server/server.js';
import { ADMIN_TOKEN, type Running, run } from '../grpc/running.js';

/** A page of one line, for tests that need no browser. */
export const BARE_PAGE: ReadonlyMap<string, Asset> = new Map(
  ['/', '/index.html', '/main-ABCDEFGH.js'].map((path) => {
    const asset = { type: 'text/html', bytes: Buffer.from('<p>page'), brotli: undefined, isHashed: path.includes('-') };
    return [path, asset];
  }),
);

/** A server with a console, and where that is. */
export interface RunningConsole extends Running {
  /** HOST:PORT. */
  readonly console: string;
}

/** Starts one, with the bare page unless it is given another. */
export async function runConsole(
  flags: Record<string, string> = {},
  parts: Partial<ServerDeps> = {},
): Promise<RunningConsole> {
  const at = await run({ 'console-listen': '127.0.0.1:0', ...flags }, { assets: BARE_PAGE, ...parts });
  return { ...at, console: at.server.addresses.console };
}

/** Builds the page in a folder of its own. Other tests build and remove dist/ at the same time. */
export async function buildPage(): Promise<{
  folder: string;
  assets: ReadonlyMap<string, Asset>;
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-console-'));
  await buildConsole(folder);
  return { folder, assets: readAssets(folder), remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A code that a browser could log in with. */
export function codeFor(role: ConsoleRole, token = ADMIN_TOKEN, network = 'default'): string {
  return makeCode(token, { role, network }, systemClock, systemRandom);
}

/** A POST as the page makes it. */
export function post(
  console: string,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`http://${console}${path}`, {
    method: 'POST',
    body,
    headers: { origin: `http://${console}`, ...headers },
  });
}

/** Logs in; answers with the cookie. */
export async function logIn(console: string, role: ConsoleRole = 'viewer', network = 'default'): Promise<string> {
  const response = await post(console, '/login', codeFor(role, ADMIN_TOKEN, network));
  if (!response.ok) throw new Error(await response.text());
  return response.headers.get('set-cookie')!.split(';')[0];
}

/** A page without a browser: opens calls and hears what comes of them. */
export class BarePage {
  readonly heard: ServerFrame[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  #lastCall = 0;

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => {
      const frame = readServerFrame(Uint8Array.from(data));
      if (frame !== undefined && frame.kind !== 'tick') this.heard.push(frame);
      ws.emit('heard');
    });
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      ws.emit('heard');
    });
    ws.on('error', () => {});
  }

  static async open(console: string, cookie: string, query = ''): Promise<BarePage> {
    const headers = { cookie, origin: `http://${console}` };
    const page = new BarePage(new WebSocket(`ws://${console}/socket${query}`, CONSOLE_PROTOCOL, { headers }));
    await once(page.ws, 'open');
    return page;
  }

  /** Opens a call; answers with its number. */
  call(path: string, request: Uint8Array = new Uint8Array()): number {
    const call = ++this.#lastCall;
    this.ws.send(writePageFrame({ kind: 'open', call, path: `/switchyard.v1.${path}`, request }));
    return call;
  }

  /** Resolves when something holds of what was heard. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.ws, 'heard');
  }

  /** Resolves with how a call ended. */
  async end(call: number): Promise<Extract<ServerFrame, { kind: 'end' }>> {
    const isIt = (frame: ServerFrame) => frame.kind === 'end' && frame.call === call;
    await this.until(() => this.heard.some(isIt));
    return this.heard.find(isIt) as Extract<ServerFrame, { kind: 'end' }>;
  }

  /** The messages of a call so far. */
  messages(call: number): Uint8Array[] {
    return this.heard.flatMap((frame) => (frame.kind === 'message' && frame.call === call ? [frame.bytes] : []));
  }

  close(): void {
    this.ws.terminate();
  }
}

/** What the door answers of who is logged in, in a network that is `open`; all of it. */
export function whomOf(role: 'viewer' | 'administrator' | null, network = 'default') {
  if (role === null) return { role, network: '', name: '', roles: [], may: [], uuid: '', mode: '' };
  const may = role === 'viewer' ? ['graph.read'] : ADMINISTRATOR_MAY;
  return { role, network, name: '', roles: [], may, uuid: '', mode: 'open' };
}

const ADMINISTRATOR_MAY = [
  'graph.read',
  'network.read',
  'session.terminate',
  'stream.stop',
  'ticket.issue',
  'identity.read',
  'identity.manage',
  'policy.read',
  'policy.manage',
  'audit.read',
  'network.manage',
];
