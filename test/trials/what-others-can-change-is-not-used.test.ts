import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { runCommand } from '../cli/command.js';
import { Program } from '../cli/process.js';
import { sampleOf } from '../long.js';

// signalk-server #143: a private key that all could read was used without a word.
// A data folder that somebody else has prepared: with an administrator's token that he knows, or with links to files of the
// server's user, which a start then overwrites.

const CERTIFICATES = new URL('../client/tls/', import.meta.url).pathname;
/** Files that a server looks for in its data folder. `npm test` tries each of them in one of two ways. */
const FILES = ['lock', 'lock.mdb', 'data.mdb', 'admin-token'];
let root: string;
let data: string;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'switchyard-others-'));
  data = join(root, 'data');
  await (await LmdbJournal.open(data)).close();
});
afterEach(() => rmSync(root, { recursive: true }));

/** Starts a server that is to refuse, and answers with what it said. */
async function refusal(...args: string[]): Promise<string> {
  const program = new Program(['serve', '--listen', '127.0.0.1:0', '--log-level', 'silent', '--data', data, ...args]);
  expect(await program.ended()).toBe(1);
  expect(program.out).toBe('');
  return program.err;
}

describe('A server', () => {
  it('does not use a data folder that all can write, and says what to do', async () => {
    chmodSync(data, 0o777);
    expect(await refusal()).toMatch(`all users can write ${data} (mode 0777): it is not used. chmod o-w ${data}\n`);
    expect(readdirSync(data)).not.toContain('admin-token');
  });

  it('does not follow a data folder that is a link', async () => {
    renameSync(data, join(root, 'elsewhere'));
    symlinkSync(join(root, 'elsewhere'), data);
    expect(await refusal()).toMatch(
      /data is a link, or no folder: links are not followed here\. Name what it leads to/,
    );
    expect(readdirSync(join(root, 'elsewhere'))).not.toContain('admin-token');
  });

  it.each(sampleOf(FILES, 2))('does not follow a link in the place of %s, nor touch what it leads to', async (file) => {
    const victim = join(root, 'victim');
    if (existsSync(join(data, file))) renameSync(join(data, file), victim);
    else writeFileSync(victim, 'a-token-that-somebody-knows\n', { mode: 0o600 });
    const before = readFileSync(victim);
    symlinkSync(victim, join(data, file));
    expect(await refusal()).toContain(`${join(data, file)} is a link: links are not followed here`);
    expect(readFileSync(victim).equals(before)).toBe(true);
  });

  it.each(sampleOf([...FILES].reverse(), 2))('does not use %s when all can write it', async (file) => {
    if (!existsSync(join(data, file))) writeFileSync(join(data, file), 'a-token-that-somebody-knows\n');
    chmodSync(join(data, file), 0o666);
    expect(await refusal()).toContain(`all users can write ${join(data, file)} (mode 0666): it is not used. chmod o-w`);
  });

  it('does not use a private key, a certificate or an authority that all can write', async () => {
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(root, name));
    cpSync(join(CERTIFICATES, 'cert.pem'), cert);
    cpSync(join(CERTIFICATES, 'key.pem'), key);
    const tls = ['--tls-cert', cert, '--tls-key', key, '--tls-client-ca', cert];
    for (const file of [cert, key]) {
      chmodSync(file, 0o666);
      expect(await refusal(...tls)).toContain(`all users can write ${file}`);
      chmodSync(file, 0o600);
    }
  });

  it('does not use a configuration file that all can write', async () => {
    const config = join(root, 'config.json');
    writeFileSync(config, '{"admin-token": "a-token-that-somebody-knows"}');
    chmodSync(config, 0o666);
    const program = new Program(['serve', '--data', data, '--config', config]);
    expect(await program.ended()).toBe(2);
    expect(program.err).toContain(`all users can write ${config}`);
  });

  const isRoot = process.getuid?.() === 0;
  if (!isRoot) process.stderr.write("not checked: another user's folder, which only root can give away\n");
  const itAsRoot = isRoot ? it : it.skip;
  itAsRoot("does not use another user's folder or file", async () => {
    writeFileSync(join(data, 'admin-token'), 'a-token-that-somebody-knows\n', { mode: 0o600 });
    spawnSync('chown', ['12345', join(data, 'admin-token')]);
    expect(await refusal()).toMatch(/admin-token belongs to user 12345.* Run as that user, or chown 0 /);
    spawnSync('chown', ['12345', data]);
    expect(await refusal()).toMatch(/data belongs to user 12345/);
  });
});

describe('A command', () => {
  it('does not send a token from a data folder that others can change', async () => {
    writeFileSync(join(data, 'admin-token'), 'a-token-that-somebody-knows\n', { mode: 0o600 });
    chmodSync(data, 0o777);
    const { status, err } = await runCommand(['streams', '--data', data, '--server', '127.0.0.1:1']);
    expect(status).toBe(1);
    expect(err).toContain(`chmod o-w ${data}`);
  });

  it('does not look into a journal whose folder others can change', async () => {
    chmodSync(data, 0o777);
    const { status, err } = await runCommand(['journal', 'check', '--data', data]);
    expect(status).toBe(1);
    expect(err).toContain(`chmod o-w ${data}`);
  });

  it('does not use a private key that all can write', async () => {
    const key = join(root, 'client.key');
    writeFileSync(key, 'key');
    chmodSync(key, 0o666);
    const tls = ['--tls-cert', key, '--tls-key', key, '--server', '127.0.0.1:1'];
    mkdirSync(join(root, 'home'));
    const program = new Program(['nodes', ...tls]);
    expect(await program.ended()).toBe(2);
    expect(program.err).toContain(`all users can write ${key}`);
  });
});
