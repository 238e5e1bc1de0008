import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { post, type RunningConsole, runConsole } from '../../console/running.js';
import { ADMIN_TOKEN } from '../../grpc/running.js';
import { TestIssuer } from '../../trust/oidc/issuer.js';
import { startCommand } from '../command.js';

const TEST_MS = 60_000;
const HOUR_MS = 3_600_000;
const AS_ADMIN = ['--admin-token', ADMIN_TOKEN];

let issuer: TestIssuer;
let at: RunningConsole;
let folder: string;
let home: string;

beforeAll(async () => {
  issuer = await TestIssuer.start();
  folder = mkdtempSync(join(tmpdir(), 'switchyard-console-login-'));
  at = await runConsole({ auth: 'required', 'oidc-ca': issuer.authorityFile });
}, TEST_MS);
afterAll(async () => {
  await at?.stop();
  await issuer?.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  home = mkdtempSync(join(folder, 'home-'));
});

/** A command of the user whose home this test has. */
function run(args: readonly string[], input = '') {
  const surroundings = {
    home,
    input: Readable.from([Buffer.from(input)]),
    readFile: (path: string) => readFileSync(path, 'utf8'),
  };
  return startCommand([...args, '--server', at.address], surroundings).ended;
}

async function logIn(role: string, name = `a-${role}`): Promise<void> {
  const issued = await run(['ticket', 'issue', '--role', role, '--kind', 'person', '--json', ...AS_ADMIN]);
  const { text } = JSON.parse(issued.out) as { text: string };
  expect(await run(['login', '--ticket-file', '-', '--name', name], text)).toMatchObject({ status: 0, err: '' });
}

/** Whom the link lets in that `console` prints. */
async function openedAs(...flags: string[]): Promise<unknown> {
  const { status, out, err } = await run(['console', '--print', ...flags]);
  expect([status, err]).toEqual([0, expect.stringMatching(/^a login by this link ends 12h after .*\n$/)]);
  const [, where, code] = /^http:\/\/([^/]+)\/#code=([\w-]+)\n$/.exec(out) ?? [];
  expect(where).toBe(at.console);
  return (await post(at.console, '/login', code)).json();
}

/** How long a login by the link of `console` lasts at the most, and whom it lets in. */
async function lastsFor(): Promise<readonly [number, unknown]> {
  const { status, out, err } = await run(['console', '--json']);
  expect([status, err]).toEqual([0, '']);
  const { role, loginEndsAt } = JSON.parse(out) as Record<string, string>;
  return [Date.parse(loginEndsAt ?? '') - Date.now(), role];
}

/** Puts the administrator's token where that of the own server is. */
function ownServer(): void {
  const data = join(home, '.local', 'share', 'switchyard');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  writeFileSync(join(data, 'admin-token'), `${ADMIN_TOKEN}\n`, { mode: 0o600 });
}

describe('switchyard console of somebody who has an identity', () => {
  it(
    'prints a link that lets a browser in as that identity, without any other token',
    async () => {
      await logIn('operator');
      const may = expect.arrayContaining(['session.terminate', 'stream.stop', 'ticket.issue']);
      expect(await openedAs()).toMatchObject({ role: 'identity', name: 'a-operator', roles: ['operator'], may });
      // By the key, once login's token is gone.
      await run(['logout']);
      expect(await openedAs()).toMatchObject({ role: 'identity', roles: ['operator'] });
      // A token that is given comes first.
      expect(await openedAs(...AS_ADMIN)).toMatchObject({ role: 'viewer' });
      expect(await openedAs('--admin', ...AS_ADMIN)).toMatchObject({ role: 'administrator' });
    },
    TEST_MS,
  );

  it.each(['operator', 'observer'])(
    'says that a login by the key of an %s lasts a week, by the token that login has kept and by the key alone',
    async (role) => {
      await logIn(role, `weekly-${role}`);
      for (const isKept of [true, false]) {
        if (!isKept) await run(['logout']);
        const [ms, whom] = await lastsFor();
        expect([whom, Math.round(ms / HOUR_MS)]).toEqual(['identity', 7 * 24]);
      }
    },
    TEST_MS,
  );

  it(
    "lets a viewer in where that identity may not read the graph, and the own server's token is there",
    async () => {
      await logIn('agent');
      expect(await openedAs()).toEqual({
        message: 'the roles of this identity do not allow it to read the graph (graph.read)',
      });
      ownServer();
      expect(await openedAs()).toMatchObject({ role: 'viewer', may: ['graph.read', 'network.read'] });
    },
    TEST_MS,
  );

  it(
    'lets in whom an issuer vouches for, who has no key',
    async () => {
      const roles = [{ claim: 'groups', has: 'staff', give: ['observer'] }];
      const policy = join(home, 'policy.json');
      const issuers = [{ issuer: issuer.url, audience: ['switchyard'], roles }];
      writeFileSync(policy, JSON.stringify({ auth: 'required', issuers }));
      expect(await run(['policy', 'apply', policy, ...AS_ADMIN])).toMatchObject({ status: 0 });
      expect(await run(['login', '--oidc-token-file', '-'], await issuer.token({ groups: ['staff'] }))).toMatchObject({
        status: 0,
      });
      expect(await openedAs()).toMatchObject({
        role: 'identity',
        roles: ['observer'],
        may: ['graph.read', 'network.read'],
      });
      // With the token that the issuer's was exchanged for.
      const [ms, whom] = await lastsFor();
      expect(whom).toBe('identity');
      expect(ms).toBeGreaterThan(0);
      expect(ms).toBeLessThanOrEqual(HOUR_MS);
    },
    TEST_MS,
  );

  it(
    'says how to log in where there is neither an identity nor a token',
    async () => {
      const { status, err } = await run(['console', '--print']);
      expect(status).toBe(1);
      expect(err).toContain("the server knows no key of this machine, and no administrator's token was found");
      expect(err).toContain('switchyard login');
    },
    TEST_MS,
  );
});
