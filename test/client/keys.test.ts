import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import {
  ensureKey,
  type Instance,
  InstanceType,
  keptKeyPath,
  readKey,
  replaceKey,
  type SigningKey,
  Switchyard,
  type SwitchyardOptions,
} from '../../src/client/index.js';
import { ADMIN_TOKEN, agent, ask, type Running, refused, run } from '../grpc/running.js';
import { keyOf } from '../trust/proving.js';

const CERT = fileURLToPath(new URL('tls/cert.pem', import.meta.url));
const KEY = fileURLToPath(new URL('tls/key.pem', import.meta.url));

function uuidOf(number: number): string {
  return agent(number).instanceUuid;
}

describe('an instance with a key', () => {
  let at: Running;
  let yard: Switchyard;

  beforeAll(async () => {
    at = await run();
    yard = new Switchyard({ server: at.address, adminToken: ADMIN_TOKEN });
  });
  afterAll(async () => {
    await yard.close();
    await at.stop();
  });

  const join = (number: number, key?: SigningKey) =>
    yard.join({ uuid: uuidOf(number), type: InstanceType.AGENT, key, reopen: false });

  it('binds its UUID, comes back by the key, and keeps everybody else out', async () => {
    const first = join(1, keyOf(1));
    expect((await first.attached()).identity?.keyId).toBe(keyOf(1).keyId.toString('hex'));
    expect(await refused(ask(at, Sessions.session, agent(1)))).toMatchObject({ reason: 'PROOF_INVALID' });
    for (const key of [undefined, keyOf(2)]) {
      expect(await join(1, key).ended).toMatchObject({ reason: 'PROOF_INVALID' });
    }
    expect(first.state).toBe('attached');
    const second = join(1, keyOf(1));
    await second.attached();
    expect(await first.ended).toMatchObject({ reason: 'SESSION_SUPERSEDED' });
    await second.leave();
  });

  it('is out when its identity is revoked, and does not try again', async () => {
    const instance = join(2, keyOf(3));
    await instance.attached();
    await yard.identities.revoke(uuidOf(2));
    expect(await instance.ended).toMatchObject({ reason: 'IDENTITY_REVOKED' });
    expect(await join(2, keyOf(3)).ended).toMatchObject({ reason: 'IDENTITY_REVOKED' });
  });

  it('rotates its key, and both open its sessions', async () => {
    const instance = join(3, keyOf(4));
    await instance.attached();
    const { identity } = await yard.identities.rotate(uuidOf(3), { old: keyOf(4), next: keyOf(5) });
    expect(identity.keys).toHaveLength(2);
    for (const key of [keyOf(4), keyOf(5)]) await (await joined(join(3, key))).leave();
    const listed: string[] = [];
    for await (const one of yard.identities.list({ pageSize: 1 })) listed.push(one.identityUuid);
    expect(listed).toEqual([uuidOf(1), uuidOf(2), uuidOf(3)]);
  });

  it('proves itself anew after a restart of the server, whose challenges are others', async () => {
    const folder = await mkdtemp(`${tmpdir()}/keys-`);
    const server = await run({ data: folder });
    const port = server.address.split(':').at(-1)!;
    const client = new Switchyard({ server: server.address });
    const instance = client.join({ uuid: uuidOf(4), type: InstanceType.AGENT, key: keyOf(6) });
    const { cvid } = await instance.attached();
    await server.stop();
    const again = await run({ data: folder, listen: `127.0.0.1:${port}` });
    try {
      await new Promise<void>((resolve) => instance.on('attached', () => resolve()));
      expect(instance.session?.cvid).toBe(cvid);
      await ask(again, Sessions.session, agent(4)).then(
        () => expect('opened without a key').toBe('refused'),
        (error) => expect(error.code).toBe(16),
      );
    } finally {
      await client.close();
      await again.stop();
      await rm(folder, { recursive: true });
    }
  });
});

describe('a new client at an old server', () => {
  it('opens its session without a proof where there is no Challenge', async () => {
    const at = await run();
    const { GrpcChannel } = await import('../../src/client/index.js');
    const real = new GrpcChannel(at.address);
    const asked: string[] = [];
    // What a server of release 0.2.0 says to a method that it does not have.
    const channel: SwitchyardOptions['channel'] = {
      host: real.host,
      unary: (method, request, call) => {
        asked.push(method.path);
        const path = method.path.replace('IdentityService', 'NoSuchService');
        return real.unary({ ...method, path }, request, call);
      },
      serverStream: (...args) => real.serverStream(...args),
      duplex: (...args) => real.duplex(...args),
      hold: () => real.hold(),
      close: () => real.close(),
    };
    const client = new Switchyard({ channel });
    const instance = client.join({ uuid: uuidOf(1), type: InstanceType.AGENT, key: keyOf(1) });
    expect((await instance.attached()).identity).toBeUndefined();
    expect(asked[0]).toBe('/switchyard.v1.IdentityService/Challenge');
    await client.close();
    await at.stop();
  });
});

describe('over TLS', () => {
  it('proofs are bound to the certificate that the client saw; unbound ones are for proxies', async () => {
    const at = await run({ 'tls-cert': CERT, 'tls-key': KEY });
    const tls = { ca: readFileSync(CERT), serverName: 'switchyard.test' };
    const client = new Switchyard({ server: at.address, tls });
    const bound = client.join({ uuid: uuidOf(1), type: InstanceType.AGENT, key: keyOf(1) });
    await (await joined(bound)).leave();
    const { GrpcChannel } = await import('../../src/client/index.js');
    const channel = new GrpcChannel(at.address, tls);
    // As behind somebody who ends TLS with another certificate.
    channel.leafKeyId = () => Buffer.alloc(32, 1);
    const through = new Switchyard({ channel });
    const whoever = { uuid: uuidOf(1), type: InstanceType.AGENT, key: keyOf(1) };
    expect(await through.join(whoever).ended).toMatchObject({ reason: 'PROOF_INVALID' });
    await (await joined(through.join({ ...whoever, bindProofs: false }))).leave();
    await Promise.all([client.close(), through.close()]);
    await at.stop();
  });
});

describe('a kept key', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(`${tmpdir()}/kept-key-`);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const pathOf = (name: string) => keptKeyPath({ folder, server: '127.0.0.1:8768', name });

  it('is made once, for its owner alone, also by two processes at once', async () => {
    const path = pathOf('boat-7');
    const keys = await Promise.all(Array.from({ length: 8 }, () => ensureKey(path)));
    expect(new Set(keys.map(({ keyId }) => keyId.toString('hex'))).size).toBe(1);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(path, '..'))).toEqual(['boat-7.pem']);
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
    expect((await readKey(path))?.keyId).toEqual(keys[0].keyId);
  });

  it.each(['../../etc/passwd', '..', '.', 'a/b', 'a b', 'ä', '*'])(
    'has a file in the folder, whatever the name: %s',
    (name) => {
      const path = pathOf(name);
      expect(join(path, '..')).toBe(join(pathOf('x'), '..'));
      expect(path).not.toBe(pathOf('x'));
    },
  );

  it('is refused with its path when others can read it, or when it is no key', async () => {
    const path = pathOf('open');
    await ensureKey(path);
    await chmod(path, 0o644);
    await expect(readKey(path)).rejects.toThrow(`${path} can be read by others`);
    const wrong = pathOf('wrong');
    await writeFile(wrong, 'secret nonsense', { mode: 0o600 });
    await expect(readKey(wrong)).rejects.toThrow(`${wrong}: not a private key in PEM`);
    expect(await readKey(pathOf('absent'))).toBeUndefined();
  });

  it('is replaced when the server knows the new one; until then the next try goes on with the same new key', async () => {
    const path = pathOf('rotated');
    const old = await ensureKey(path);
    const tried: Buffer[] = [];
    const failing = replaceKey(path, async (next) => {
      tried.push(next.keyId);
      throw new Error('the server is away');
    });
    await expect(failing).rejects.toThrow('the server is away');
    expect((await readKey(path))?.keyId).toEqual(old.keyId);
    const now = await replaceKey(path, async (next) => void tried.push(next.keyId));
    expect(tried[1]).toEqual(tried[0]);
    expect((await readKey(path))?.keyId).toEqual(now.keyId);
    expect(await readFile(path, 'utf8')).toBe(now.toPem());
  });
});

async function joined(instance: Instance): Promise<Instance> {
  await instance.attached();
  return instance;
}
