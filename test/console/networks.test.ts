import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { ErrorInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import {
  IdentityServiceService as Identities,
  ListNetworksResponse,
  WatchAuditRequest,
} from '../../gen/switchyard/v1/identity.js';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { WatchNetworkDeltaResponse } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { CONSOLE_PROTOCOL } from '../../src/console/frames.js';
import { ADMIN_TOKEN, agent, asAdmin, asHeaders, ask } from '../grpc/running.js';
import { BarePage, codeFor, logIn, post, type RunningConsole, runConsole, whomOf } from './running.js';

const UNAUTHENTICATED = 16;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;

let at: RunningConsole;
let data: string;
const pages: BarePage[] = [];

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'switchyard-console-networks-'));
  at = await runConsole({ data });
  for (const name of ['north', 'south']) {
    await ask(at, Identities.createNetwork, { name, sessionsMax: 0 }, asAdmin());
    const inNetwork = asHeaders({ 'switchyard-network': name });
    await ask(at, Sessions.session, { ...agent(1), name: `of-${name}` }, inNetwork);
  }
  await ask(at, Sessions.session, { ...agent(1), name: 'of-default' });
});
afterEach(() => {
  for (const page of pages.splice(0)) page.close();
});
afterAll(async () => {
  await at.stop();
  await rm(data, { recursive: true, force: true });
});

async function page(cookie: string, network?: string): Promise<BarePage> {
  const opened = await BarePage.open(at.console, cookie, network === undefined ? '' : `?network=${network}`);
  pages.push(opened);
  return opened;
}

/** The names of the instances that a page is shown. */
async function namesIn(opened: BarePage): Promise<string[]> {
  const call = opened.call('NetworkService/WatchNetworkDelta');
  const told = () => opened.messages(call).map((bytes) => WatchNetworkDeltaResponse.decode(bytes));
  await opened.until(() => told().some(({ kind }) => kind === WatchKind.SNAPSHOT_END));
  const nodes = told().flatMap(({ deltas }) => deltas.flatMap(({ nodeAdded }) => nodeAdded));
  return nodes.map(({ name }) => name).filter((name) => name !== '');
}

/** The status and words with which a page is refused. */
async function refusedPage(cookie: string, network: string): Promise<readonly [number, string]> {
  const headers = { cookie, origin: `http://${at.console}` };
  const ws = new WebSocket(`ws://${at.console}/socket?network=${network}`, CONSOLE_PROTOCOL, { headers });
  ws.on('error', () => {});
  return new Promise((resolve) => {
    ws.on('unexpected-response', async (_request, response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve([response.statusCode ?? 0, text.trim()]);
    });
  });
}

async function reasonOf(opened: BarePage, call: number): Promise<readonly [number, string]> {
  const { code, details } = await opened.end(call);
  const [info] = Status.decode(details).details;
  return [code, ErrorInfo.decode(info!.value).reason];
}

describe('a page of the console, on a server with several networks', () => {
  it('shows a viewer the network that the code was made for, and says which that is', async () => {
    const response = await post(at.console, '/login', codeFor('viewer', ADMIN_TOKEN, 'north'));
    expect(await response.json()).toEqual(whomOf('viewer', 'north'));
    const cookie = response.headers.get('set-cookie')!.split(';')[0]!;
    expect(await namesIn(await page(cookie))).toEqual(['of-north']);
    expect(await namesIn(await page(cookie, 'north'))).toEqual(['of-north']);
    expect(await namesIn(await page(await logIn(at.console)))).toEqual(['of-default']);
  });

  it('is refused to a viewer for any other network, also for the default one', async () => {
    const cookie = await logIn(at.console, 'viewer', 'north');
    for (const other of ['south', 'default', 'nowhere']) {
      expect(await refusedPage(cookie, other)).toEqual([403, 'this login is for the network north']);
    }
    expect(await refusedPage(await logIn(at.console), 'north')).toEqual([403, 'this login is for the network default']);
  });

  it('shows an administrator any network, one at a time', async () => {
    const cookie = await logIn(at.console, 'administrator');
    for (const name of ['default', 'north', 'south']) {
      expect(await namesIn(await page(cookie, name))).toEqual([`of-${name}`]);
    }
    expect(await refusedPage(cookie, 'No%20Name')).toEqual([400, 'a name of a network has 1 to 32 of a-z, 0-9 and -']);
    const nowhere = await page(cookie, 'nowhere');
    const call = nowhere.call('NetworkService/WatchNetworkDelta');
    expect(await reasonOf(nowhere, call)).toEqual([NOT_FOUND, 'NETWORK_NOT_FOUND']);
  });

  it('asks the default network what is about the whole server, whichever an administrator looks at', async () => {
    const north = await page(await logIn(at.console, 'administrator'), 'north');
    const list = north.call('IdentityService/ListNetworks');
    expect(await north.end(list)).toMatchObject({ code: 0 });
    const { networks } = ListNetworksResponse.decode(north.messages(list)[0]!);
    expect(networks.map(({ name }) => name)).toEqual(['default', 'north', 'south']);
    const newest = WatchAuditRequest.encode({ after: undefined, newest: 1 }).finish();
    const audit = north.call('IdentityService/WatchAudit', newest);
    await north.until(() => north.messages(audit).length > 0);
  });

  it('tells a viewer nothing about networks, and stays in its own when it becomes an administrator', async () => {
    const cookie = await logIn(at.console, 'viewer', 'north');
    const north = await page(cookie);
    const list = north.call('IdentityService/ListNetworks');
    expect(await reasonOf(north, list)).toEqual([PERMISSION_DENIED, 'ADMIN_REQUIRED']);
    const response = await post(at.console, '/administrator', ADMIN_TOKEN, { cookie });
    expect(await response.json()).toEqual(whomOf('administrator', 'north'));
  });
});

describe('a page of the console, where callers have to say who they are', () => {
  it('is an observer in the network of its login, and in none that is not there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'switchyard-console-networks-'));
    const strict = await runConsole({ data: folder, auth: 'required' });
    const opened: BarePage[] = [];
    try {
      await ask(strict, Identities.createNetwork, { name: 'north', sessionsMax: 0 }, asAdmin());
      const north = await BarePage.open(strict.console, await logIn(strict.console, 'viewer', 'north'));
      const nowhere = await BarePage.open(strict.console, await logIn(strict.console, 'viewer', 'nowhere'));
      opened.push(north, nowhere);
      expect(await namesIn(north)).toEqual([]);
      const call = nowhere.call('NetworkService/WatchNetworkDelta');
      expect(await reasonOf(nowhere, call)).toEqual([UNAUTHENTICATED, 'AUTH_REQUIRED']);
      await ask(strict, Identities.dropNetwork, { name: 'north' }, asAdmin());
      const late = north.call('NetworkService/WatchNetworkDelta');
      expect(await reasonOf(north, late)).toEqual([UNAUTHENTICATED, 'AUTH_REQUIRED']);
    } finally {
      for (const one of opened) one.close();
      await strict.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
