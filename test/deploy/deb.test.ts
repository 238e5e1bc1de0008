import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildDeb, ownArchitecture } from '../../deploy/deb/build.mjs';
import { controlFile, debianVersion } from '../../deploy/deb/control.mjs';
import { findNode } from '../gate/nodes.mjs';
import { describeLong, IS_LONG } from '../long.js';

const DEB = fileURLToPath(new URL('../../deploy/deb', import.meta.url));
/** What dpkg-query is asked to print. */
const FIELDS = '$' + '{Version} $' + '{Status}';
const OLD = fileURLToPath(new URL('../releases/0.1.0/switchyard-0.1.0.tgz', import.meta.url));

describe('the package for Debian', () => {
  it('says what it needs and how large it is, and is older as a candidate than as a release', () => {
    const about = { version: '1.0.0-rc.1', architecture: 'arm64', installedKiB: 7, nodeVersion: '24.1.0' };
    const fields = controlFile(about).split('\n');
    expect(fields).toEqual(expect.arrayContaining(['Version: 1.0.0~rc.1', 'Architecture: arm64', 'Installed-Size: 7']));
    expect(debianVersion('1.0.0')).toBe('1.0.0');
    const order = spawnSync('dpkg', ['--compare-versions', '1.0.0~rc.1', 'lt', '1.0.0']);
    // On other systems there is no dpkg to ask.
    if (order.error === undefined) expect(order.status).toBe(0);
  });

  it('has scripts that sh can read and that stop at the first failure', async () => {
    const names = await readdir(join(DEB, 'scripts'));
    expect(names.sort()).toEqual(['postinst', 'postrm', 'prerm']);
    for (const name of names) {
      const path = join(DEB, 'scripts', name);
      expect(spawnSync('sh', ['-n', path], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
      expect(await readFile(path, 'utf8')).toMatch(/^set -e$/m);
    }
  });
});

const lacks = ['dpkg', 'dpkg-deb', 'deb-systemd-helper', 'systemd-sysusers'].filter(
  (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0,
);
const cannot = [
  ...(lacks.length === 0 ? [] : [`missing: ${lacks.join(', ')}`]),
  ...(process.getuid?.() === 0 ? [] : ['only root may install']),
];
if (IS_LONG && cannot.length > 0) process.stderr.write(`not checked: the package for Debian: ${cannot.join('; ')}\n`);

/** The package in a folder of its own, with its own list of packages and users: nothing of this machine is touched. */
(IS_LONG && cannot.length > 0 ? describe.skip : describeLong)('the package for Debian in a folder of its own', () => {
  let folder: string;
  let root: string;
  let today: string;
  let old: string;
  let uid: number;
  let gid: number;
  let server: ChildProcess | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-deb-test-'));
    root = join(folder, 'root');
    // The server runs as the user that the package makes, who has to get there.
    await chmod(folder, 0o755);
    for (const path of ['var/lib/dpkg/updates', 'var/lib/dpkg/info', 'etc'])
      await mkdir(join(root, path), { recursive: true });
    for (const path of [
      'var/lib/dpkg/status',
      'var/lib/dpkg/available',
      'etc/passwd',
      'etc/group',
      'etc/shadow',
      'etc/gshadow',
    ])
      await writeFile(join(root, path), '');
    // As in every Debian since 12: there is one folder, under two names.
    await mkdir(join(root, 'usr/lib'), { recursive: true });
    await symlink('usr/lib', join(root, 'lib'));
    const node = await findNode(24);
    const built = { architecture: ownArchitecture()!, node: node.path, compression: 'none', out: folder };
    old = buildDeb({ ...built, tarball: OLD }).path;
    today = buildDeb(built).path;
  }, 600_000);
  afterAll(async () => {
    server?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs dpkg on the folder. Its scripts run outside of it and know it by DPKG_ROOT; what it depends on is this machine's. */
  function dpkg(...args: string[]): void {
    const options = [
      `--root=${root}`,
      '--force-script-chrootless',
      '--force-depends',
      '--force-confdef',
      '--force-confold',
    ];
    const { status, stdout, stderr } = spawnSync('dpkg', [...options, ...args], { encoding: 'utf8' });
    expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' });
  }

  /** As the package's user, where there is no other Node. */
  const asUser = () => ({ uid, gid, env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent' } });

  /** Runs the installed command to its end; answers with what it printed. */
  function switchyard(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(join(root, 'usr/bin/switchyard'), args, {
      ...asUser(),
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout;
  }

  /** Starts the installed server on the data folder. */
  async function serve() {
    const options = ['--json', '--log-level', 'error', '--listen', '127.0.0.1:0', '--data', data()];
    const child = spawn(join(root, 'usr/bin/switchyard'), ['serve', ...options], {
      ...asUser(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    server = child;
    const ended = once(child, 'exit').then(([status]) => Promise.reject(new Error(`the server ended with ${status}`)));
    const [line] = await Promise.race([once(child.stdout, 'data'), ended]);
    ended.catch(() => undefined);
    return { address: JSON.parse(String(line)).listening.grpc as string, pid: child.pid! };
  }

  async function stop(): Promise<void> {
    const ended = once(server!, 'exit');
    server!.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  }

  const data = () => join(root, 'var/lib/switchyard');
  const checkJournal = () => switchyard('journal', 'check', '--data', data(), '--json');
  const versionOf = () =>
    spawnSync('dpkg-query', [`--root=${root}`, '-W', '-f', FIELDS, 'switchyard'], { encoding: 'utf8' }).stdout;
  const exists = (path: string) =>
    // The link of an enabled unit leads to where it will be.
    lstat(join(root, path)).then(
      () => true,
      () => false,
    );
  let checked: string;

  it('installs: a user, its data folder, options for root alone, and a server by the Node of the package', async () => {
    dpkg('--install', old);
    expect(versionOf()).toBe('0.1.0 install ok installed');
    const [, ...ids] = /^switchyard:[^:]*:(\d+):(\d+):/m.exec(await readFile(join(root, 'etc/passwd'), 'utf8'))!;
    [uid, gid] = ids.map(Number) as [number, number];
    const { uid: owner, mode } = await stat(data());
    expect([owner, mode & 0o777]).toEqual([uid, 0o700]);
    expect((await stat(join(root, 'etc/switchyard/environment'))).mode & 0o777).toBe(0o600);
    expect(await exists('etc/systemd/system/multi-user.target.wants/switchyard.service')).toBe(true);
    const { pid } = await serve();
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^[^\0]*node\0/);
    expect(await readFile(`/proc/${pid}/maps`, 'utf8')).toContain(join(root, 'usr/lib/switchyard/runtime/node'));
    await stop();
    expect(await readdir(data())).toContain('data.mdb');
  });

  it('upgrades over the data folder of release 0.1.0, and keeps the options as they were edited', async () => {
    await writeFile(join(root, 'etc/switchyard/environment'), 'SWITCHYARD_LOG_LEVEL=error\n');
    dpkg('--install', today);
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    expect(versionOf()).toBe(`${version} install ok installed`);
    expect(await readFile(join(root, 'etc/switchyard/environment'), 'utf8')).toBe('SWITCHYARD_LOG_LEVEL=error\n');
    const { address } = await serve();
    expect(JSON.parse(switchyard('status', '--server', address, '--json'))).toMatchObject({ version });
    await stop();
    checked = checkJournal();
    expect(JSON.parse(checked)).toMatchObject({ problemCount: 0 });
  });

  it('stays as it is when the same version is installed again', async () => {
    dpkg('--install', today);
    expect(checkJournal()).toBe(checked);
  });

  it('leaves data, options and user when it is removed, and finds them again', async () => {
    dpkg('--remove', 'switchyard');
    expect(await exists('usr/bin/switchyard')).toBe(false);
    expect(await exists('usr/lib/switchyard')).toBe(false);
    expect(await exists('var/lib/switchyard/data.mdb')).toBe(true);
    expect(await exists('etc/switchyard/environment')).toBe(true);
    dpkg('--install', today);
    expect(checkJournal()).toBe(checked);
  });

  it('takes data and options with it when it is purged, and leaves the user', async () => {
    dpkg('--purge', 'switchyard');
    expect(await exists('var/lib/switchyard')).toBe(false);
    expect(await exists('etc/switchyard')).toBe(false);
    expect(await exists('etc/systemd/system/multi-user.target.wants/switchyard.service')).toBe(false);
    expect(await readFile(join(root, 'etc/passwd'), 'utf8')).toMatch(/^switchyard:/m);
    expect(versionOf()).not.toContain('installed');
  });
});
