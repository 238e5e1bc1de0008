import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StatefulSet } from 'kubernetes-models/apps/v1';
import { Secret, Service } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';
import { runCommand } from '../cli/command.js';
import { describeLong } from '../long.js';

/** As the Dockerfile and kubernetes.yaml have it. */
const USER = 10_001;

const dockerfile = await readFile('deploy/docker/Dockerfile', 'utf8');
/** The instructions of the Dockerfile, each in one line. */
const instructions = dockerfile
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .flatMap((line) => {
    const [, name, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, rest: rest! }];
  });
const restOf = (name: string) => instructions.filter((one) => one.name === name).map(({ rest }) => rest);

const documents = parseAllDocuments(await readFile('deploy/kubernetes.yaml', 'utf8'), { uniqueKeys: true });
const byKind = new Map(documents.map((document) => [document.get('kind'), document.toJS()]));
const statefulSet = byKind.get('StatefulSet');
const pod = statefulSet.spec.template.spec;
const [container] = pod.containers;

describe('kubernetes.yaml', () => {
  it('is YAML without a warning, and each object keeps the schema of its kind', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect([...byKind.keys()]).toEqual(['Secret', 'Service', 'StatefulSet']);
    new Secret(byKind.get('Secret')).validate();
    new Service(byKind.get('Service')).validate();
    new StatefulSet(statefulSet).validate();
    const misspelt = { ...statefulSet, spec: { ...statefulSet.spec, replicas: 'one' } };
    expect(() => new StatefulSet(misspelt).validate()).toThrow(/replicas/);
  });

  it('has one server, which is not root and writes nowhere but into its volume', () => {
    expect(statefulSet.spec.replicas).toBe(1);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: USER, fsGroup: USER });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const [{ mountPath }] = container.volumeMounts;
    const { value } = container.env.find(({ name }: { name: string }) => name === 'SWITCHYARD_DATA');
    expect(value.startsWith(`${mountPath}/`)).toBe(true);
  });

  it('names only labels, ports, secrets and volumes that it has', () => {
    const { selector, ports } = byKind.get('Service').spec;
    expect(statefulSet.spec.template.metadata.labels).toMatchObject(selector);
    expect(statefulSet.spec.selector.matchLabels).toEqual(selector);
    const names = container.ports.map(({ name }: { name: string }) => name);
    expect(ports.map(({ targetPort }: { targetPort: string }) => targetPort)).toEqual(names);
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
      expect(names).toContain(container[probe].httpGet.port);
    const keys = container.env.flatMap(
      (one: { valueFrom?: { secretKeyRef: { key: string } } }) => one.valueFrom?.secretKeyRef.key ?? [],
    );
    expect(Object.keys(byKind.get('Secret').stringData)).toEqual(keys);
    expect(statefulSet.spec.volumeClaimTemplates[0].metadata.name).toBe(container.volumeMounts[0].name);
  });

  it('passes options that the server has, and leaves it longer to drain than it takes', async () => {
    const { out } = await runCommand(['serve', '--help']);
    const flags = [...container.args, ...JSON.parse(restOf('CMD')[0]!)].filter((word: string) => word.startsWith('--'));
    for (const flag of flags) expect(out).toContain(flag.split('=')[0]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(20);
  });
});

describe('the Dockerfile', () => {
  it('runs as the user of kubernetes.yaml, on the Node that is recommended, with the same ports', () => {
    expect(restOf('FROM')).toEqual(['node:24-bookworm-slim']);
    expect(restOf('USER')).toEqual([`${USER}:${USER}`]);
    const exposed = restOf('EXPOSE')[0]!
      .split(' ')
      .map((port) => port.replace('/udp', ''));
    const ports = container.ports.map(({ containerPort }: { containerPort: number }) => String(containerPort));
    expect(exposed).toEqual(ports);
  });

  // No engine of containers is asked: its steps are run in a folder.
  describeLong('in a folder', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'switchyard-container-'));
      await chmod(folder, 0o755);
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    it('installs a program that serves as that user from a disk it cannot write, and answers the probes', async () => {
      execFileSync('npm', ['pack', '--pack-destination', folder, '--loglevel=error'], { stdio: 'ignore' });
      const [tarball] = await readdir(folder);
      const program = join(folder, 'opt');
      await mkdir(program);
      await copyFile(join(folder, tarball!), join(program, 'switchyard.tgz'));
      await copyFile('package-lock.json', join(program, 'package-lock.json'));
      const [install] = restOf('RUN');
      execFileSync('sh', ['-ec', install!], { cwd: program, stdio: 'ignore' });
      expect(await readdir(program)).toEqual(expect.arrayContaining(['bin', 'dist', 'node_modules']));
      expect((await stat(join(program, 'bin/switchyard'))).mode & 0o111).toBe(0o111);
      if (process.getuid?.() !== 0) return;

      // A volume as Kubernetes hands it out for fsGroup: of root, and writable for the group.
      const volume = join(folder, 'volume');
      await mkdir(volume);
      await chown(volume, 0, USER);
      await chmod(volume, 0o2775);
      const script = `mount --bind ${volume} ${volume} && mount --bind / / && mount -o remount,ro,bind / && mount --bind ${volume} ${volume} &&
        exec setpriv --reuid ${USER} --regid ${USER} --clear-groups --no-new-privs --bounding-set -all "$@"`;
      const args = ['serve', '--json', '--listen=0.0.0.0:0', '--metrics-listen=0.0.0.0:0'];
      const server = spawn('unshare', ['-m', 'sh', '-ec', script, 'sh', join(program, 'bin/switchyard'), ...args], {
        env: { PATH: process.env.PATH, HOME: '/nonexistent', SWITCHYARD_DATA: join(volume, 'data') },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      server.stderr.on('data', (text) => (said += text));
      try {
        const ended = once(server, 'exit').then(() => Promise.reject(new Error(said)));
        const [line] = await Promise.race([once(server.stdout, 'data'), ended]);
        ended.catch(() => undefined);
        const { metrics } = JSON.parse(String(line)).listening;
        for (const probe of [container.livenessProbe, container.readinessProbe])
          expect(await statusOf(Number(metrics.split(':')[1]), probe.httpGet.path)).toBe(200);
        expect((await stat(join(volume, 'data'))).uid).toBe(USER);
      } finally {
        const over = once(server, 'exit');
        server.kill('SIGTERM');
        expect((await over)[0]).toBe(0);
      }
      expect(spawnSync('sh', ['-c', `find ${program} -user ${USER}`], { encoding: 'utf8' }).stdout).toBe('');
    }, 400_000);
  });
});

/** What a kubelet asks: it does not verify certificates. */
async function statusOf(port: number, path: string): Promise<number | undefined> {
  const asked = request({ host: '127.0.0.1', port, path, rejectUnauthorized: false });
  asked.end();
  const [answer] = await once(asked, 'response');
  answer.resume();
  return answer.statusCode;
}
