import { mkdtempSync, rmSync } from 'node:fs';
import { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { makePerson, personalCode } from '../console/person.js';
import { post, type RunningConsole, runConsole } from '../console/running.js';
import { asAdmin, asHeaders, ask, refusalOf } from '../grpc/running.js';

const PAGE = { pageSize: 0, pageToken: '', instanceUuid: '', instanceType: 0 };
/** Hosts of their own tell the ports apart. */
const HOSTS = {
  listen: '127.0.0.1:0',
  'console-listen': '127.0.0.2:0',
  'web-listen': '127.0.0.3:0',
  'rendezvous-listen': '127.0.0.4:0',
};

let folder: string;
let at: RunningConsole | undefined;
let cookie: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-networks-at-start-'));
  const first = await runConsole({ data: folder, ...HOSTS });
  await ask(first, Identities.createNetwork, { name: 'north', sessionsMax: 0 }, asAdmin());
  const person = await makePerson(first, ['observer'], 'north');
  const response = await post(first.console, '/login', await personalCode(first, person));
  cookie = response.headers.get('set-cookie')!.split(';')[0]!;
  await first.stop();
});
afterAll(async () => {
  jest.restoreAllMocks();
  await at?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Has something done before each port that is listened on from now on, by which time those before it take connections. Gathers why it failed. */
function beforeEachListen(look: (addresses: readonly string[]) => Promise<void>): { readonly failures: unknown[] } {
  const failures: unknown[] = [];
  const { listen } = Server.prototype;
  const listening: Server[] = [];
  jest.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...args) {
    const addresses = listening.map((server) => {
      const bound = server.address();
      return bound === null || typeof bound === 'string' ? '' : `${bound.address}:${bound.port}`;
    });
    listening.push(this);
    void look(addresses)
      .catch((error) => void failures.push(error))
      .then(() => listen.apply(this, args));
    return this;
  });
  return { failures };
}

/** How a call about the network is answered over gRPC. */
async function overGrpc(address: string): Promise<string> {
  const client = new Client(address, credentials.createInsecure());
  try {
    await ask({ client }, Sessions.listSessions, PAGE, asHeaders({ 'switchyard-network': 'north' }));
    return 'answered';
  } catch (error) {
    return refusalOf(error).reason ?? String(error);
  } finally {
    client.close();
  }
}

describe('a server that starts with several networks', () => {
  it('lets callers and logins into all of them as soon as a port listens', async () => {
    const seen = { grpc: new Set<string>(), console: new Set<string>() };
    const { failures } = beforeEachListen(async (addresses) => {
      const grpc = addresses.find((address) => address.startsWith('127.0.0.1:'));
      const page = addresses.find((address) => address.startsWith('127.0.0.2:'));
      if (grpc !== undefined) seen.grpc.add(await overGrpc(grpc));
      if (page === undefined) return;
      const response = await fetch(`http://${page}/session`, { headers: { cookie } });
      const { role, mode } = (await response.json()) as { role: unknown; mode: unknown };
      seen.console.add(`${role} ${mode}`);
    });
    at = await runConsole({ data: folder, ...HOSTS });
    expect(failures).toEqual([]);
    expect([[...seen.grpc], [...seen.console]]).toEqual([['answered'], ['identity open']]);
  });
});
