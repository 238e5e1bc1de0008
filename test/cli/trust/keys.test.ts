import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningServer } from '../../../src/server/server.js';
import { runCommand, startCommand } from '../command.js';
import { startTestServer } from '../servers/server.js';

const TOKEN = 'an-administrator-of-tests';

describe('keys on the command line', () => {
  let server: RunningServer;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cli-keys-'));
    server = await startTestServer({ 'admin-token': TOKEN });
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const at = () => ['--server', server.addresses.grpc];
  const admin = (...args: string[]) => runCommand([...args, ...at(), '--admin-token', TOKEN]);
  const shown = async (name: string) =>
    JSON.parse((await runCommand(['key', 'show', ...at(), '--name', name, '--json'])).out);

  it('join keeps a key for its name, is the same instance again, and nobody else takes its place', async () => {
    const first = startCommand(['join', ...at(), '--name', 'boat-7', '--port', '22']);
    await first.printed(/joined as/);
    const { instanceUuid, keyId, path } = await shown('boat-7');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const listed = JSON.parse((await admin('identity', 'list', '--json')).out);
    expect(listed).toMatchObject({ identityUuid: instanceUuid, state: 'here', keys: [{ keyId, origin: 'first use' }] });
    const otherKey = join(folder, 'thief.pem');
    const thief = ['join', ...at(), '--uuid', instanceUuid, '--key', otherKey, '--port', '22'];
    expect(await runCommand(thief)).toMatchObject({ status: 1, err: expect.stringContaining('bound to another key') });
    first.interrupt();
    await first.ended;
    const again = startCommand(['join', ...at(), '--name', 'boat-7', '--port', '22']);
    await again.printed(/joined as/);
    expect((await admin('identity', 'list')).out).toMatch(
      new RegExp(`${instanceUuid} +here +- +- +\\d+ +1 +${keyId.slice(0, 16)}`),
    );
    again.interrupt();
    await again.ended;
  });

  it('key rotate takes a new key in the place of the old one, by which the instance joins from then on', async () => {
    const before = await shown('boat-7');
    const { out, status } = await runCommand(['key', 'rotate', ...at(), '--name', 'boat-7']);
    expect(status).toBe(0);
    const after = await shown('boat-7');
    expect(after.instanceUuid).toBe(before.instanceUuid);
    expect(after.keyId).not.toBe(before.keyId);
    expect(out).toBe(`${after.instanceUuid} has the key ${after.keyId}; the old one is good for 1d\n`);
    const joining = startCommand(['join', ...at(), '--name', 'boat-7', '--port', '22']);
    await joining.printed(/joined as/);
    joining.interrupt();
    await joining.ended;
  });

  it('identity bind gives a squatted instance back to its owner, and the squatter hears why it is out', async () => {
    const uuid = '00000000-0000-4000-8000-0000000000b1';
    const squatterKey = join(folder, 'squatter.pem');
    const squatter = startCommand(['join', ...at(), '--uuid', uuid, '--key', squatterKey, '--port', '22']);
    await squatter.printed(/joined as/);
    const { publicKey } = generateKeyPairSync('ed25519');
    const pem = join(folder, 'owner-public.pem');
    writeFileSync(pem, publicKey.export({ type: 'spki', format: 'pem' }));
    const bound = await admin('identity', 'bind', uuid, pem);
    expect(bound.out).toMatch(/away\n.*\n.*administrator.*\nbarred: [0-9a-f]{64}\n/);
    expect(await squatter.ended).toMatchObject({ status: 1, err: expect.stringContaining('key was revoked') });
    const base64 = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    expect((await admin('identity', 'bind', uuid, base64)).out).toBe(bound.out);
    const wrong = await admin('identity', 'bind', uuid, join(folder, 'nothing.pem'));
    expect(wrong).toMatchObject({ status: 2, err: expect.stringContaining('neither a public key') });
  });

  it('identity revoke and forget say what came of it', async () => {
    const uuid = '00000000-0000-4000-8000-0000000000b2';
    expect((await admin('identity', 'revoke', uuid)).out).toContain(`${uuid}: revoked\n`);
    const joining = ['join', ...at(), '--uuid', uuid, '--port', '22'];
    expect(await runCommand(joining)).toMatchObject({ status: 1, err: expect.stringContaining('is revoked') });
    expect((await admin('identity', 'show', uuid, '--json')).out).toContain('"state":"revoked"');
    expect((await admin('identity', 'forget', uuid)).out).toContain('is forgotten');
    expect(await admin('identity', 'show', uuid)).toMatchObject({
      status: 1,
      err: expect.stringContaining('no identity'),
    });
    expect(await runCommand(['identity', 'list', ...at()])).toMatchObject({
      status: 1,
      err: expect.stringContaining('switchyard-admin'),
    });
  });

  it('a key that others can read, that is no key or that is not named is refused in words', async () => {
    const path = join(folder, 'public.pem');
    await runCommand(['join', ...at(), '--uuid', 'x', '--key', path, '--port', '22']);
    chmodSync(path, 0o644);
    const joining = ['join', ...at(), '--name', 'open', '--key', path, '--port', '22'];
    expect(await runCommand(joining)).toMatchObject({
      status: 1,
      err: expect.stringContaining('can be read by others'),
    });
    expect(await runCommand(['key', 'show', ...at()])).toMatchObject({
      status: 2,
      err: expect.stringContaining('--name'),
    });
    const absent = await runCommand(['key', 'show', ...at(), '--name', 'never']);
    expect(absent).toMatchObject({ status: 1, err: expect.stringContaining('there is no key') });
  });

  it('commands without a name prove themselves as one of a few instances, each another', async () => {
    const joins = [1, 2].map(() => startCommand(['join', ...at(), '--port', '22']));
    await Promise.all(joins.map((one) => one.printed(/joined as/)));
    const listed = (await admin('identity', 'list', '--json')).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const here = listed.filter(({ state }) => state === 'here');
    expect(new Set(here.map(({ identityUuid }) => identityUuid)).size).toBe(2);
    expect(new Set(here.map(({ keys }) => keys[0].keyId)).size).toBe(1);
    for (const one of joins) one.interrupt();
    await Promise.all(joins.map(({ ended }) => ended));
  });
});
