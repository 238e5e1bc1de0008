import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { post, type RunningConsole, runConsole, whomOf } from '../../console/running.js';
import { ADMIN_TOKEN, asAdmin, ask, type Running, run } from '../../grpc/running.js';
import { runCommand } from '../command.js';

const LOGIN_ENDS = /^a login by this link ends 12h after the page was last opened, and on \S+Z at the latest\n$/;
const WEEK_MS = 7 * 24 * 3_600_000;

describe('switchyard console', () => {
  let at: RunningConsole;
  let bare: Running;
  beforeAll(async () => {
    [at, bare] = await Promise.all([runConsole(), run()]);
    await ask(at, IdentityServiceService.createNetwork, { name: 'north', sessionsMax: 0 }, asAdmin());
  });
  afterAll(() => Promise.all([at.stop(), bare.stop()]));

  it.each([
    ['as a viewer', [], 'viewer', 'default'],
    ['with --admin as an administrator', ['--admin'], 'administrator', 'default'],
    ['with --network as a viewer of that network', ['--network', 'north'], 'viewer', 'north'],
  ] as const)('prints a link that lets a browser in %s', async (_who, flags, role, network) => {
    const args = ['console', '--print', '--server', at.address, '--admin-token', ADMIN_TOKEN, ...flags];
    const { status, out, err } = await runCommand(args);
    expect([status, err]).toEqual([0, expect.stringMatching(LOGIN_ENDS)]);
    const [, where, code] = /^http:\/\/([^/]+)\/#code=([\w-]+)\n$/.exec(out) ?? [];
    expect(where).toBe(at.console);
    expect(await (await post(at.console, '/login', code)).json()).toEqual(whomOf(role, network));
  });

  it.each([
    ['viewer', []],
    ['administrator', ['--admin']],
  ] as const)('says with --json whom the link lets in, and until when: as %s', async (role, flags) => {
    const before = Date.now();
    const args = ['console', '--json', '--server', at.address, '--admin-token', ADMIN_TOKEN, ...flags];
    const { status, out, err } = await runCommand(args);
    expect([status, err]).toEqual([0, '']);
    const { url, loginEndsAt, ...rest } = JSON.parse(out) as Record<string, string>;
    expect(rest).toEqual({ role, network: 'default', unopenedForMs: 12 * 3_600_000 });
    const inAllMs = Date.parse(loginEndsAt ?? '') - before;
    // The link is used within its minute.
    expect(inAllMs).toBeGreaterThanOrEqual(WEEK_MS + 60_000);
    expect(inAllMs).toBeLessThan(WEEK_MS + 120_000);
    const response = await post(at.console, '/login', url?.split('#code=')[1] ?? '');
    expect(await response.json()).toEqual(whomOf(role));
  });

  it('finds the token of its own server, which proves itself, and needs no option', async () => {
    const home = mkdtempSync(join(tmpdir(), 'switchyard-console-'));
    const data = join(home, '.local', 'share', 'switchyard');
    mkdirSync(data, { recursive: true, mode: 0o700 });
    writeFileSync(join(data, 'admin-token'), `${ADMIN_TOKEN}\n`, { mode: 0o600 });
    const { status, out } = await runCommand(['console', '--print', '--server', at.address], { home });
    rmSync(home, { recursive: true });
    expect(status).toBe(0);
    const [, code] = /#code=([\w-]+)\n$/.exec(out) ?? [];
    expect(await (await post(at.console, '/login', code)).json()).toEqual(whomOf('viewer'));
  });

  it('prints a link for a viewer, and says why, where the own key cannot be read and a token is found', async () => {
    const home = mkdtempSync(join(tmpdir(), 'switchyard-console-'));
    const data = join(home, '.local', 'share', 'switchyard');
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const key = join(home, 'own-key.pem');
    writeFileSync(key, 'no key at all', { mode: 0o600 });
    const args = ['console', '--print', '--server', at.address, '--key', key];
    try {
      const alone = await runCommand(args, { home });
      expect([alone.status, alone.out, alone.err]).toEqual([1, '', expect.stringContaining('own-key.pem')]);
      writeFileSync(join(data, 'admin-token'), `${ADMIN_TOKEN}\n`, { mode: 0o600 });
      const { status, out, err } = await runCommand(args, { home });
      const told =
        /^this is a link for a viewer, as your own login failed: .*own-key.pem.*\na login by this link ends .*\n$/;
      expect([status, err]).toEqual([0, expect.stringMatching(told)]);
      const [, code] = /#code=([\w-]+)\n$/.exec(out) ?? [];
      expect(await (await post(at.console, '/login', code)).json()).toMatchObject({ role: 'viewer' });
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it('says how to start a server with a console, where there is none', async () => {
    const { status, err } = await runCommand(['console', '--server', bare.address, '--admin-token', ADMIN_TOKEN]);
    expect([status, err]).toEqual([1, 'this server has no console: start it with `switchyard serve --console`\n']);
  });

  it("says where it looked for the administrator's token, when it found none", async () => {
    const { status, err } = await runCommand(['console', '--server', at.address, '--data', '/nowhere']);
    expect(status).toBe(1);
    expect(err).toContain('/nowhere has no administrator');
  });
});
