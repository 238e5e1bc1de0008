import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);

let folder: string;
let server: ChildProcess | undefined;

/** Packs the project and installs the package where nothing else is: what a user gets. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-package-'));
  await run('npm', ['pack', '--pack-destination', folder]);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  await writeFile(join(folder, 'package.json'), '{"private": true, "type": "module"}');
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`], { cwd: folder });
}, 300_000);

afterAll(async () => {
  server?.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** Runs the installed command to its end; answers with its standard output. */
async function switchyard(...args: string[]): Promise<string> {
  return (await run(join(folder, 'node_modules', '.bin', 'switchyard'), args, { cwd: folder })).stdout;
}

describe('the package', () => {
  it('holds what a user needs, and nothing of how it is made', async () => {
    const names = await readdir(join(folder, 'node_modules', 'switchyard'));
    expect(names.sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'deploy',
      'dist',
      'docs',
      'man',
      'package.json',
      'proto',
    ]);
    const { stdout } = await run('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: folder });
    expect(stdout).not.toMatch(/node_modules\/(jest|typescript|@biomejs)/);
  });

  it('serves, and replays the mesh that it ships', async () => {
    const program = join(folder, 'node_modules', '.bin', 'switchyard');
    const options = [
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--data',
      join(folder, 'data'),
      '--json',
      '--log-level',
      'error',
    ];
    server = spawn(program, options, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(server.stdout!, 'data');
    const at = ['--server', JSON.parse(String(line)).listening.grpc as string];
    const mesh = join(folder, 'node_modules', 'switchyard', 'docs', 'demo', 'mesh.netjson');
    const summary = JSON.parse(await switchyard('replay', mesh, '--json', ...at));
    expect(summary).toMatchObject({ sessions: 219, links: 570 });
    expect(await switchyard('nodes', ...at)).toMatch(/^ *SID {2}NAME/);
    server.kill('SIGTERM');
    const [status] = await once(server, 'exit');
    expect(status).toBe(0);
    expect(await switchyard('journal', 'check', '--data', join(folder, 'data'))).toMatch(
      /Everything is as it was written/,
    );
  });

  it('has the client, and its version', async () => {
    await writeFile(
      join(folder, 'use.mjs'),
      "import { Switchyard } from 'switchyard/client'; console.log(typeof Switchyard);",
    );
    expect((await run(process.execPath, ['use.mjs'], { cwd: folder })).stdout).toBe('function\n');
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    expect(await switchyard('--version')).toBe(`${version}\n`);
  });
});

describe('the README', () => {
  it("has the very command that the submission's checks run", async () => {
    const commands = (await readFile('.ci/run', 'utf8')).split('\n').filter((line) => /^npm /.test(line));
    expect(commands).toHaveLength(1);
    const blocks = [...(await readFile('README.md', 'utf8')).matchAll(/^```sh\n([^`]*)```$/gm)].map(
      ([, block]) => block,
    );
    expect(blocks).toContain(`${commands[0]}\n`);
  });
});
