import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { version } from '../../../src/base/version.js';
import { ADMIN_TOKEN, type Running, run } from '../../grpc/running.js';
import { runCommand } from '../command.js';

describe('switchyard status', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'sessions-max': '7' });
  });
  afterAll(() => at.stop());

  it('says what the server is and where it listens, and its limits to nobody but administrators', async () => {
    const { status, out, err } = await runCommand(['status', '--server', at.address]);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(
      new RegExp(`^version {6}${version()}\nup for {7}\\d+(ms|s)\nserver {7}[0-9a-f-]{36}, SID \\d+\n`),
    );
    expect(out).toContain(`grpc         ${at.address}\n`);
    expect(out).not.toContain('LIMIT');
  });

  it('shows an administrator every limit with its use', async () => {
    const { out } = await runCommand(['status', '--server', at.address, '--admin-token', ADMIN_TOKEN]);
    expect(out).toMatch(/\n\nLIMIT +USED +OF {2}UNIT\n/);
    expect(out).toMatch(/\nsessions-max +0 +7 {2}sessions\n/);
  });

  it('prints one object for programs', async () => {
    const args = ['status', '--json', '--server', at.address, '--admin-token', ADMIN_TOKEN];
    const facts = JSON.parse((await runCommand(args)).out);
    expect(facts).toMatchObject({ version: version(), addresses: { grpc: at.address } });
    expect(facts.limits['sessions-max']).toEqual({ used: 0, max: 7, unit: 'sessions' });
    expect(facts.revision).toBeGreaterThan(0);
  });

  it('fails with what is wrong when nobody is there', async () => {
    const { status, err } = await runCommand(['status', '--server', '127.0.0.1:1']);
    expect(status).toBe(1);
    expect(err).not.toBe('');
  });
});
