import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { post, type RunningConsole, runConsole, whomOf } from '../../console/running.js';
import { ADMIN_TOKEN, asAdmin, ask, type Running, run } from '../../grpc/running.js';
import { runCommand } from '../command.js';

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
    expect([status, err]).toEqual([0, '']);
    const [, where, code] = /^http:\/\/([^/]+)\/#code=([\w-]+)\n$/.exec(out) ?? [];
    expect(where).toBe(at.console);
    expect(await (await post(at.console, '/login', code)).json()).toEqual(whomOf(role, network));
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
      const told = /^this is a link for a viewer, as your own login failed: .*own-key.pem.*\n$/;
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
