import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

  it('identity show says the name, roles, labels, sessions and keys of one, and --json the same', async () => {
    const joining = startCommand(['join', ...at(), '--name', 'boat-9', '--port', '22']);
    const cvid = Number((await joining.printed(/joined as \d+/)).match(/joined as (\d+)/)![1]);
    const { instanceUuid: uuid, keyId, publicKey } = await shown('boat-9');
    const described = ['--role', 'agent', '--name', 'boat-9', '--label', 'site=Kiel'];
    expect((await admin('identity', 'approve', uuid, ...described)).status).toBe(0);
    const [state, name, roles, label, sessions, heading, key, ...rest] = (await admin('identity', 'show', uuid)).out
      .split('\n')
      .map((line) => line.trim());
    expect([state, name, roles, label, sessions]).toEqual([
      `${uuid}: here`,
      'name: boat-9',
      'roles: agent',
      'label: site=Kiel',
      `sessions: ${cvid}`,
    ]);
    expect(heading).toMatch(/^KEY +BY +BOUND +GOOD UNTIL$/);
    expect(key).toMatch(new RegExp(`^${keyId} +first use +\\S+ +-$`));
    expect(rest).toEqual(['']);
    expect(JSON.parse((await admin('identity', 'show', uuid, '--json')).out)).toMatchObject({
      ...{ identityUuid: uuid, state: 'here', name: 'boat-9', roles: ['agent'], labels: { site: 'Kiel' } },
      ...{ cvids: [cvid], revoked: false, keys: [{ keyId, origin: 'first use', publicKey }] },
    });
    joining.interrupt();
    await joining.ended;
    expect((await admin('identity', 'show', uuid)).out).toMatch(new RegExp(`^${uuid}: away\n`));
    // Who is no administrator is told what is missing, and of nobody.
    const refused = await runCommand(['identity', 'show', uuid, ...at()]);
    expect(refused).toMatchObject({ status: 1, out: '', err: expect.stringContaining('switchyard-admin') });
    expect(refused.err).not.toContain('boat-9');
  });

  it('replay keeps one key for all that it plays, and nobody without it opens their sessions', async () => {
    const mesh = JSON.stringify({
      ...{ type: 'NetworkGraph', protocol: null, version: null, metric: null },
      nodes: [{ id: 'one' }, { id: 'two' }],
      links: [{ source: 'one', target: 'two', cost: 1 }],
    });
    const play = (home: string, ...more: string[]) =>
      runCommand(['replay', 'mesh', ...at(), ...more], { home, readFile: () => mesh });
    const [player, stranger] = ['player', 'stranger'].map((name) => join(folder, name));
    for (const home of [player, stranger]) mkdirSync(home!);
    const ids = async () =>
      (await admin('identity', 'list', '--json')).out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(({ identityUuid, keys }) => `${identityUuid} ${keys[0]?.keyId} ${keys[0]?.origin}`);
    const before = await ids();
    expect((await play(player!)).status).toBe(0);
    const bound = (await ids()).filter((one) => !before.includes(one));
    expect(bound).toHaveLength(2);
    const own = await runCommand(['key', 'show', ...at(), '--name', 'replay', '--json'], { home: player! });
    const { keyId } = JSON.parse(own.out);
    for (const one of bound) expect(one).toMatch(new RegExp(` ${keyId} first use$`));
    // The same instances again, by the same key; another's is not theirs.
    expect((await play(player!)).status).toBe(0);
    const taken = await play(stranger!);
    expect(taken).toMatchObject({ status: 1, err: expect.stringContaining('PROOF_INVALID') });
    expect((await ids()).sort()).toEqual([...before, ...bound].sort());
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
