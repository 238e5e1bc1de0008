import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunningServer } from '../../../src/server/server.js';
import { subjectUuid } from '../../../src/trust/oidc/subject-uuid.js';
import { TestIssuer } from '../../trust/oidc/issuer.js';
import { startCommand } from '../command.js';
import { startTestServer } from '../servers/server.js';

const TEST_MS = 30_000;
const ADMIN = 'an-administrator-of-tests';
let issuer: TestIssuer;
let server: RunningServer;
let folder: string;
let home: string;

const run = (
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {},
) =>
  startCommand([...args, '--server', server.addresses.grpc], {
    home,
    env,
    input: Readable.from([Buffer.from(input)]),
    readFile: (path) => readFileSync(path, 'utf8'),
  }).ended;

beforeAll(async () => {
  issuer = await TestIssuer.start();
  folder = mkdtempSync(join(tmpdir(), 'issuer-login-'));
  server = await startTestServer({ 'admin-token': ADMIN, auth: 'required', 'oidc-ca': issuer.authorityFile });
  const policy = join(folder, 'policy.json');
  const roles = [{ claim: 'groups', has: 'staff', give: ['client'] }];
  writeFileSync(policy, JSON.stringify({ issuers: [{ issuer: issuer.url, audience: ['switchyard'], roles }] }));
  home = folder;
  const { status, err } = await run(['policy', 'apply', policy, '--admin-token', ADMIN]);
  expect({ status, err }).toEqual({ status: 0, err: '' });
}, TEST_MS);
afterAll(async () => {
  await server?.close();
  await issuer?.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  home = mkdtempSync(join(folder, 'home-'));
});

describe('switchyard login with a token of an issuer', () => {
  it(
    'from standard input, a file or the environment keeps an access token that later commands use',
    async () => {
      const token = await issuer.token({ groups: ['staff'] });
      const file = join(home, 'token');
      writeFileSync(file, `${token}\n`, { mode: 0o600 });
      const uuid = subjectUuid('default', issuer.url, 'anna');
      const logins = [
        await run(['login', '--oidc-token-file', '-'], { input: token }),
        await run(['login', '--oidc-token-file', file]),
        await run(['login'], { env: { SWITCHYARD_OIDC_TOKEN: token } }),
      ];
      for (const login of logins)
        expect(login).toEqual({ status: 0, out: `logged in as ${uuid}: client; for 1h\n`, err: '' });
      expect(await run(['sessions'])).toMatchObject({ status: 0, err: '' });
      const shown = await run(['identity', 'show', uuid, '--admin-token', ADMIN]);
      expect(shown.out).toContain(`issuer: ${issuer.url} anna`);
      await run(['logout']);
      expect((await run(['sessions'])).status).toBe(1);
    },
    TEST_MS,
  );

  it(
    'whose access token has ended shuts no command out of a server that is open to those without one',
    async () => {
      const open = await startTestServer({ 'admin-token': ADMIN, auth: 'open', 'oidc-ca': issuer.authorityFile });
      const at = (...args: string[]) =>
        startCommand([...args, '--server', open.addresses.grpc], {
          home,
          env: {},
          input: Readable.from([]),
          readFile: (path) => readFileSync(path, 'utf8'),
        }).ended;
      const [policy, file] = [join(home, 'policy.json'), join(home, 'token')];
      try {
        const roles = [{ claim: 'groups', has: 'staff', give: ['client'] }];
        writeFileSync(
          policy,
          JSON.stringify({ auth: 'open', issuers: [{ issuer: issuer.url, audience: ['switchyard'], roles }] }),
        );
        writeFileSync(file, await issuer.token({ groups: ['staff'] }), { mode: 0o600 });
        expect(await at('policy', 'apply', policy, '--admin-token', ADMIN)).toMatchObject({ status: 0 });
        expect(await at('login', '--oidc-token-file', file)).toMatchObject({ status: 0 });
        writeFileSync(policy, JSON.stringify({ auth: 'open', issuers: [] }));
        expect(await at('policy', 'apply', policy, '--admin-token', ADMIN)).toMatchObject({ status: 0 });
        expect(await at('sessions')).toMatchObject({ status: 0, err: '' });
      } finally {
        await open.close();
      }
    },
    TEST_MS,
  );

  it(
    'that is not one, that the policy gives no role, or beside a ticket is refused, and nothing is kept',
    async () => {
      const guest = await issuer.token({ sub: 'guest' });
      const refusals = [
        await run(['login', '--oidc-token-file', '-'], { input: 'no token' }),
        await run(['login', '--oidc-token-file', '-'], { input: 'x'.repeat(20_000) }),
        await run(['login', '--oidc-token-file', '-', '--ticket-file', 'x'], { input: guest }),
        await run(['login', '--oidc-token-file', join(home, 'none')]),
        await run(['login', '--oidc-token-file', '-'], { input: guest }),
      ];
      expect(refusals.map(({ status }) => status)).toEqual([2, 2, 2, 2, 1]);
      expect(refusals[0].err).toContain('that is no token');
      expect(refusals[1].err).toContain('that is too long');
      expect(refusals[4].err).toContain('no role');
      expect((await run(['sessions'])).status).toBe(1);
    },
    TEST_MS,
  );

  it(
    'is not sent in plain text beyond loopback',
    async () => {
      const sent = startCommand(['login', '--oidc-token-file', '-', '--server', '192.0.2.1:8768'], {
        home,
        input: Readable.from([Buffer.from(await issuer.token())]),
      });
      const { status, err } = await sent.ended;
      expect(status).toBe(1);
      expect(err).toContain('a token is sent over TLS only');
    },
    TEST_MS,
  );
});
